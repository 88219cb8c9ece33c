"""
Edge: what the inventory tells of the tables' contents: a look at some rows; counts and first rows where asked for.

Keeps: D8.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import errors, sql

from cdc_reader.discovery.catalog_rows import NO_UTF8, UTF8, VIEW, Catalog, TableRow
from cdc_reader.discovery.forbidden_tables import why_hidden, why_unreadable
from cdc_reader.postgres.connections import Connection, translated
from cdc_reader.postgres.encodings import texts_as_stored
from rowferry.discover.facts import Contents, Counted
from rowferry.discover.probes import count_query
from rowferry.discover.sample_plan import is_cheap
from rowferry.discover.sampling import limit_statements, read_facts, read_samples
from schemas.errors import AccessDenied, RecordError, RowferryError
from schemas.names import TableName

SAMPLE_ROWS = 5
COUNT_TIMEOUT_S = 30.0  # of one table
_LOCK_WAIT_S = 3  # what is locked for longer (VACUUM FULL) may be so for hours
_DIGITS_OF_64_BITS = 19


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read: nothing but the catalog without `statistics`; first rows are row values."""

    statistics: bool = True
    exact: bool = False
    count_timeout_s: float = COUNT_TIMEOUT_S
    first_rows: bool = False


def read_contents(connection: Connection, catalog: Catalog, wanted: Wanted) -> Contents:
    """Look at the tables; a view and another server's tables only where counts are asked for: they may cost anything.

    A table that cannot be read is told with the reason, and keeps no other from being read (rule D8). Raises
    `Unreachable` when the connection is gone.
    """
    contents = Contents(first_rows={} if wanted.first_rows else None)
    if not (wanted.statistics or wanted.first_rows):
        return contents
    contents.failed.update(_unreadable(catalog))
    readable = [table for table in catalog.tables if table.name not in contents.failed]
    if wanted.statistics:
        contents.facts = read_facts(connection, catalog.tables)
        read_samples(connection, list(filter(is_cheap, readable)), contents)
    if wanted.statistics and wanted.exact:
        limit_statements(connection, lock_wait_s=_LOCK_WAIT_S, statement_s=wanted.count_timeout_s)
        _count(connection, readable, contents, wanted.count_timeout_s)
    if contents.first_rows is not None:
        limit_statements(connection, lock_wait_s=_LOCK_WAIT_S, statement_s=0)
        _first_rows(connection, readable, contents)
    return contents


def _unreadable(catalog: Catalog) -> dict[TableName, RowferryError]:
    """What the catalog says of tables whose rows we cannot read: nobody need ask the server."""
    found: dict[TableName, RowferryError] = {}
    for table in catalog.tables:
        told = (table.name.schema, table.name.name)
        if table.relation.kind == VIEW:
            continue
        if catalog.server.encoding != UTF8 and any(NO_UTF8 in name for name in told):
            found[table.name] = RecordError(f"cannot read {table.name}: its name has bytes that are no characters")
        elif why := why_hidden(table, catalog.server.user):
            found[table.name] = AccessDenied(f"cannot read {table.name}: {why.reason}", remedy=why.remedy)
        elif not table.relation.schema_open or not any(column.readable for column in table.relation.columns):
            why = why_unreadable(table, catalog.server.user, None)
            reason = why.reason if why else "it has no columns"
            found[table.name] = AccessDenied(
                f"cannot read {table.name}: permission denied: {reason}", remedy=why.remedy if why else None
            )
    return found


def _count(connection: Connection, tables: Sequence[TableRow], contents: Contents, timeout_s: float) -> None:
    for table in tables:
        query, files = count_query(table)
        try:
            with translated(f"count {table.name}"):
                try:
                    row = connection.execute(query.encode()).fetchone() or ()
                except errors.QueryCanceled:
                    reason = f"its rows were not counted within {timeout_s:g} s: their number is an estimate"
                    contents.uncounted[table.name] = reason
                    continue
            contents.counted[table.name] = Counted(row[0], dict(zip(files, row[1:], strict=True)))
        except RowferryError as exc:
            _told(connection, table, contents, exc)


def _first_rows(connection: Connection, tables: Iterable[TableRow], contents: Contents) -> None:
    assert contents.first_rows is not None
    for table in tables:
        if table.relation.kind == VIEW or table.name in contents.failed:
            continue
        try:
            with translated(f"read {table.name}"):
                contents.first_rows[table.name] = _samples(connection, table)
        except RowferryError as exc:
            _told(connection, table, contents, exc)


def _told(connection: Connection, table: TableRow, contents: Contents, exc: RowferryError) -> None:
    if connection.closed or connection.broken:
        raise exc
    contents.failed[table.name] = exc


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
