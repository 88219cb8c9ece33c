"""
Edge: reads the catalog of the source database, in one snapshot of it.

One REPEATABLE READ, read-only transaction, so that tables, keys and publication belong together. Names are
printed as `search_path = public` shows them, whatever the role's own setting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, LiteralString, Protocol

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import namedtuple_row

from cdc_reader.discovery import catalog_queries as queries
from cdc_reader.discovery.by_name import with_all_published
from cdc_reader.discovery.catalog_rows import (
    PARTITIONED_TABLE,
    AttributeRow,
    Catalog,
    ColumnRow,
    ForeignKeyRow,
    KeyIndex,
    PublicationMember,
    PublicationRow,
    RelationRow,
    ServerRow,
    TableRow,
    TypeRow,
    UniqueKey,
)
from cdc_reader.discovery.named_keys import with_named_keys
from cdc_reader.discovery.publication import quote_identifier
from cdc_reader.discovery.published_rows import unsent_columns
from cdc_reader.discovery.selection import Selection
from cdc_reader.discovery.value_types import types_below
from cdc_reader.postgres.connections import translated
from cdc_reader.postgres.encodings import sends_as_stored, texts_as_stored
from cdc_reader.postgres.key_order import KeyColumn, Operators
from cdc_reader.postgres.plugins import WAL2JSON
from cdc_reader.postgres.type_shapes import type_shapes
from cdc_reader.transcode.known_types import KnownTypes
from schemas.errors import ProtocolError
from schemas.names import TableName

# Long enough for a lock that is held for a moment; each table that is locked for longer costs as much.
_FILTER_LOCK_WAIT = "SET LOCAL lock_timeout = '200ms'"
# The second: the table was dropped a moment ago.
_FILTER_UNREAD = (psycopg.errors.LockNotAvailable, psycopg.errors.InternalError_)


class Streamed(Protocol):
    """How changes are had (`ReaderSettings`)."""

    @property
    def plugin(self) -> str:
        """The output plugin."""

    @property
    def publication(self) -> str:
        """The publication that is read, where the plugin has any."""


Row = Any
Rows = list[Any]


def read_catalog(
    connection: psycopg.Connection[Any], selection: Selection, *, publication: str | None = "rowferry"
) -> Catalog:
    """Read everything discovery knows of the selected tables and the publication of that name, where one is named.

    The connection must have no open transaction. Raises `SettingsError` when a table that the settings name does
    not exist, `Unreachable` and `AccessDenied` as the server answers.
    """
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        raise ProtocolError("expected a connection without an open transaction to read the catalog")
    with translated("read the catalog"), connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SET LOCAL search_path = public")
        recoded = texts_as_stored(connection).recode
        return _Reading(connection, printing=not recoded).catalog(selection, publication)


def read_streamed(connection: psycopg.Connection[Any], selection: Selection, streamed: Streamed) -> Catalog:
    """The catalog with what decides which changes are sent: the publication, or all tables themselves.

    Raises as `read_catalog`.
    """
    if streamed.plugin == WAL2JSON:
        return with_all_published(read_catalog(connection, selection, publication=None), streamed.publication)
    return read_catalog(connection, selection, publication=streamed.publication)


class _Reading:
    """One reading of the catalog, inside its transaction."""

    def __init__(self, connection: psycopg.Connection[Any], *, printing: bool) -> None:
        self._connection = connection
        self._printing = printing
        self._domains: Mapping[int, Row] = {}

    def catalog(self, selection: Selection, publication: str | None) -> Catalog:
        server = self._server()
        relations = self._relations(selection)
        roots = [row for row in relations if not row.is_partition]
        names = [_name(row) for row in roots]
        selection.require(names)
        wanted = [row for row in roots if selection.wants(_name(row))]
        published = None if publication is None else self._publication(publication, server.version)
        tables = [_with_unsent(table, server, published) for table in self._tables(wanted, _leaves(relations))]
        tables = with_named_keys(tables, selection, self._named_key_orders(tables, selection))
        return Catalog(
            server=server,
            tables=tuple(sorted(tables, key=lambda table: table.name)),
            foreign_keys=self._foreign_keys([row.oid for row in wanted]),
            publication=published,
            passed_over=tuple(sorted(name for name in names if not selection.wants(name))),
            types=self._known_types(tables, server),
        )

    def _known_types(self, tables: Iterable[TableRow], server: ServerRow) -> KnownTypes:
        used = {column.type_oid for table in tables for each in table.relations for column in each.columns}
        return KnownTypes(
            type_shapes(self._connection, used),
            version=server.version,
            encoding=server.encoding,
            printing=self._printing,
        )

    def _relations(self, selection: Selection) -> Rows:
        """All that may be wanted, or those that are named, and their partitions, without a look at others."""
        named = sorted(selection.tables or ())
        told = all(f"{name.schema}{name.name}".isascii() for name in named) or not sends_as_stored(self._connection)
        if selection.tables is None or not told:
            return self._rows(queries.RELATIONS)
        return self._rows(queries.NAMED_RELATIONS, [name.schema for name in named], [name.name for name in named])

    def _rows(self, query: LiteralString, *parameters: object) -> Rows:
        with self._connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(query, parameters or None).fetchall()

    def _server(self) -> ServerRow:
        row = self._rows(queries.SERVER)[0]
        control = self._rows(queries.CONTROL_DATA)[0] if row.may_read_control_data else None
        return ServerRow(
            version=row.version,
            database=row.database,
            database_oid=row.database_oid,
            user=row.user_name,
            in_recovery=row.in_recovery,
            wal_level=row.wal_level,
            system_id=control.system_id if control else None,
            timeline=control.timeline if control else None,
            encoding=row.encoding,
        )

    def _tables(self, wanted: Rows, leaves: Mapping[int, Rows]) -> list[TableRow]:
        below = {row.oid: leaves.get(row.oid, []) for row in wanted}
        everything = wanted + [leaf for under in below.values() for leaf in under]
        described = self._describe(everything)
        return [TableRow(described[row.oid], tuple(described[leaf.oid] for leaf in below[row.oid])) for row in wanted]

    def _describe(self, rows: Rows) -> dict[int, RelationRow]:
        oids = [row.oid for row in rows]
        self._domains = {row.oid: row for row in self._rows(queries.DOMAINS, oids)}
        attributes = _by_relation(self._rows(queries.ATTRIBUTES, oids))
        indexes = _by_relation(self._rows(queries.KEY_INDEXES, oids))
        orders = _by_relation(self._rows(queries.KEY_ORDERS, oids))
        unique = {row.relation_oid: row for row in self._rows(queries.UNIQUE_KEYS, oids)}
        partitioned = {row.relation_oid: tuple(row.columns) for row in self._rows(queries.PARTITION_KEYS, oids)}
        types = {row.oid: TypeRow(row.oid, tuple(row.parts), tuple(row.marks)) for row in self._types(oids)}
        relations = (self._relation(row, attributes[row.oid], indexes[row.oid]) for row in rows)
        return {
            found.oid: replace(
                found,
                key_order=_key_order(orders[found.oid]),
                unique_key=_unique_key(unique.get(found.oid)),
                partitioned_by=partitioned.get(found.oid, ()),
                types=types_below((column.type_oid for column in found.columns), types),
            )
            for found in relations
        }

    def _types(self, oids: list[int]) -> Rows:
        return self._rows(queries.TYPES, oids)

    def _named_key_orders(self, tables: list[TableRow], selection: Selection) -> dict[int, tuple[KeyColumn, ...]]:
        named = [(table.oid, column) for table in tables for column in selection.keys.get(table.name, ())]
        if not named:
            return {}
        oids, columns = zip(*named, strict=True)
        rows = _by_relation(self._rows(queries.NAMED_KEY_ORDERS, list(oids), list(columns)))
        return {oid: _key_order(of) for oid, of in rows.items()}

    def _relation(self, row: Row, attributes: Rows, indexes: Rows) -> RelationRow:
        return RelationRow(
            oid=row.oid,
            name=_name(row),
            kind=row.kind,
            persistence=row.persistence,
            replica_identity=row.replica_identity,
            row_estimate=row.row_estimate,
            columns=tuple(self._column(attribute) for attribute in attributes if not attribute.dropped),
            attributes=tuple(_attribute(attribute) for attribute in attributes),
            parents=tuple(row.parents),
            attached=tuple(row.attached),
            primary_key=_index(index for index in indexes if index.is_primary),
            identity_index=_index(index for index in indexes if index.is_identity),
            row_security=row.row_security,
            row_security_forced=row.row_security_forced,
            description=row.description,
            schema_open=row.schema_open,
            owned=row.owned,
            rows_hidden=row.rows_hidden,
            file=row.file,
        )

    def _column(self, row: Row) -> ColumnRow:
        base_oid, base_type = self._base_type(row.type_oid)
        return ColumnRow(
            number=row.number,
            name=row.name,
            type=row.type,
            type_oid=row.type_oid,
            base_type_oid=base_oid,
            base_type=base_type,
            typmod=row.typmod,
            not_null=row.not_null,
            default=row.expression,
            generated=row.generated,
            identity=row.identity,
            description=row.description,
            readable=row.readable,
        )

    def _base_type(self, oid: int) -> tuple[int, str | None]:
        """The type under a domain, and under domains over domains; its name where there is one."""
        name = None
        while (domain := self._domains.get(oid)) is not None:
            oid, name = domain.base_oid, domain.base_type
        return oid, name

    def _foreign_keys(self, oids: list[int]) -> tuple[ForeignKeyRow, ...]:
        return tuple(
            ForeignKeyRow(row.name, row.table_oid, tuple(row.columns), row.target_oid, tuple(row.target_columns))
            for row in self._rows(queries.FOREIGN_KEYS, oids)
        )

    def _publication(self, name: str, version: int) -> PublicationRow | None:
        rows = self._rows(queries.PUBLICATION, name)
        if not rows:
            return None
        filters = version >= queries.FIRST_WITH_ROW_FILTERS
        members = self._rows(queries.members(version), rows[0].oid)
        schemas = self._rows(queries.MEMBER_SCHEMAS, rows[0].oid) if filters else []
        texts = self._row_filters([row.oid for row in members if row.filtered])
        return PublicationRow(
            **rows[0]._asdict(),
            members=tuple(_member(row, texts.get(row.oid)) for row in members),
            schemas=tuple(row.name for row in schemas),
        )

    def _row_filters(self, members: list[int]) -> dict[int, str]:
        """The row filters of these members; those of tables that are locked are left out (rule D8)."""
        if not members:
            return {}
        try:
            with self._connection.transaction():
                self._connection.execute(_FILTER_LOCK_WAIT)
                rows = self._rows(queries.ROW_FILTERS, members)
        except _FILTER_UNREAD:
            half = len(members) // 2
            return self._row_filters(members[:half]) | self._row_filters(members[half:]) if half else {}
        return {row.oid: row.row_filter for row in rows if row.row_filter is not None}


def _name(row: Row) -> TableName:
    return TableName(row.schema_name, row.name)


def _by_relation(rows: Rows) -> defaultdict[int, Rows]:
    grouped: defaultdict[int, Rows] = defaultdict(list)
    for row in rows:
        grouped[row.relation_oid].append(row)
    return grouped


def _leaves(relations: Rows) -> dict[int, Rows]:
    """The leaf partitions under each partitioned root, through any number of levels, in the order of their OIDs."""
    children: defaultdict[int, Rows] = defaultdict(list)
    for row in relations:
        if row.is_partition:
            children[row.parents[0]].append(row)

    def under(oid: int) -> Rows:
        found: Rows = []
        for child in children[oid]:
            found += under(child.oid) if child.kind == PARTITIONED_TABLE else [child]
        return found

    roots = [row.oid for row in relations if row.kind == PARTITIONED_TABLE and not row.is_partition]
    return {oid: sorted(under(oid), key=lambda row: int(row.oid)) for oid in roots}


def _with_unsent(table: TableRow, server: ServerRow, publication: PublicationRow | None) -> TableRow:
    """The table with the generated columns that it and its leaves do not send."""

    def told(relation: RelationRow) -> RelationRow:
        unsent = unsent_columns(server.version, publication, relation.oid, relation.columns)
        return replace(relation, unsent_columns=unsent)

    return TableRow(told(table.relation), tuple(map(told, table.leaves)))


def _attribute(row: Row) -> AttributeRow:
    return AttributeRow(
        number=row.number,
        name=row.name,
        type_oid=row.type_oid,
        typmod=row.typmod,
        not_null=row.not_null,
        dropped=row.dropped,
        generated=row.generated,
        xmin=row.xmin,
    )


def _index(rows: Iterable[Row]) -> KeyIndex | None:
    for row in rows:
        return KeyIndex(tuple(row.columns), immediate=row.is_immediate, valid=row.is_valid)
    return None


def _unique_key(row: Row | None) -> UniqueKey | None:
    return None if row is None else UniqueKey(tuple(row.columns), row.index_name)


def _key_order(rows: Rows) -> tuple[KeyColumn, ...]:
    return tuple(
        KeyColumn(
            name=quote_identifier(row.name),
            type=row.type,
            operand=row.operand,
            operators=Operators(row.less, row.equal, row.at_least, row.greater),
            collation=row.collation,
        )
        for row in rows
    )


def _member(row: Row, row_filter: str | None) -> PublicationMember:
    return PublicationMember(
        oid=row.oid,
        xmin=row.xmin,
        relation_oid=row.relation_oid,
        relation=TableName(row.schema_name, row.name),
        row_filter=row_filter,
        filter_unread=row.filtered and row_filter is None,
        columns=None if row.columns is None else tuple(row.columns),
    )
