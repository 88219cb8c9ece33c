"""What our role may not do sets a table aside, with the SQL that brings it back (rules D8, S5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cdc_reader.discovery.captures import capture_of
from cdc_reader.discovery.catalog_rows import ColumnRow, PublicationMember, PublicationRow, SetAside, TableRow
from cdc_reader.discovery.forbidden_tables import with_forbidden
from cdc_reader.discovery.publication import publication_plan
from schemas.names import TableName
from schemas.tables import Capture
from tests.unit.cdc_reader.discovery.catalogs import catalog, publication, relation, table

pytestmark = pytest.mark.rule("D8")
KINDS = {"id": "bigint", "name": "text"}
OURS = publication((1, "items"))
THEIRS = replace(OURS, owned=False)
MEMBER = 'ALTER PUBLICATION "rowferry" ADD TABLE "public"."items";'


def items(**more: Any) -> TableRow:
    return table(1, "items", KINDS, **more)


def judged(found: TableRow, of: PublicationRow | None = OURS, encoding: str = "UTF8") -> SetAside | None:
    read = catalog(found, publication=of)
    [only] = with_forbidden(replace(read, server=replace(read.server, encoding=encoding))).tables
    return only.set_aside


def closed(*names: str) -> tuple[ColumnRow, ...]:
    return tuple(replace(each, readable=each.name not in names) for each in items().relation.columns)


GRANT = 'GRANT SELECT ON "public"."items" TO "rowferry";'
FORBIDDEN = {
    "no SELECT": (items(columns=closed("id", "name")), OURS, "no right to SELECT the table", GRANT),
    "no SELECT of a column": (
        items(columns=closed("name")),
        OURS,
        "no right to SELECT column 'name' of the table",
        GRANT,
    ),
    "no USAGE": (
        items(schema_open=False),
        OURS,
        "no right to use schema public",
        f'GRANT USAGE ON SCHEMA "public" TO "rowferry";\n{GRANT}',
    ),
    "row security": (
        items(rows_hidden=True),
        OURS,
        "row security hides rows of it from us",
        'ALTER ROLE "rowferry" BYPASSRLS;',
    ),
    "a column list without the key": (
        items(),
        replace(OURS, members=(PublicationMember(1, "1", 1, TableName("public", "items"), None, ("name",)),)),
        "it is published without primary-key column 'id'",
        'ALTER PUBLICATION "rowferry" DROP TABLE "public"."items";\n'
        'ALTER PUBLICATION "rowferry" ADD TABLE "public"."items";',
    ),
    "a column list without the key, of a partition": (
        items(kind="p", leaves=(relation(2, "leaf", KINDS),)),
        replace(OURS, members=(PublicationMember(1, "1", 2, TableName("public", "leaf"), None, ("name",)),)),
        "it is published without primary-key column 'id'",
        'ALTER PUBLICATION "rowferry" DROP TABLE "public"."leaf";\n'
        'ALTER PUBLICATION "rowferry" ADD TABLE "public"."leaf";',
    ),
    "another's publication": (
        items(),
        replace(THEIRS, members=()),
        "it is not in the publication, and only the owner of the publication and the table may add it",
        MEMBER,
    ),
    "another's table": (
        items(owned=False),
        replace(OURS, members=()),
        "it is not in the publication, and only the owner of the table may add it",
        MEMBER,
    ),
}


@pytest.mark.parametrize(("found", "of", "reason", "remedy"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_d8_table_that_we_may_not_read_or_publish_is_set_aside(
    found: TableRow, of: PublicationRow, reason: str, remedy: str
) -> None:
    assert judged(found, of) == SetAside(reason, remedy, sql=True)


ALLOWED = {
    "a member of another's publication": (items(owned=False), THEIRS),
    "one that we may add": (items(), replace(OURS, members=())),
    "no publication yet": (items(), None),
    "a column that is not published": (
        items(columns=closed("name")),
        replace(OURS, members=(PublicationMember(1, "1", 1, TableName("public", "items"), None, ("id",)),)),
    ),
    "a column that no partition publishes": (
        items(columns=closed("name"), kind="p", leaves=(relation(2, "leaf", KINDS),)),
        replace(OURS, members=(PublicationMember(1, "1", 2, TableName("public", "leaf"), None, ("id",)),)),
    ),
    "no table to stream": (items(primary_key=None, key="", schema_open=False), OURS),
}


@pytest.mark.parametrize(("found", "of"), ALLOWED.values(), ids=ALLOWED)
def test_d8_what_is_allowed_sets_nothing_aside(found: TableRow, of: PublicationRow | None) -> None:
    assert judged(found, of) is None


NAMES = {
    "its own": (table(1, "stra\ufffde", KINDS), "the name of table 'stra\ufffde' is not UTF-8"),
    "a column's": (
        table(1, "items", {"id": "bigint", "l\ufffdnge": "text"}),
        "the name of column 2 'l\ufffdnge' is not UTF-8",
    ),
    "a leaf's": (
        table(1, "items", KINDS, kind="p", leaves=(relation(2, "\ufffd", KINDS),)),
        "the name of table '\ufffd' is not UTF-8",
    ),
}


@pytest.mark.rule("P8")
@pytest.mark.parametrize(("found", "reason"), NAMES.values(), ids=NAMES)
def test_p8_table_with_a_name_that_is_not_utf8_is_set_aside(found: TableRow, reason: str) -> None:
    """Of a database that checks no encoding: it can neither be told nor asked for."""
    assert judged(found) == SetAside(reason, "rename it, in a session with client_encoding SQL_ASCII")


def test_d8_table_of_another_owner_is_left_out_of_the_publication_that_we_make() -> None:
    both = with_forbidden(catalog(items(owned=False), table(2, "others", KINDS)))
    plan = publication_plan(both, "rowferry")
    assert plan.added == (TableName("public", "others"),)
    [first, _] = both.tables
    assert capture_of(first) == Capture("none", "only its owner may add it to the publication")


def test_d8_table_that_is_set_aside_stays_in_the_publication() -> None:
    """Red where it is dropped: an administrator added it, and we could not add it again."""
    unreadable = with_forbidden(catalog(items(columns=closed("id", "name")), publication=OURS))
    assert publication_plan(unreadable, "rowferry").statements == ()


def test_d8_plan_can_be_carried_out_table_by_table() -> None:
    two = catalog(items(), table(2, "others", KINDS), table(3, "loose", KINDS, primary_key=None, key=""))
    plan = publication_plan(replace(two, publication=publication((3, "loose"), insert=False)), "rowferry")
    assert plan.first == ("ALTER PUBLICATION \"rowferry\" SET (publish = 'insert, update, delete, truncate')",)
    assert [statement for _, statement in plan.each] == [
        'ALTER PUBLICATION "rowferry" DROP TABLE "public"."loose"',
        'ALTER PUBLICATION "rowferry" ADD TABLE "public"."items"',
        'ALTER PUBLICATION "rowferry" ADD TABLE "public"."others"',
    ]
    first = publication_plan(two, "rowferry")
    assert first.first[0].startswith('CREATE PUBLICATION "rowferry" WITH')
    assert [str(name) for name, _ in first.each] == ["public.items", "public.others"]


@pytest.mark.rule("S5")
def test_s5_partitions_that_are_published_on_other_terms_set_their_table_aside() -> None:
    leaves = (relation(2, "items_a", KINDS), relation(3, "items_b", KINDS))
    root = items(kind="p", leaves=leaves)
    alike = publication((2, "items_a"), (3, "items_b"))
    assert judged(root, alike) is None
    assert judged(root, publication((2, "items_a"))) is None, "the other is added as it is"
    filtered = replace(alike, members=(replace(alike.members[0], row_filter="(id > 1)"), alike.members[1]))
    found = judged(root, filtered)
    assert found is not None
    assert found.reason.startswith("its partitions are published with different row filters or column lists")
    both_names = '"public"."items_a", "public"."items_b"'
    assert found.remedy == f'ALTER PUBLICATION "rowferry" DROP TABLE {both_names};'
    both = replace(alike, members=tuple(replace(each, row_filter="(id > 1)") for each in alike.members))
    assert judged(root, both) is None


@pytest.mark.rule("S5")
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "WIN1252"])
def test_s5_row_filter_of_bytes_that_are_no_characters_sets_its_table_aside(encoding: str) -> None:
    [member] = OURS.members
    named = replace(OURS, members=(replace(member, row_filter="(name <> 'M\u00fcller')"),))
    assert judged(items(), named, encoding) is None
    of_bytes = replace(OURS, members=(replace(member, row_filter="(name <> 'M\ufffdller')"),))
    found = judged(items(), of_bytes, encoding)
    assert found is not None
    assert "row filter" in found.reason
    assert found.remedy == 'ALTER PUBLICATION "rowferry" DROP TABLE "public"."items";'
    assert judged(items(), of_bytes) is None, "of a UTF8 database it is a character like others"


@pytest.mark.rule("S5")
@pytest.mark.parametrize("limit", [{"row_filter": "(id > 3)"}, {"columns": ("id",)}, {"filter_unread": True}])
def test_s5_polled_table_whose_publication_keeps_something_back_is_set_aside(limit: dict[str, Any]) -> None:
    found = replace(items(), polled=True)
    of = publication((found.oid, "items"))
    assert judged(found, of) is None
    limited = replace(of, members=tuple(replace(member, **limit) for member in of.members))
    aside = judged(found, limited)
    assert aside is not None
    assert aside.reason.startswith("it is polled, and the publication limits what is sent of it")
    assert aside.remedy == 'ALTER PUBLICATION "rowferry" DROP TABLE "public"."items";'
