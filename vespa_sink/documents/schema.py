"""A `_tables` entry becomes a schema document: what agents read about a table before they ask for rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.names import TableName
from schemas.tables import Column, Relationship, TableEntry
from vespa_sink.documents.text import legal_text


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Whose documents these are: namespace, and the prefix of the pipeline's topics (rule D7)."""

    namespace: str
    prefix: str


def schema_fields(entry: TableEntry, pipeline: Pipeline, written_at_ms: int) -> dict[str, Any]:
    """The fields of a table's document."""
    capture = entry.capture
    fields: dict[str, Any] = {
        "table_name": entry.name.document_table,
        "columns": [_column(column) for column in entry.columns],
        "column_types": {_legal(column.name): _legal(column.type) for column in entry.columns},
        "foreign_keys": [_foreign_key(edge) for edge in entry.relationships],
        "file_columns": [
            {"column": _legal(file.column), "kind": file.kind, "pattern": file.pattern} for file in entry.file_columns
        ],
        "primary_key": [_legal(name) for name in entry.primary_key],
        "row_estimate": entry.row_estimate,
        "capture": _legal(f"{capture.mode}: {capture.reason}" if capture.reason else capture.mode),
        "schema_version": entry.version,
        "updated_at": written_at_ms,
        "version": entry.version,
        "deleted": False,
        "namespace": pipeline.namespace,
        "prefix": pipeline.prefix,
    }
    if entry.description:
        fields["table_description"] = _legal(entry.description)
    return {name: value for name, value in fields.items() if value not in ([], {})}


def _column(column: Column) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "name": _legal(column.name),
        "pg_type": _legal(column.type),
        "nullable": column.nullable,
        "primary_key": column.primary_key,
        "ordinal": column.ordinal,
    }
    if column.description:
        fields["description"] = _legal(column.description)
    return fields


def _foreign_key(edge: Relationship) -> dict[str, Any]:
    return {
        "fk_column": _legal(edge.column),
        "target_table": TableName.parse(edge.target_table).document_table,
        "target_column": _legal(edge.target_column),
        "rel_type": edge.type,
        "direction": edge.direction,
        "declared": edge.declared,
    }


def _legal(text: str) -> str:
    return legal_text(text)[0]
