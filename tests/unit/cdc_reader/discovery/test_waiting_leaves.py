"""Partitions that cannot be published wait, with the SQL that ends it; the others go on (rules D8, S5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cdc_reader.discovery.catalog_rows import PublicationMember, PublicationRow, RelationRow, SetAside, TableRow
from cdc_reader.discovery.forbidden_tables import with_forbidden, without_set_aside
from cdc_reader.discovery.publication import publication_plan
from cdc_reader.discovery.waiting_leaves import unpublished_leaves, with_waiting_leaves
from schemas.names import TableName
from tests.unit.cdc_reader.discovery.catalogs import catalog, publication, relation, table

pytestmark = pytest.mark.rule("D8")
KINDS = {"id": "bigint", "name": "text"}
OURS = publication((2, "old"))
THEIRS = replace(OURS, owned=False)
ADD = 'ALTER PUBLICATION "rowferry" ADD TABLE "public"."new";'


def parts(*leaves: RelationRow) -> TableRow:
    return table(1, "parts", KINDS, kind="p", leaves=(relation(2, "old", KINDS), *leaves))


def new(**more: Any) -> RelationRow:
    return relation(3, "new", KINDS, **more)


def judged(leaf: RelationRow, of: PublicationRow | None, met: dict[TableName, SetAside] | None = None) -> TableRow:
    [found] = with_forbidden(catalog(parts(leaf), publication=of), met).tables
    return found


def on_terms(row_filter: str | None, columns: tuple[str, ...] | None = None) -> PublicationRow:
    return replace(OURS, members=(PublicationMember(1, "1", 2, TableName("public", "old"), row_filter, columns),))


UNREADABLE = tuple(replace(each, readable=False) for each in new().columns)
ONLY = "the partition is not in the publication, and only {} may add it"
OTHER_TERMS = "the other partitions are published with a row filter or a column list"
WAITING = {
    "another's": (new(owned=False), OURS, ONLY.format("its owner"), ADD),
    "another's publication": (new(), THEIRS, ONLY.format("the owner of the publication and the partition"), ADD),
    "one that we may not read alone": (
        new(owned=False, columns=UNREADABLE, schema_open=False),
        OURS,
        ONLY.format("its owner"),
        'GRANT USAGE ON SCHEMA "public" TO "rowferry";\nGRANT SELECT ON "public"."new" TO "rowferry";\n' + ADD,
    ),
    "without the filter of the others": (
        new(),
        on_terms("(id > 5)"),
        OTHER_TERMS,
        'ALTER PUBLICATION "rowferry" ADD TABLE "public"."new" WHERE ((id > 5));',
    ),
    "without the columns of the others": (
        new(),
        on_terms(None, ("id",)),
        OTHER_TERMS,
        'ALTER PUBLICATION "rowferry" ADD TABLE "public"."new" ("id");',
    ),
}


@pytest.mark.rule("S5")
@pytest.mark.parametrize(("leaf", "of", "reason", "remedy"), WAITING.values(), ids=WAITING)
def test_d8_partition_that_cannot_be_published_waits(
    leaf: RelationRow, of: PublicationRow, reason: str, remedy: str
) -> None:
    found = judged(leaf, of)
    assert [(each.relation.oid, each.why) for each in found.waiting] == [(3, SetAside(reason, remedy, sql=True))]
    assert (found.set_aside, [leaf.oid for leaf in found.leaves]) == (None, [2])
    assert publication_plan(catalog(found, publication=of), "rowferry").statements == ()


PUBLISHED = {
    "one that we may add": (new(), OURS),
    "a member that is another's": (new(owned=False), publication((2, "old"), (3, "new"))),
    "a member through its root": (new(owned=False), publication((1, "parts"))),
    "one of the publication that we make": (new(), None),
}


@pytest.mark.parametrize(("leaf", "of"), PUBLISHED.values(), ids=PUBLISHED)
def test_d8_partition_that_is_published_or_can_be_does_not_wait(leaf: RelationRow, of: PublicationRow | None) -> None:
    assert judged(leaf, of) == parts(leaf)


@pytest.mark.rule("P8")
def test_p8_partition_whose_name_cannot_be_told_waits() -> None:
    [each] = judged(relation(3, "\ufffd", KINDS), OURS).waiting
    assert each.why.remedy == "rename it, in a session with client_encoding SQL_ASCII"


LOCKED = SetAside("it is locked", "")


def test_d8_partition_with_a_trouble_waits_and_where_all_have_one_their_table_does() -> None:
    troubled = judged(new(), OURS, {TableName("public", "new"): LOCKED})
    assert [each.why for each in troubled.waiting] == [LOCKED]
    none = judged(new(owned=False), replace(OURS, members=()), {TableName("public", "old"): LOCKED})
    assert (none.set_aside, none.waiting) == (LOCKED, ())


def test_d8_what_waits_is_judged_once() -> None:
    once = with_waiting_leaves(catalog(parts(new(owned=False)), publication=OURS))
    assert with_waiting_leaves(once) == once


def test_d8_administrator_is_told_of_all_partitions() -> None:
    [mine] = with_forbidden(catalog(parts(new(owned=False)))).tables
    assert [leaf.oid for leaf in mine.leaves] == [2]
    whole = publication_plan(without_set_aside(catalog(mine)), "rowferry")
    assert whole.statements == (
        'CREATE PUBLICATION "rowferry" FOR TABLE "public"."old", "public"."new"'
        " WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = false)",
    )


def test_s5_leaves_that_nobody_is_sent_are_told_by_the_publication() -> None:
    assert [leaf.oid for leaf in unpublished_leaves(parts(new()), OURS)] == [3]
    assert unpublished_leaves(parts(new()), publication((1, "parts"))) == ()
    assert unpublished_leaves(parts(new()), publication()) == (), "before the first start"
    assert unpublished_leaves(parts(new()), None) == ()
