"""The publication carries the tables that are captured by replication, by name, and nothing unsafe (D2, D3, D5)."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import pytest

from cdc_reader.discovery.publication import publication_mark, publication_plan, quote_table
from schemas.errors import ServerSetting
from schemas.names import TableName
from schemas.offsets import PublicationMark
from tests.unit.cdc_reader.discovery.catalogs import catalog, publication, relation, table

COLUMNS = {"id": "bigint"}
PHOTOS = table(1, "photos", COLUMNS)
NO_KEY = table(2, "log", COLUMNS, key="")
NO_IDENTITY = table(3, "notes", COLUMNS, replica_identity="n")
EVENTS = table(
    4,
    "events",
    COLUMNS,
    kind="p",
    leaves=(relation(5, "events_1", COLUMNS), relation(6, "events_2", COLUMNS)),
)


@pytest.mark.rule("D5")
def test_d5_missing_publication_is_created_with_checked_tables_by_name() -> None:
    plan = publication_plan(catalog(PHOTOS, NO_KEY, NO_IDENTITY, EVENTS), "rowferry")

    assert plan.sql == (
        'CREATE PUBLICATION "rowferry" FOR TABLE "public"."photos", "public"."events_1", "public"."events_2" '
        "WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = false);\n"
    )
    assert [str(name) for name in plan.added] == ["public.photos", "public.events_1", "public.events_2"]


def test_publication_that_is_as_it_should_be_needs_nothing() -> None:
    members = publication((1, "photos"), (5, "events_1"), (6, "events_2"), (77, "of_somebody_else"))

    assert publication_plan(catalog(PHOTOS, EVENTS, publication=members), "rowferry").statements == ()


@pytest.mark.rule("D3")
def test_d3_leaves_of_a_member_are_members() -> None:
    assert publication_plan(catalog(EVENTS, publication=publication((4, "events"))), "rowferry").statements == ()


def test_missing_tables_are_added() -> None:
    plan = publication_plan(catalog(PHOTOS, EVENTS, publication=publication((5, "events_1"))), "rowferry")

    assert plan.statements == ('ALTER PUBLICATION "rowferry" ADD TABLE "public"."photos", "public"."events_2"',)


@pytest.mark.rule("D5")
def test_d5_member_that_lost_its_identity_is_removed() -> None:
    members = publication((1, "photos"), (2, "log"), (3, "notes"))

    plan = publication_plan(catalog(PHOTOS, NO_KEY, NO_IDENTITY, publication=members), "rowferry")

    assert plan.statements == ('ALTER PUBLICATION "rowferry" DROP TABLE "public"."log", "public"."notes"',)
    assert plan.removed == (TableName("public", "log"), TableName("public", "notes"))


@pytest.mark.rule("S5")
def test_s5_limits_of_a_table_that_is_polled_are_not_taken_away() -> None:
    """Without the member nobody would know that rows of it were to be kept back."""
    members = publication((1, "photos"), (2, "log"), (3, "notes"))
    limited = replace(members, members=tuple(replace(each, row_filter="(id > 3)") for each in members.members))

    plan = publication_plan(catalog(PHOTOS, NO_KEY, NO_IDENTITY, publication=limited), "rowferry")

    assert plan.removed == (TableName("public", "log"),)


def test_operations_and_publication_by_leaf_are_restored() -> None:
    members = publication((1, "photos"), truncate=False, via_root=True)

    plan = publication_plan(catalog(PHOTOS, publication=members), "rowferry")

    assert plan.statements == (
        "ALTER PUBLICATION \"rowferry\" SET (publish = 'insert, update, delete, truncate')",
        'ALTER PUBLICATION "rowferry" SET (publish_via_partition_root = false)',
    )


@pytest.mark.rule("D5")
@pytest.mark.parametrize(
    ("change", "got"), [({"all_tables": True}, "FOR ALL TABLES"), ({"schemas": ("public",)}, "FOR TABLES IN SCHEMA")]
)
def test_d5_publication_of_unchecked_tables_is_refused_with_the_sql_that_mends_it(
    change: dict[str, object], got: str
) -> None:
    unchecked = dataclasses.replace(publication(), **change)  # type: ignore[arg-type]

    with pytest.raises(ServerSetting, match=got) as raised:
        publication_plan(catalog(PHOTOS, publication=unchecked), "rowferry")

    assert raised.value.remedy == (
        'DROP PUBLICATION "rowferry";\n'
        'CREATE PUBLICATION "rowferry" FOR TABLE "public"."photos" '
        "WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = false);"
    )


@pytest.mark.rule("D2")
def test_d2_mark_holds_identity_and_members() -> None:
    assert publication_mark(publication((1, "photos"))) == PublicationMark(
        "900:750:fttttf:n", {"public.photos": "901:751:1:*:"}, "rowferry"
    )


@pytest.mark.rule("D2")
def test_d2_filter_and_column_list_change_the_mark_of_their_member() -> None:
    row = publication((1, "photos"))
    filtered = dataclasses.replace(
        row, members=(dataclasses.replace(row.members[0], row_filter="(id > 5)", columns=("id",)),)
    )

    assert publication_mark(filtered).members == {"public.photos": '901:751:1:"id":(id > 5)'}


def test_name_is_quoted_whatever_it_holds() -> None:
    assert quote_table(TableName('a"b', "c.d")) == '"a""b"."c.d"'
