"""What a row's document takes from the catalog, and what it does not (rule D9)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.catalog_marks import Edge, catalog_mark, edges_of
from schemas.names import TableName
from schemas.tables import Capture, Column, FileColumn, Relationship, TableEntry

PEOPLE = TableName("public", "people")
OWNER = Relationship("out", "owner", "public.people", "id", "belongs_to", declared=True)
TASKS = TableEntry(
    version=5,
    source="rowferry",
    database="db",
    schema="public",
    table="tasks",
    oid=1,
    topic="cdc.public.tasks",
    partitions=1,
    columns=(Column("id", "integer", 23, -1, nullable=False, ordinal=1),),
    primary_key=("id",),
    capture=Capture("replication", "it has a primary key"),
    relationships=(OWNER,),
)
KEYS: dict[TableName, tuple[str, ...]] = {PEOPLE: ("id",), TASKS.name: ("id",)}
MARK = catalog_mark(TASKS, KEYS.get)


def test_edge_has_the_columns_in_the_order_of_the_key_that_it_points_to() -> None:
    pair = Relationship("out", "a,b", "public.people", "x,y", "belongs_to", declared=True)
    table = replace(TASKS, relationships=(pair,))
    assert edges_of(table, {PEOPLE: ("y", "x")}.get) == (Edge("belongs_to", "a,b", ("a", "b"), ("b", "a"), "people"),)
    assert edges_of(table, {PEOPLE: ("z",)}.get)[0].key_columns is None
    assert edges_of(table, {}.get)[0].key_columns == ("a", "b")


CHANGING = {
    "no edge": replace(TASKS, relationships=()),
    "another column": replace(TASKS, relationships=(replace(OWNER, column="boss"),)),
    "another table": replace(TASKS, relationships=(replace(OWNER, target_table="public.tasks"),)),
    "not the other's key": replace(TASKS, relationships=(replace(OWNER, target_column="name"),)),
    "one more": replace(TASKS, relationships=(OWNER, replace(OWNER, column="boss"))),
    "a file": replace(TASKS, file_columns=(FileColumn("url", "url", "*_url"),)),
}
KEEPING = {
    "declared or implied": replace(TASKS, relationships=(replace(OWNER, declared=False),)),
    "edges from others": replace(TASKS, relationships=(OWNER, replace(OWNER, direction="in"))),
    "description": replace(TASKS, description="to do"),
    "name of a type": replace(TASKS, columns=(replace(TASKS.columns[0], type="number"),)),
    "version": replace(TASKS, version=9),
}


@pytest.mark.rule("D9")
@pytest.mark.parametrize("table", CHANGING.values(), ids=CHANGING)
def test_d9_what_documents_take_from_the_catalog_changes_the_mark(table: TableEntry) -> None:
    assert catalog_mark(table, KEYS.get) != MARK


@pytest.mark.rule("D9")
@pytest.mark.parametrize("table", KEEPING.values(), ids=KEEPING)
def test_d9_what_is_only_told_of_a_table_keeps_the_mark(table: TableEntry) -> None:
    assert catalog_mark(table, KEYS.get) == MARK


@pytest.mark.rule("D9")
def test_d9_key_of_the_other_table_changes_the_mark_and_its_name_does_not() -> None:
    assert catalog_mark(TASKS, {PEOPLE: ()}.get) != MARK
    assert catalog_mark(TASKS, {PEOPLE: ("id", "at")}.get) != MARK
    renamed = replace(TASKS, relationships=(replace(OWNER, target_column="number"),))
    assert catalog_mark(renamed, {PEOPLE: ("number",)}.get) == MARK


@pytest.mark.rule("D9")
def test_d9_order_of_edges_is_none_of_documents() -> None:
    two = (OWNER, replace(OWNER, column="boss"))
    one, other = replace(TASKS, relationships=two), replace(TASKS, relationships=two[::-1])
    assert catalog_mark(one, KEYS.get) == catalog_mark(other, KEYS.get)


@pytest.mark.rule("D9")
def test_d9_table_without_edges_and_files_has_no_mark() -> None:
    assert catalog_mark(replace(TASKS, relationships=()), KEYS.get) == ""


@pytest.mark.rule("D9")
def test_d9_mark_stays_what_it_is_from_release_to_release() -> None:
    """Another mark for the same table would have every table with edges read again by an upgrade."""
    assert MARK == "c7e7df98f63b246e"
