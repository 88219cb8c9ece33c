from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from file_fetcher.intake.file_columns import FileColumns, columns_of
from schemas.avro_types import ColumnType
from schemas.envelope import TableSchema, envelope_schema
from schemas.names import TableName
from schemas.tables import FileColumn, TableEntry
from tests.unit.vespa_sink.entries import column, entry

PHOTOS = TableName("public", "photos")
IMAGE = FileColumn("image_s3_key", "s3_key", "*_s3_key")
URL = FileColumn("url", "url", "url")
NARROW = entry("photos", (column("id"), column("image_s3_key")), file_columns=(IMAGE,))
WIDE = entry("photos", (column("id"), column("image_s3_key"), column("url")), file_columns=(IMAGE, URL))


def _schema(*names: str) -> dict[str, Any]:
    row = {"type": "record", "name": "Row", "fields": [{"name": f"c_{n}", "pg_column": n} for n in names]}
    return {"fields": [{"name": "op", "type": "string"}, {"name": "before", "type": ["null", row, "Key"]}]}


class _Known:
    """What is known of tables and schemas; changes as the topics are followed."""

    def __init__(self, *entries: TableEntry) -> None:
        self.tables = {each.name: each for each in entries}
        self.schemas: dict[bytes, Mapping[str, Any]] = {
            b"narrow": _schema("id", "image_s3_key"),
            b"wide": _schema("id", "image_s3_key", "url"),
        }
        self.plans = FileColumns(self.tables.get, self.schemas.get)


def test_file_columns_are_those_of_the_tables_entry() -> None:
    assert _Known(WIDE).plans.find(PHOTOS, b"wide") == (IMAGE, URL)


def test_table_without_file_columns_has_an_empty_plan_and_not_none() -> None:
    known = _Known(entry("photos", (column("id"), column("image_s3_key"))))
    assert known.plans.find(PHOTOS, b"narrow") == ()


@pytest.mark.rule("P10")
def test_p10_unknown_table_or_schema_needs_a_refresh_before_and_after() -> None:
    for plans, fingerprint in ((_Known().plans, b"narrow"), (_Known(NARROW).plans, b"other")):
        assert plans.find(PHOTOS, fingerprint) is None
        assert plans.missed == {(PHOTOS, fingerprint)}
        plans.refreshed(plans.missed)
        assert plans.missed == frozenset()
        assert plans.find(PHOTOS, fingerprint) is None


@pytest.mark.rule("P10")
def test_p10_event_with_other_columns_than_the_entry_waits_for_a_refresh() -> None:
    known = _Known(NARROW)
    assert known.plans.find(PHOTOS, b"wide") is None
    known.tables[PHOTOS] = WIDE
    known.plans.changed()
    known.plans.refreshed(known.plans.missed)
    assert known.plans.find(PHOTOS, b"wide") == (IMAGE, URL)


@pytest.mark.rule("D9")
def test_d9_event_by_another_schema_of_the_same_columns_waits_for_a_refresh() -> None:
    """A column whose type changed, say: it holds files now."""
    before = replace(entry("photos", WIDE.columns, file_columns=(IMAGE,)), schema_fingerprint=b"older".hex())
    after = replace(WIDE, schema_fingerprint=b"wide".hex())
    known = _Known(before)
    assert known.plans.find(PHOTOS, b"wide") is None
    known.tables[PHOTOS] = after
    known.plans.changed()
    known.plans.refreshed(known.plans.missed)
    assert known.plans.find(PHOTOS, b"wide") == (IMAGE, URL)


def test_older_event_has_the_file_columns_of_now_that_it_carries() -> None:
    known = _Known(WIDE)
    assert known.plans.find(PHOTOS, b"narrow") is None
    known.plans.refreshed(known.plans.missed)
    assert known.plans.find(PHOTOS, b"narrow") == (IMAGE,)


def test_column_that_is_no_file_column_any_more_is_none_of_an_older_event() -> None:
    known = _Known(NARROW)
    known.plans.refreshed([(PHOTOS, b"wide")])
    assert known.plans.find(PHOTOS, b"wide") == (IMAGE,)


def test_changed_table_counts_after_it_was_noted() -> None:
    known = _Known(WIDE)
    assert known.plans.find(PHOTOS, b"wide") == (IMAGE, URL)
    known.tables[PHOTOS] = entry("photos", WIDE.columns, file_columns=(URL,))
    known.plans.changed()
    assert known.plans.find(PHOTOS, b"wide") == (URL,)


def test_columns_of_a_real_envelope_are_those_of_the_table() -> None:
    """Guards the shape that `envelope_schema` writes, which `columns_of` reads."""
    columns = (ColumnType("id", "bigint", 20, "int8"), ColumnType("image s3 key", "text", 25, "text"))
    schema = envelope_schema(TableSchema("cdc", "public", "photos", columns, ("id",)))
    assert columns_of(schema) == {"id", "image s3 key"}


def test_another_schema_has_no_columns() -> None:
    assert columns_of({"fields": [{"name": "id", "type": "long"}]}) == set()
    assert columns_of({"type": "string"}) == set()
