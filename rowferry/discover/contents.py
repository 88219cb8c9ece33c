"""
Edge: what the inventory tells of the tables' contents: counts, and the first rows where they are asked for.

Keeps: D8.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from psycopg import sql

from cdc_reader.discovery.catalog_rows import VIEW, TableRow
from cdc_reader.postgres.connections import Connection, translated
from cdc_reader.postgres.encodings import texts_as_stored
from rowferry.discover.inventory import Contents, Statistics, files_of
from schemas.errors import RowferryError
from schemas.file_references import FileKind
from schemas.names import TableName

SAMPLE_ROWS = 5
_LOCK_WAIT_S = 3  # what is locked for longer (VACUUM FULL) may be so for hours
_DIGITS_OF_64_BITS = 19

_REFERENCES = sql.SQL("count({})")
_MAP_ENTRIES = sql.SQL(
    "coalesce(sum(CASE WHEN jsonb_typeof({0}::jsonb) = 'object'"
    " THEN (SELECT count(*) FROM jsonb_object_keys({0}::jsonb)) END), 0)::int8"
)


def read_contents(connection: Connection, tables: Iterable[TableRow], *, statistics: bool, samples: bool) -> Contents:
    """Count and sample the tables, views apart: a view may cost anything.

    A table that cannot be read is told with the reason, and keeps no other from being read (rule D8). Raises
    `Unreachable` when the connection is gone.
    """
    counted: dict[TableName, Statistics] = {}
    sampled: dict[TableName, list[dict[str, Any]]] = {}
    failed: dict[TableName, RowferryError] = {}
    with translated("limit the wait for locks"):
        connection.execute(f"SET lock_timeout = '{_LOCK_WAIT_S}s'")
    for table in tables if statistics or samples else ():
        if table.relation.kind == VIEW:
            continue
        try:
            with translated(f"read {table.name}"):
                if statistics:
                    counted[table.name] = _statistics(connection, table)
                if samples:
                    sampled[table.name] = _samples(connection, table)
        except RowferryError as exc:
            if connection.closed or connection.broken:
                raise
            failed[table.name] = exc
    return Contents(counted, sampled if samples else None, failed)


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
    with connection.transaction():
        statement = texts_as_stored(connection).stored(query.as_string())
        return [sample_of(row[0]) for row in connection.execute(statement)]


def sample_of(text: str) -> dict[str, Any]:
    """A row as PostgreSQL's JSON has it, fit for our own: numbers that readers would change are texts."""
    row: dict[str, Any] = json.loads(text, parse_float=_exact_float, parse_int=_exact_integer)
    return {name: _legal(value) for name, value in row.items()}


def _legal(value: object) -> object:
    """Halves of surrogate pairs, which `json` takes as escapes, are question marks."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_legal(each) for each in value]
    if isinstance(value, dict):
        return {str(_legal(name)): _legal(each) for name, each in value.items()}
    return value


def _exact_float(text: str) -> float | str:
    number = float(text)
    return number if repr(number) == text else text


def _exact_integer(text: str) -> int | str:
    return int(text) if len(text) < _DIGITS_OF_64_BITS else text


def _identifier(name: TableName) -> sql.Identifier:
    return sql.Identifier(name.schema, name.name)
