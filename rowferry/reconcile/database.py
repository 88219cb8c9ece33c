"""
Edge: PostgreSQL's side of the comparison: the tables as the catalog describes them, and their rows as text.

Everything is read in one REPEATABLE READ snapshot. Values are the texts that the server itself prints (the output
functions of their types, no casts), taken from the wire without a decoder in between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import TracebackType
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.pq import ExecStatus
from psycopg.rows import namedtuple_row

from cdc_reader.discovery.catalog_rows import NO_UTF8
from cdc_reader.discovery.publication import quote_identifier
from cdc_reader.postgres.connections import translated
from cdc_reader.postgres.encodings import texts_as_stored
from cdc_reader.postgres.key_order import literal
from rowferry.reconcile import database_queries as queries
from rowferry.reconcile.shapes import Described, Reading, Reference, Shape, shapes
from schemas.errors import ServerSetting
from schemas.file_references import file_column
from schemas.names import TableName

# How values are printed, as the contract has it; row_security: rows are never hidden, the read fails instead.
_SESSION: tuple[LiteralString, ...] = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "SET LOCAL timezone = 'UTC'",
    "SET LOCAL datestyle = 'ISO'",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL row_security = off",
    "SET LOCAL statement_timeout = 0",
)
_ROWS_AT_ONCE = 500
_ESCAPE = "surrogateescape"  # bytes that are not UTF-8, of a database that checks none
# Types whose `=` an index may find a row by; that of others may be another one than the key's, or not be found.
_FOUND_BY_INDEX = {"int2", "int4", "int8", "text", "varchar", "uuid"}

Row = Any


class _Published:
    """What the publication leaves out: leaves, rows by a filter, columns by a list, generated columns."""

    def __init__(self, members: Mapping[int, Row], *, generated: bool) -> None:
        self.generated = generated
        self._members = members

    def _member(self, leaf: Row) -> Row | None:
        return self._members.get(leaf.oid) or self._members.get(leaf.root_oid)

    def read(self, leaves: list[Row]) -> list[Row]:
        """Of a table and its leaves, those whose rows may be in the index; all of them while it holds none."""
        return [leaf for leaf in leaves if self._member(leaf) is not None] or leaves

    def filtered_by(self, leaf: Row) -> int | None:
        """The OID of the publication's member that has a condition on the rows of a table or leaf."""
        member = self._member(leaf)
        return member.filtered_by if member else None

    def columns(self, leaves: list[Row]) -> frozenset[str] | None:
        """The columns in the list of a table (or of its leaves, which have the same); None without a list."""
        for leaf in leaves:
            member = self._member(leaf)
            if member is not None and member.columns is not None:
                return frozenset(member.columns)
        return None


class Database:
    """One snapshot of the database, open until `close`; the connection is the caller's and stays open."""

    def __init__(self, connection: psycopg.Connection[Any], *, publication: str) -> None:
        """Begin the snapshot; raises `Unreachable` or `AccessDenied`."""
        self._connection = connection
        self._publication = publication
        with translated("begin a snapshot"):
            connection.execute("BEGIN")
            for statement in _SESSION:
                connection.execute(statement)
            self._characters = texts_as_stored(connection)

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the snapshot; harmless on a connection that is gone."""
        if not self._connection.closed:
            with translated("end the snapshot"):
                self._connection.execute("ROLLBACK")

    def shapes(
        self, selected: Collection[TableName], named_keys: Mapping[TableName, tuple[str, ...]] | None = None
    ) -> list[Shape]:
        """What the documents of the selected tables must be like; `named_keys` are of those that have none."""
        with translated("read the catalog"):
            # A name that cannot be told cannot be asked for either; its table is set aside.
            wanted = [(name.schema, name.name) for name in sorted(selected) if NO_UTF8 not in name.schema + name.name]
            rows = self._rows(queries.TABLES, [pair[0] for pair in wanted], [pair[1] for pair in wanted])
            places = {row.oid: at for at, row in enumerate(rows)}
            leaves = self._rows(queries.READINGS, list(places))
            published = self._published()
            keys = self._rows(queries.FOREIGN_KEYS, list(places))
        named = {(name.schema, name.name): columns for name, columns in (named_keys or {}).items()}
        rows = [row._replace(key=row.key or list(named.get((row.schema_name, row.name), ()))) for row in rows]
        tables = [_described(row, [leaf for leaf in leaves if leaf.root_oid == row.oid], published) for row in rows]
        references = [
            Reference(places[key.oid], tuple(key.columns), places.get(key.target_oid), tuple(key.target_columns))
            for key in keys
        ]
        return shapes(tables, references)

    def rows(self, shape: Shape) -> Iterator[dict[str, str]]:
        """Every row of a table as column -> text, NULLs absent; a few hundred are held at a time.

        Waits for whoever has this table locked, and for no other: its row filter is not printed before (rule D8).
        """
        for reading in shape.table.readings:
            columns = sql.SQL(", ").join(map(sql.Identifier, shape.table.carried))
            relation = sql.Identifier(reading.schema, reading.name)
            condition = self._condition(reading)
            query = sql.SQL("SELECT {} FROM ONLY {}").format(columns, relation).as_string()
            yield from self._texts(f"{query}{condition}", shape.table.carried)

    def row(self, shape: Shape, key: Mapping[str, str]) -> dict[str, str] | None:
        """The row with that primary key (as it is printed), as `rows` returns it; None when there is none."""
        columns = shape.table.columns
        conditions = [
            f"pg_catalog.format('%s', {quote_identifier(name)}) OPERATOR(pg_catalog.=) {literal(value)} COLLATE \"C\""
            for name, value in key.items()
        ]
        conditions += [
            f"{quote_identifier(name)} = {literal(value)}"
            for name, value in key.items()
            if columns[name] in _FOUND_BY_INDEX
        ]
        if all(reading.has_tableoid for reading in shape.table.readings):
            oids = ", ".join(str(reading.oid) for reading in shape.table.readings)
            conditions.append(f"tableoid = ANY ('{{{oids}}}'::pg_catalog.oid[])")
        query = sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(map(sql.Identifier, shape.table.carried)),
            sql.Identifier(shape.table.schema, shape.table.name),
        )
        # Read to the end: the cursor is closed there, and the next row needs its name.
        found = list(self._texts(f"{query.as_string()} WHERE {' AND '.join(conditions)}", shape.table.carried))
        return found[0] if found else None

    def _rows(self, query: LiteralString, *parameters: object) -> list[Row]:
        with self._connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(query, parameters).fetchall()

    def _condition(self, reading: Reading) -> str:
        if reading.filtered_by is None:
            return ""
        with translated("read a row filter"):
            [row] = self._rows(queries.ROW_FILTER, reading.filtered_by)
        return f" WHERE {row.row_filter}"

    def _published(self) -> _Published:
        query = queries.members(self._connection.info.server_version)
        members = {row.oid: row for row in self._rows(query, self._publication)}
        return _Published(members, generated=bool(self._rows(queries.CARRIES_GENERATED, self._publication)))

    def _texts(self, query: str, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
        wire = self._connection.pgconn
        with translated("read rows"):
            self._connection.execute(self._characters.stored(f"DECLARE comparison NO SCROLL CURSOR FOR {query}"))
        fetch = f"FETCH {_ROWS_AT_ONCE} FROM comparison".encode()
        while True:
            result = wire.exec_(fetch)
            if result.status != ExecStatus.TUPLES_OK:
                with translated("read rows"):
                    raise psycopg.errors.error_from_result(result)
            for at in range(result.ntuples):
                values = (result.get_value(at, place) for place in range(len(columns)))
                yield {
                    name: self._characters.utf8(value).decode(errors=_ESCAPE)
                    for name, value in zip(columns, values, strict=True)
                    if value is not None
                }
            if result.ntuples < _ROWS_AT_ONCE:
                break
        with translated("read rows"):
            self._connection.execute("CLOSE comparison")


def _is_carried(name: str, generated: str, row: Row, published: _Published) -> bool:
    """A key that is generated has its table polled, with its key."""
    return not generated or name in row.key or (generated == "s" and published.generated)


def _described(row: Row, leaves: list[Row], published: _Published) -> Described:
    kept = published.columns(leaves)
    carried = tuple(
        name
        for name, generated in zip(row.columns, row.generated, strict=True)
        if (name in kept if kept is not None else _is_carried(name, generated, row, published))
    )
    lacking = [name for name in row.key if name not in carried]
    if lacking or not row.key:
        raise ServerSetting(
            expected=f"the publication to carry the primary key of {row.schema_name}.{row.name}",
            found=f"one without {', '.join(lacking) or 'a key'}: `rowferry doctor` names what brings it back",
        )
    return Described(
        schema=row.schema_name,
        name=row.name,
        columns=dict(zip(row.columns, row.kinds, strict=True)),
        key=tuple(row.key),
        carried=carried,
        file_columns=tuple(
            found
            for name, called in zip(row.columns, row.types, strict=True)
            if name in carried and (found := file_column(name, called)) is not None
        ),
        readings=tuple(
            Reading(leaf.schema_name, leaf.name, leaf.oid, published.filtered_by(leaf), leaf.has_tableoid)
            for leaf in published.read(leaves)
        ),
    )
