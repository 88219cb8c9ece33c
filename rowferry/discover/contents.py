"""Edge: what the inventory tells of the tables' contents: counts, and the first rows where they are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from psycopg import sql

from cdc_reader.discovery.catalog_rows import VIEW, TableRow
from cdc_reader.postgres.connections import Connection, translated
from rowferry.discover.inventory import Contents, Statistics, files_of
from schemas.file_references import FileKind
from schemas.names import TableName

SAMPLE_ROWS = 5

_REFERENCES = sql.SQL("count({})")
_MAP_ENTRIES = sql.SQL(
    "coalesce(sum(CASE WHEN jsonb_typeof({0}::jsonb) = 'object'"
    " THEN (SELECT count(*) FROM jsonb_object_keys({0}::jsonb)) END), 0)::int8"
)


def read_contents(connection: Connection, tables: Iterable[TableRow], *, statistics: bool, samples: bool) -> Contents:
    """Count and sample the tables, views apart: a view may cost anything. Raises `AccessDenied`, `Unreachable`."""
    readable = [table for table in tables if table.relation.kind != VIEW]
    with translated("read the tables"):
        return Contents(
            {table.name: _statistics(connection, table) for table in readable} if statistics else {},
            {table.name: _samples(connection, table) for table in readable} if samples else None,
        )


def _statistics(connection: Connection, table: TableRow) -> Statistics:
    files = files_of(table)
    counts: list[sql.Composable] = [sql.SQL("count(*)")]
    for file in files:
        count = _MAP_ENTRIES if file.kind == FileKind.JSONB_S3_MAP else _REFERENCES
        counts.append(count.format(sql.Identifier(file.column)))
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(counts), _identifier(table.name))
    row = connection.execute(query).fetchone() or ()
    return Statistics(row[0], {file.column: count for file, count in zip(files, row[1:], strict=True)})


def _samples(connection: Connection, table: TableRow) -> list[dict[str, Any]]:
    order = sql.SQL(", ").join(map(sql.Identifier, table.relation.key_columns))
    query = sql.SQL("SELECT to_json(sample)::text FROM (SELECT * FROM {}{} LIMIT {}) AS sample").format(
        _identifier(table.name),
        sql.SQL(" ORDER BY {}").format(order) if table.relation.key_columns else sql.SQL(""),
        sql.Literal(SAMPLE_ROWS),
    )
    return [orjson.loads(row[0]) for row in connection.execute(query)]


def _identifier(name: TableName) -> sql.Identifier:
    return sql.Identifier(name.schema, name.name)
