"""What stands in for a publication where the plugin has none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc_reader.discovery.by_name import with_all_published
from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.discovery.publication import publication_mark, publication_plan
from cdc_reader.progress.gap_checks import check_publication
from cdc_reader.wal2json.tables import known_tables
from schemas.names import TableName
from schemas.offsets import PublicationMark
from tests.unit.cdc_reader.discovery.catalogs import SERVER, column, relation, table

KINDS = {"id": "bigint", "name": "text"}
LEAF = relation(11, "parts_1", KINDS)
PARTS = table(10, "parts", KINDS, kind="p", leaves=(LEAF,))
PLAIN = table(1, "items", KINDS)
KEYLESS = table(2, "log", KINDS, key="")
CATALOG = Catalog(SERVER, (PLAIN, KEYLESS, PARTS), passed_over=(TableName("public", "others"),))


@pytest.mark.rule("D5")
def test_d5_what_can_be_streamed_is_published_and_nothing_is_to_be_done() -> None:
    catalog = with_all_published(CATALOG, "rowferry")
    assert catalog.publication is not None
    assert [member.relation_oid for member in catalog.publication.members] == [1, 11]
    assert publication_plan(catalog, "rowferry").statements == ()
    assert publication_mark(catalog.publication).name == "rowferry"


def marked(catalog: Catalog) -> PublicationMark:
    publication = with_all_published(catalog, "rowferry").publication
    assert publication is not None
    return publication_mark(publication)


@pytest.mark.rule("D2")
def test_d2_partition_with_another_name_is_a_gap() -> None:
    """Its changes came under a name that the session did not know; red with a mark of the OID alone."""
    renamed = replace(PARTS, leaves=(replace(LEAF, name=TableName("public", "parts_2")),))
    now = marked(replace(CATALOG, tables=(PLAIN, renamed)))
    relations = {1: PLAIN.name, 11: PARTS.name}
    assert check_publication(marked(CATALOG), now, relations) == {PARTS.name}
    assert check_publication(marked(CATALOG), marked(CATALOG), relations) == set()


def test_generated_column_of_an_identity_is_no_reason_to_poll() -> None:
    """No server refuses what is not published."""
    lacking = replace(PLAIN, relation=replace(PLAIN.relation, replica_identity="f", unsent_columns=("g",)))
    catalog = with_all_published(replace(CATALOG, tables=(lacking,)), "rowferry")
    assert [member.relation_oid for member in catalog.publication.members] == [1]  # type: ignore[union-attr]


def test_names_that_are_known_are_those_of_all_tables_and_of_what_is_excluded() -> None:
    known = known_tables(CATALOG, frozenset({TableName("public", "scratch")}))
    assert {str(name): each.oid for name, each in known.captured.items()} == {"public.items": 1, "public.parts_1": 11}
    assert sorted(map(str, known.others)) == ["public.log", "public.others", "public.parts", "public.scratch"]


IDENTITIES = {
    "the primary key": ({}, {"id"}),
    "all columns": ({"replica_identity": "f"}, {"id", "name"}),
    "nothing": ({"replica_identity": "n"}, set()),
}


def test_generated_columns_are_none_of_the_events() -> None:
    generated = (*PLAIN.relation.columns, column(3, "g", "bigint", generated="s"))
    [known] = known_tables(
        replace(CATALOG, tables=(replace(PLAIN, relation=replace(PLAIN.relation, columns=generated)),))
    ).captured.values()
    assert ([each.name for each in known.columns], known.generated) == (["id", "name"], {"g"})


@pytest.mark.parametrize(("more", "expected"), IDENTITIES.values(), ids=IDENTITIES)
def test_identity_is_that_of_the_catalog(more: dict[str, str], expected: set[str]) -> None:
    one = replace(CATALOG, tables=(table(1, "items", KINDS, **more),))
    found = {each.key for each in known_tables(one).captured.values()}
    assert found <= {frozenset(expected)}
