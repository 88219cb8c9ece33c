"""The inventory as plain values (pure). Its keys are a contract (specification, section 5); more may be added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cdc_reader.discovery.captures import NONE, capture_of
from cdc_reader.discovery.catalog_rows import (
    FOREIGN_TABLE,
    MATERIALIZED_VIEW,
    PARTITIONED_TABLE,
    PLAIN_TABLE,
    VIEW,
    Catalog,
    ColumnRow,
    TableRow,
)
from cdc_reader.discovery.relationships import edges
from cdc_reader.discovery.selection import Selection
from schemas.errors import RowferryError
from schemas.file_references import file_column
from schemas.names import TableName
from schemas.tables import Capture, FileColumn

KINDS = {
    PLAIN_TABLE: "table",
    PARTITIONED_TABLE: "partitioned table",
    VIEW: "view",
    MATERIALIZED_VIEW: "materialized view",
    FOREIGN_TABLE: "foreign table",
}
_TIMESTAMPS = frozenset({1114, 1184})  # timestamp, timestamptz
_WITH_LENGTH = frozenset({1042, 1043})  # bpchar, varchar: their typmod is the length and the size of a header
_LENGTH_HEADER = 4
_LONGEST_SAMPLE = 500


@dataclass(frozen=True, slots=True)
class Statistics:
    """What was counted in a table: its rows, and the references in each of its file columns."""

    rows: int
    references: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contents:
    """What was read from the tables themselves; nothing of a table that is not in the mappings.

    `failed`: the tables that could not be read, and why.
    """

    statistics: Mapping[TableName, Statistics] = field(default_factory=dict)
    samples: Mapping[TableName, Sequence[Mapping[str, Any]]] | None = None
    failed: Mapping[TableName, RowferryError] = field(default_factory=dict)


def inventory(
    catalog: Catalog, selection: Selection, contents: Contents, *, host: str, now: datetime
) -> dict[str, Any]:
    """The inventory of everything in `catalog`; `selection` says which tables will be captured."""
    schemas = sorted({table.name.schema for table in catalog.tables})
    files = {table.name: files_of(table) for table in catalog.tables}
    counted = [count for statistics in contents.statistics.values() for count in statistics.references.values()]
    return {
        "discovery_timestamp": now.isoformat(),
        "database_name": catalog.server.database,
        "database_host": host,
        "server_version": catalog.server.version,
        "schemas": [
            {
                "name": schema,
                "tables": [
                    _table(table, selection, contents) for table in catalog.tables if table.name.schema == schema
                ],
            }
            for schema in schemas
        ],
        "relationships": list(_relationships(catalog)),
        "file_references_summary": {
            "total_columns": sum(len(columns) for columns in files.values()),
            "tables_with_files": sum(1 for columns in files.values() if columns),
            "estimated_file_count": sum(counted) if contents.statistics else None,
        },
    }


def files_of(table: TableRow) -> tuple[FileColumn, ...]:
    """The columns of a table that refer to files."""
    found = (file_column(column.name, column.base_type or column.type) for column in table.relation.columns)
    return tuple(column for column in found if column is not None)


def _table(table: TableRow, selection: Selection, contents: Contents) -> dict[str, Any]:
    statistics = contents.statistics.get(table.name)
    capture = capture_of(table)
    if not selection.wants(table.name):
        capture = Capture(NONE, selection.why_not(table.name))
    described: dict[str, Any] = {
        "name": table.name.name,
        "row_count": statistics.rows if statistics else None,
        "error": str(contents.failed[table.name]) if table.name in contents.failed else None,
        "columns": [_column(column) for column in table.relation.columns],
        "timestamp_columns": [column.name for column in table.relation.columns if column.base_type_oid in _TIMESTAMPS],
        "file_reference_columns": [
            {"column_name": file.column, "reference_type": str(file.kind), "pattern": file.pattern}
            for file in files_of(table)
        ],
        "kind": KINDS[table.relation.kind],
        "description": table.relation.description,
        "primary_key": list(table.relation.key_columns),
        "capture": {"mode": capture.mode, "reason": capture.reason},
    }
    if contents.samples is not None:
        described["samples"] = [_sample(row) for row in contents.samples.get(table.name, ())]
    return described


def _column(column: ColumnRow) -> dict[str, Any]:
    has_length = column.base_type_oid in _WITH_LENGTH and column.typmod > _LENGTH_HEADER
    return {
        "name": column.name,
        "data_type": column.type,
        "is_nullable": not column.not_null,
        "default_value": column.default,
        "max_length": column.typmod - _LENGTH_HEADER if has_length else None,
        "description": column.description,
    }


def _relationships(catalog: Catalog) -> Iterator[dict[str, Any]]:
    for edge in edges(catalog):
        yield {
            "source_table": edge.table.document_table,
            "source_column": ",".join(edge.columns),
            "target_table": edge.target.document_table,
            "target_column": ",".join(edge.target_columns),
            "declared": edge.declared,
        }


def _sample(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: f"{value[:_LONGEST_SAMPLE]}…" if isinstance(value, str) and len(value) > _LONGEST_SAMPLE else value
        for name, value in row.items()
    }
