"""The inventory as plain values (pure). Its keys are a contract, docs/reference/discover.schema.json."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
from rowferry.discover.facts import Contents
from rowferry.discover.file_columns import FoundColumn, file_columns
from rowferry.discover.judged import capture_told, judged
from rowferry.discover.row_counts import file_count, row_count
from rowferry.discover.warnings import warnings_of

SCHEMA_VERSION = 1  # rises when a key goes away or means something else
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
class _Found:
    """A table, its file columns, and how many files each refers to."""

    table: TableRow
    files: tuple[FoundColumn, ...]
    counts: tuple[int | None, ...]


def inventory(
    catalog: Catalog, selection: Selection, contents: Contents, *, host: str, now: datetime
) -> dict[str, Any]:
    """The inventory of everything in `catalog`; `selection` says which tables will be captured."""
    found: defaultdict[str, list[_Found]] = defaultdict(list)
    for table in judged(catalog).tables:
        files = file_columns(table, contents)
        counts = tuple(file_count(table, contents, file.column) for file in files)
        found[table.name.schema].append(_Found(table, files, counts))
    everything = [each for tables in found.values() for each in tables]
    known = [count for each in everything for count in each.counts if count is not None]
    return {
        "schema_version": SCHEMA_VERSION,
        "discovery_timestamp": now.isoformat(),
        "database_name": catalog.server.database,
        "database_host": host,
        "server_version": catalog.server.version,
        "schemas": [
            {"name": schema, "tables": [_table(each, selection, contents) for each in found[schema]]}
            for schema in sorted(found)
        ],
        "relationships": list(_relationships(catalog)),
        "file_references_summary": {
            "total_columns": sum(len(each.files) for each in everything),
            "tables_with_files": sum(1 for each in everything if each.files),
            "estimated_file_count": None if contents.facts is None else sum(known),
        },
    }


def _table(found: _Found, selection: Selection, contents: Contents) -> dict[str, Any]:
    table, relation = found.table, found.table.relation
    count, capture = row_count(table, contents), capture_told(table, selection)
    selected = selection.wants(table.name)
    failed = contents.failed.get(table.name)
    described: dict[str, Any] = {
        "name": table.name.name,
        "row_count": count.rows if count else None,
        "row_count_source": count.source if count else None,
        "error": str(failed) if failed else None,
        "columns": [_column(column) for column in relation.columns],
        "timestamp_columns": [column.name for column in relation.columns if column.base_type_oid in _TIMESTAMPS],
        "file_reference_columns": list(map(_file, found.files, found.counts)),
        "kind": KINDS[relation.kind],
        "description": relation.description,
        "primary_key": list(relation.key_columns),
        "capture": {"mode": capture.mode, "reason": capture.reason},
        "warnings": [
            {"code": each.code, "message": each.message, "remedy": each.remedy}
            for each in (warnings_of(table, capture, found.files, contents) if selected else ())
        ],
    }
    if contents.first_rows is not None:
        described["samples"] = [_sample(row) for row in contents.first_rows.get(table.name, ())]
    return described


def _file(file: FoundColumn, count: int | None) -> dict[str, Any]:
    return {
        "column_name": file.column,
        "reference_type": str(file.kind),
        "pattern": file.pattern,
        "found_by": file.found_by,
        "sampled_values": file.sample.filled if file.sample else None,
        "estimated_file_count": count,
    }


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
            "confidence": edge.confidence,
        }


def _sample(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: f"{value[:_LONGEST_SAMPLE]}…" if isinstance(value, str) and len(value) > _LONGEST_SAMPLE else value
        for name, value in row.items()
    }
