"""From the catalog to the tables of a session, and those that are captured no longer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.tables.planned import PlannedTables, TopicSettings, plan_tables
from cdc_reader.transcode import make_encoder
from schemas.names import TableName
from schemas.tables import TableEntry
from tests.unit.cdc_reader.discovery import catalogs

ITEMS, OTHERS = TableName("public", "items"), TableName("public", "others")
KINDS = {"id": "bigint", "name": "text"}
CATALOG = catalogs.catalog(
    catalogs.table(1, "items", KINDS),
    catalogs.table(2, "keyless", KINDS, key=""),
    publication=catalogs.publication((1, "items")),
)


def plan(
    catalog: Catalog = CATALOG, known: dict[str, TableEntry] | None = None, version: int = 5, **existing: int
) -> PlannedTables:
    topics = TopicSettings("rowferry", "cdc", 3, {f"cdc.public.{name}": count for name, count in existing.items()})
    return plan_tables(catalog, known or {}, topics, version=version, encoder_of=make_encoder)


def entries(planned: PlannedTables) -> dict[str, TableEntry]:
    return {str(name): entry for name, entry in planned.entries.items()}


def test_captured_are_the_tables_that_can_be_streamed() -> None:
    planned = plan()
    assert [table.name for table in planned.captured] == [ITEMS]
    assert planned.captured[0].relations == {1}
    assert list(planned.not_streamed) == ["public.keyless"]
    assert planned.removed == []


def test_entry_keeps_its_version_until_it_differs() -> None:
    first = entries(plan(version=5))
    assert entries(plan(known=first, version=9)) == first
    described = replace(first["public.items"], schema_fingerprint="another")
    changed = plan(known={**first, "public.items": described}, version=9)
    assert changed.entries[ITEMS].version == 9


@pytest.mark.rule("D6")
def test_d6_partitions_are_those_of_the_topic_else_those_it_had_else_the_setting() -> None:
    assert plan().entries[ITEMS].partitions == 3
    had = {"public.items": replace(plan().entries[ITEMS], partitions=7)}
    assert plan(known=had).entries[ITEMS].partitions == 7
    assert plan(known=had, items=4).entries[ITEMS].partitions == 4


@pytest.mark.rule("D1")
def test_d1_table_that_is_gone_is_removed_once_and_only_when_it_was_ours() -> None:
    ours = replace(plan().entries[ITEMS], table="others", topic="cdc.public.others")
    known = {**entries(plan()), "public.others": ours}
    assert [table.name for table in plan(known=known, others=3).removed] == [OTHERS]
    assert plan(known=known).removed == [], "its topic is gone, and its rows with it"
    assert [entry.deleted for entry in plan(known=known).forgotten] == [True]
    for other in (
        replace(ours, deleted=True),
        replace(ours, source="another"),
        replace(ours, capture=replace(ours.capture, mode="polling"), schema_fingerprint=None),
    ):
        assert plan(known={**known, "public.others": other}).removed == []
    left = replace(ours, capture=replace(ours.capture, mode="polling"))
    assert [table.name for table in plan(known={**known, "public.others": left}, others=3).removed] == [OTHERS]


def test_polled_table_with_a_generated_key_leaves_the_topics_like_any_other() -> None:
    ours = replace(plan().entries[ITEMS], table="others", topic="cdc.public.others")
    columns = tuple(replace(column, generated=column.primary_key) for column in ours.columns)
    known = {**entries(plan()), "public.others": replace(ours, columns=columns)}
    [removed] = plan(known=known, others=3).removed
    assert removed.entry.primary_key[0] in [column.name for column in removed.plan.columns]


@pytest.mark.rule("D1")
def test_d1_table_recreated_under_its_name_is_swept_by_its_own_scan() -> None:
    known = {"public.items": replace(plan().entries[ITEMS], oid=99)}
    assert plan(known=known).removed == []
