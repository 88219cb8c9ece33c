"""What the sample's description promises: counts, relationships, file columns, keys and types."""

from __future__ import annotations

from collections import Counter

import pytest

from devstack.sample import ddl
from devstack.sample.model import file_columns, relationships
from devstack.sample.tables import ALL, CAPTURED, EXCLUDED
from schemas.file_references import file_column

BY_NAME = {table.name: table for table in ALL}


def test_fifty_tables_are_captured() -> None:
    assert len({table.name for table in CAPTURED}) == 50


def test_bookkeeping_tables_come_on_top() -> None:
    assert [table.name for table in EXCLUDED] == ["_prisma_migrations", "sync_events"]


def test_captured_tables_hold_about_forty_thousand_rows() -> None:
    assert sum(table.rows for table in CAPTURED) == 40_527


@pytest.mark.parametrize(
    ("name", "rows"), [("projects", 31), ("photos", 7631), ("drawings", 5701), ("drawing_revisions", 5481)]
)
def test_known_tables_have_their_known_size(name: str, rows: int) -> None:
    assert BY_NAME[name].rows == rows


def test_relationships_are_164() -> None:
    assert Counter(each.declared for each in relationships(CAPTURED)) == {True: 87, False: 77}


def test_excluded_tables_add_no_relationship() -> None:
    assert relationships(ALL) == relationships(CAPTURED)


def test_every_captured_table_but_the_trades_refers_to_another() -> None:
    lonely = {table.name for table in CAPTURED} - {each.table for each in relationships(CAPTURED)}
    assert lonely == {"trades"}


def test_file_columns_are_33_in_16_tables() -> None:
    found = file_columns(CAPTURED)
    assert len(found) == 33
    assert len({table for table, _, _ in found}) == 16
    assert Counter(kind for _, _, kind in found) == {"s3_key": 11, "url": 11, "jsonb_s3_map": 11}


def test_product_finds_the_same_file_columns() -> None:
    types = {"varchar": "character varying"}
    found = [
        (table.name, column.name, str(reference.kind))
        for table in CAPTURED
        for column in table.columns
        if (reference := file_column(column.name, types.get(column.base_type, column.base_type)))
    ]
    assert found == file_columns(CAPTURED)


def test_every_key_column_exists_and_is_not_null() -> None:
    for table in ALL:
        for name in table.primary_key:
            column = table.column(name)
            assert not column.nulls_percent
            assert None not in column.rare


def test_keys_are_of_many_types() -> None:
    keys = {"+".join(table.column(name).type for name in table.primary_key) for table in CAPTURED}
    assert keys == {"bigint", "integer", "smallint", "uuid", "text", "bigint+bigint", "text+integer"}


def test_two_tables_have_full_replica_identity() -> None:
    assert [t.name for t in ALL if t.replica_identity_full] == ["correspondence", "weather_logs"]


def test_columns_are_of_every_type() -> None:
    used = {column.base_type for table in CAPTURED for column in table.columns}
    assert used == {
        *("smallint", "integer", "bigint", "numeric", "real", "double precision", "boolean"),
        *("text", "varchar", "char", "uuid", "date", "time", "timestamp", "timestamptz", "interval"),
        *("json", "jsonb", "bytea", "text[]", "integer[]", "inet"),
        *("inspection_result", "email_address", "percent_complete"),
    }


def test_one_column_is_generated() -> None:
    generated = [(table.name, column.name) for table in ALL for column in table.columns if column.generated]
    assert generated == [("budget_line_items", "total")]


def test_some_names_must_be_quoted() -> None:
    names = {column.name for table in CAPTURED for column in table.columns}
    assert {name for name in names if ddl.identifier(name) != name} == {"order", "externalRef", "crew size (est.)"}


def test_nearly_all_tables_say_when_their_rows_changed() -> None:
    without = [t.name for t in CAPTURED if not {"created_at", "updated_at"} <= {c.name for c in t.columns}]
    assert without == ["activity_log"]


def test_references_have_the_type_of_the_key_they_refer_to() -> None:
    for table in CAPTURED:
        for key in table.foreign_keys:
            target = BY_NAME[key.target]
            types = [table.column(name).type for name in key.columns]
            assert types == [target.column(name).type for name in target.primary_key], (table.name, key)
