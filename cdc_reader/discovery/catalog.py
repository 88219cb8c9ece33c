"""
Edge: reads the catalog of the source database, in one snapshot of it.

One REPEATABLE READ, read-only transaction, so that tables, keys and publication belong together. Names are
printed as `search_path = public` shows them, whatever the role's own setting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, LiteralString

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import namedtuple_row

from cdc_reader.discovery import catalog_queries as queries
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
)
from cdc_reader.discovery.publication import quote_identifier
from cdc_reader.discovery.selection import Selection
from cdc_reader.postgres.connections import translated
from cdc_reader.postgres.key_order import KeyColumn, Operators
from schemas.errors import ProtocolError
from schemas.names import TableName

Row = Any
Rows = list[Any]


def read_catalog(
    connection: psycopg.Connection[Any], selection: Selection, *, publication: str = "rowferry"
) -> Catalog:
    """Read everything discovery knows of the selected tables and the publication of that name.

    The connection must have no open transaction. Raises `SettingsError` when a table that the settings name does
    not exist, `Unreachable` and `AccessDenied` as the server answers.
    """
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        raise ProtocolError("expected a connection without an open transaction to read the catalog")
    with translated("read the catalog"), connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SET LOCAL search_path = public")
        return _Reading(connection).catalog(selection, publication)


class _Reading:
    """One reading of the catalog, inside its transaction."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._base_types: Mapping[int, int] = {}

    def catalog(self, selection: Selection, publication: str) -> Catalog:
        server = self._server()
        relations = self._rows(queries.RELATIONS)
        roots = [row for row in relations if not row.is_partition]
        names = [_name(row) for row in roots]
        selection.require(names)
        wanted = [row for row in roots if selection.wants(_name(row))]
        tables = self._tables(wanted, _leaves(relations))
        return Catalog(
            server=server,
            tables=tuple(sorted(tables, key=lambda table: table.name)),
            foreign_keys=self._foreign_keys([row.oid for row in wanted]),
            publication=self._publication(publication, server.version),
            passed_over=tuple(sorted(name for name in names if not selection.wants(name))),
        )

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
        )

    def _tables(self, wanted: Rows, leaves: Mapping[int, Rows]) -> list[TableRow]:
        below = {row.oid: leaves.get(row.oid, []) for row in wanted}
        everything = wanted + [leaf for under in below.values() for leaf in under]
        described = self._describe(everything)
        return [TableRow(described[row.oid], tuple(described[leaf.oid] for leaf in below[row.oid])) for row in wanted]

    def _describe(self, rows: Rows) -> dict[int, RelationRow]:
        oids = [row.oid for row in rows]
        self._base_types = {row.oid: row.base_oid for row in self._rows(queries.DOMAINS)}
        attributes = _by_relation(self._rows(queries.ATTRIBUTES, oids))
        indexes = _by_relation(self._rows(queries.KEY_INDEXES, oids))
        orders = _by_relation(self._rows(queries.KEY_ORDERS, oids))
        relations = (self._relation(row, attributes[row.oid], indexes[row.oid]) for row in rows)
        return {found.oid: replace(found, key_order=_key_order(orders[found.oid])) for found in relations}

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
            primary_key=_index(index for index in indexes if index.is_primary),
            identity_index=_index(index for index in indexes if index.is_identity),
            row_security=row.row_security,
            row_security_forced=row.row_security_forced,
            description=row.description,
        )

    def _column(self, row: Row) -> ColumnRow:
        return ColumnRow(
            number=row.number,
            name=row.name,
            type=row.type,
            type_oid=row.type_oid,
            base_type_oid=self._base_type(row.type_oid),
            typmod=row.typmod,
            not_null=row.not_null,
            default=None if row.generated else row.expression,
            generated=row.generated,
            identity=row.identity,
            description=row.description,
        )

    def _base_type(self, oid: int) -> int:
        """The type under a domain, and under domains over domains."""
        while oid in self._base_types:
            oid = self._base_types[oid]
        return oid

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
        members = self._rows(queries.MEMBERS if filters else queries.MEMBERS_BEFORE_15, rows[0].oid)
        schemas = self._rows(queries.MEMBER_SCHEMAS, rows[0].oid) if filters else []
        return PublicationRow(
            **rows[0]._asdict(),
            members=tuple(_member(row) for row in members),
            schemas=tuple(row.name for row in schemas),
        )


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


def _member(row: Row) -> PublicationMember:
    return PublicationMember(
        oid=row.oid,
        xmin=row.xmin,
        relation_oid=row.relation_oid,
        relation=TableName(row.schema_name, row.name),
        row_filter=row.row_filter,
        columns=None if row.columns is None else tuple(row.columns),
    )
