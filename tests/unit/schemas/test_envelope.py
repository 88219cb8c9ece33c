"""The Avro schema of a table's events."""

from __future__ import annotations

import dataclasses
import json

import fastavro
import pytest

from schemas.avro_types import ColumnType
from schemas.envelope import TableSchema, envelope_schema
from schemas.wire import fingerprint

ID = ColumnType("id", "bigint", 20, "int8")
NAME = ColumnType("name", "text", 25, "text")
AT = ColumnType("at", "timestamp with time zone", 1184, "timestamptz")
TABLE = TableSchema("cdc", "public", "items", (ID, NAME, AT), ("id",))


def test_fields_come_in_the_order_of_the_contract() -> None:
    assert [field["name"] for field in envelope_schema(TABLE)["fields"]] == [
        "op",
        "version",
        "source",
        "ts_ms",
        "transaction",
        "below_version",
        "refetched",
        "omitted",
        "before",
        "after",
    ]
    source = envelope_schema(TABLE)["fields"][2]["type"]
    assert [field["name"] for field in source["fields"]] == [
        "mode",
        "db",
        "schema",
        "table",
        "name",
        "txId",
        "commit_lsn",
        "ts_us",
        "lsn",
        "ordinal",
    ]


def test_key_record_has_the_primary_key_in_key_order() -> None:
    table = dataclasses.replace(TABLE, key=("name", "id"))
    before = envelope_schema(table)["fields"][8]["type"]
    assert [field["name"] for field in before[1]["fields"]] == ["id", "name", "at"]
    assert [field["name"] for field in before[2]["fields"]] == ["name", "id"]


def test_schema_is_one_that_stock_fastavro_takes_from_json() -> None:
    schema = json.loads(json.dumps(envelope_schema(TABLE)))
    parsed = fastavro.parse_schema(schema)
    assert parsed["name"] == f"{schema['namespace']}.Envelope"  # type: ignore[call-overload,index]


def test_namespace_names_the_table_and_the_schema() -> None:
    namespace = envelope_schema(TABLE)["namespace"]
    base, _, version = namespace.rpartition(".")
    assert base == "cdc.public.items"
    assert version.startswith("v_")
    assert len(version) == 10


def test_names_outside_of_avro_are_escaped_in_the_namespace() -> None:
    table = dataclasses.replace(TABLE, prefix="my-cdc", schema="1.x", table="größe")
    assert envelope_schema(table)["namespace"].startswith("my_x2d_cdc._x31__x2e_x.gr_xf6__xdf_e.v_")


def test_same_table_gives_the_same_fingerprint() -> None:
    assert fingerprint(envelope_schema(TABLE)) == fingerprint(envelope_schema(dataclasses.replace(TABLE)))


OTHERS = {
    "logical type": dataclasses.replace(
        TABLE, columns=(ID, NAME, dataclasses.replace(AT, kind="timestamp", type="timestamp without time zone"))
    ),
    "type of postgres": dataclasses.replace(TABLE, columns=(ID, dataclasses.replace(NAME, type="varchar(5)"), AT)),
    "oid": dataclasses.replace(TABLE, columns=(ID, dataclasses.replace(NAME, type_oid=1043), AT)),
    "key": dataclasses.replace(TABLE, key=("id", "name")),
    "column": dataclasses.replace(TABLE, columns=(ID, NAME)),
    "mark of the catalog": dataclasses.replace(TABLE, catalog_mark="0011223344556677"),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_what_the_canonical_form_drops_changes_the_fingerprint_too(other: TableSchema) -> None:
    assert fingerprint(envelope_schema(other)) != fingerprint(envelope_schema(TABLE))


def test_key_column_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        envelope_schema(dataclasses.replace(TABLE, key=("other",)))
