"""From a table's definition to the plan of its encoder."""

from __future__ import annotations

import dataclasses

import pytest

from cdc_reader.pgoutput.messages import Relation, RelationColumn
from cdc_reader.tables.encoder_plans import StaleDefinition, plan_table, table_schema
from cdc_reader.transcode.known_types import KnownTypes
from cdc_reader.transcode.type_shapes import ARRAY, BASE, TypeShape
from schemas.tables import Capture, Column, TableEntry
from schemas.wire import fingerprint


def column(name: str, oid: int, ordinal: int, *, generated: bool = False) -> Column:
    return Column(name, f"type {oid}", oid, -1, nullable=True, ordinal=ordinal, generated=generated)


ENTRY = TableEntry(
    version=1,
    source="rowferry",
    database="shop",
    schema="public",
    table="items",
    oid=16385,
    topic="cdc.public.items",
    partitions=3,
    columns=(
        column("id", 20, 1),
        column("region", 25, 2),
        column("tags", 1009, 4),
        column("total", 1700, 5, generated=True),
    ),
    primary_key=("region", "id"),
    capture=Capture("replication", "it has a primary key"),
)


def relation(*columns: tuple[str, int]) -> Relation:
    return Relation(16400, "public", "items_1", "d", tuple(RelationColumn(False, *column, -1) for column in columns))


def names(plan_columns: object) -> list[str]:
    return [column.name for column in plan_columns]  # type: ignore[attr-defined]


def test_plan_without_relation_has_all_but_generated_columns() -> None:
    plan = plan_table(ENTRY, prefix="cdc")
    assert names(plan.columns) == ["id", "region", "tags"]
    assert plan.wire_order == (0, 1, 2)
    assert plan.relation_oid is None


def test_key_is_in_key_order() -> None:
    plan = plan_table(ENTRY, prefix="cdc")
    assert plan.key == (1, 0)
    assert plan.key_kinds == ("text", "int8")


def test_plan_of_a_relation_has_the_columns_that_it_sends() -> None:
    plan = plan_table(ENTRY, prefix="cdc", relation=relation(("total", 1700), ("region", 25), ("id", 20)))
    assert names(plan.columns) == ["id", "region", "total"]
    assert plan.wire_order == (2, 1, 0)
    assert plan.relation_oid == 16400


def test_stream_and_snapshot_share_one_schema() -> None:
    streamed = plan_table(ENTRY, prefix="cdc", relation=relation(("tags", 1009), ("region", 25), ("id", 20)))
    copied = plan_table(ENTRY, prefix="cdc")
    listed = plan_table(ENTRY, prefix="cdc", published=["tags", "id", "region"])
    assert streamed.fingerprint == copied.fingerprint == listed.fingerprint
    assert streamed.avro_schema == copied.avro_schema
    assert fingerprint(copied.avro_schema) == copied.fingerprint


def test_only_types_that_are_read_in_binary_are_asked_for_in_it() -> None:
    assert not plan_table(ENTRY, prefix="cdc").binary
    assert plan_table(ENTRY, prefix="cdc", types=KnownTypes([TypeShape(1009, ARRAY, (25,))])).binary
    assert plan_table(ENTRY, prefix="cdc", types=KnownTypes([TypeShape(1009, BASE, sent=False)])).binary
    assert plan_table(ENTRY, prefix="cdc", published=["id", "region", "total"]).binary


def test_unknown_column_makes_the_entry_stale() -> None:
    with pytest.raises(StaleDefinition, match=r"public\.items .* \['new'\]"):
        plan_table(ENTRY, prefix="cdc", relation=relation(("id", 20), ("region", 25), ("new", 23)))


def test_other_type_makes_the_entry_stale() -> None:
    with pytest.raises(StaleDefinition, match=r"'id' of public\.items to have type 20, got 23"):
        plan_table(ENTRY, prefix="cdc", relation=relation(("id", 23), ("region", 25)))


def test_unpublished_key_makes_the_entry_stale() -> None:
    with pytest.raises(StaleDefinition, match=r"\['region'\] is not"):
        plan_table(ENTRY, prefix="cdc", relation=relation(("id", 20)))


def test_schema_has_the_types_of_the_catalog() -> None:
    schema = table_schema(ENTRY, prefix="cdc")
    assert [(column.name, column.type, column.kind) for column in schema.columns] == [
        ("id", "type 20", "int8"),
        ("region", "type 25", "text"),
        ("tags", "type 1009", "text"),
    ]


def test_another_type_gives_another_fingerprint() -> None:
    wider = dataclasses.replace(ENTRY, columns=(column("id", 23, 1), *ENTRY.columns[1:]))
    assert plan_table(wider, prefix="cdc").fingerprint != plan_table(ENTRY, prefix="cdc").fingerprint
