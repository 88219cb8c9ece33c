"""
The tables that lines of wal2json may be of, by name: it tells no OIDs (pure).

A name is that of the catalog when the session began. A line has the name that its table had when the row was written,
so a name that the catalog does not know is of a table that came since, or one that was called so for a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cdc_reader.discovery.captures import REPLICATION, capture_of
from cdc_reader.discovery.catalog_rows import (
    IDENTITY_DEFAULT,
    IDENTITY_FULL,
    IDENTITY_INDEX,
    Catalog,
    RelationRow,
)
from cdc_reader.wal2json.wire import ShapeColumn
from schemas.names import TableName


@dataclass(frozen=True, slots=True)
class KnownTable:
    """A relation that is captured, as the catalog had it; `key` are the columns of its replica identity.

    `columns` are those that events carry; `generated` are sent by the plugin, and are none of them (as with pgoutput).
    """

    oid: int
    name: TableName
    identity: str
    columns: tuple[ShapeColumn, ...]
    key: frozenset[str]
    primary_key: frozenset[str]
    generated: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class KnownTables:
    """Those that are captured, and the names of all others that the catalog knows."""

    captured: Mapping[TableName, KnownTable]
    others: frozenset[TableName] = frozenset()


def known_tables(catalog: Catalog, excluded: frozenset[TableName] = frozenset()) -> KnownTables:
    """What a session knows by name; nothing is to be wondered at under a name that is `excluded`."""
    streamed = [table for table in catalog.tables if capture_of(table).mode == REPLICATION]
    captured = {each.name: _known(each) for table in streamed for each in table.published}
    names = {relation.name for table in catalog.tables for relation in table.relations}
    names |= {each.relation.name for table in catalog.tables for each in table.waiting}
    return KnownTables(captured, frozenset((names | excluded | set(catalog.passed_over)) - captured.keys()))


def _known(relation: RelationRow) -> KnownTable:
    kept = [column for column in relation.columns if not column.generated]
    return KnownTable(
        oid=relation.oid,
        name=relation.name,
        identity=relation.replica_identity,
        columns=tuple(ShapeColumn(column.name, column.type_oid, column.typmod) for column in kept),
        key=frozenset(_identity(relation)),
        primary_key=frozenset(relation.key_columns),
        generated=frozenset(column.name for column in relation.columns if column.generated),
    )


def _identity(relation: RelationRow) -> tuple[str, ...]:
    if relation.replica_identity == IDENTITY_FULL:
        return tuple(column.name for column in relation.columns if not column.generated)
    if relation.replica_identity == IDENTITY_INDEX and relation.identity_index is not None:
        return relation.identity_index.columns
    return relation.key_columns if relation.replica_identity == IDENTITY_DEFAULT else ()
