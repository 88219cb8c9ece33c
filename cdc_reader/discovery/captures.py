"""
How each table is captured, and why: by replication, by polling, or not at all (rules D4 and D5).

Replication needs that every change names its row: the key is the primary key, and the replica identity must
carry it, also in deletes and key changes. A table whose changes could not be told apart is not captured; one
that can be read by key but not streamed is polled. Adding a table without a usable identity to a publication
would make the application's own UPDATE and DELETE fail, so only what passes here is ever published.

Keeps: D4, D5.
"""

from __future__ import annotations

from collections.abc import Sequence

from cdc_reader.discovery.catalog_rows import (
    FOREIGN_TABLE,
    IDENTITY_DEFAULT,
    IDENTITY_FULL,
    IDENTITY_INDEX,
    IDENTITY_NOTHING,
    MATERIALIZED_VIEW,
    PARTITIONED_TABLE,
    PLAIN_TABLE,
    UNLOGGED,
    VIEW,
    RelationRow,
    TableRow,
)
from schemas.tables import Capture

REPLICATION = "replication"
POLLING = "polling"
NONE = "none"

CAPTURED = frozenset({REPLICATION, POLLING})

_NO_LOG_OF_ITS_OWN = {VIEW: "a view", MATERIALIZED_VIEW: "a materialized view", FOREIGN_TABLE: "a foreign table"}

# Types whose text depends on the session (`lc_monetary`, `search_path`): the same key would print in two ways.
_UNSTABLE_TYPES = {
    790: "money",
    24: "regproc",
    2202: "regprocedure",
    2203: "regoper",
    2204: "regoperator",
    2205: "regclass",
    2206: "regtype",
    3734: "regconfig",
    3769: "regdictionary",
    4089: "regnamespace",
    4096: "regrole",
    4191: "regcollation",
}


def capture_of(table: TableRow) -> Capture:
    """How a table is captured, and why in words for the operator."""
    if table.set_aside is not None:
        return Capture(NONE, table.set_aside.reason)
    return capture_in_itself(table)


def capture_in_itself(table: TableRow) -> Capture:
    """How a table can be captured as it is made, also while it is set aside."""
    if reason := _why_not_at_all(table.relation):
        return Capture(NONE, reason)
    if table.polled:
        return Capture(POLLING, "is among the tables that the settings have polled")
    if reason := _why_polled(table.relation):
        return Capture(POLLING, reason)
    if table.relation.kind == PARTITIONED_TABLE:
        return _capture_of_partitions(table)
    if reason := _why_not_streamed(table.relation):
        return Capture(POLLING, reason)
    return Capture(REPLICATION, _how_identified(table.relation))


def _capture_of_partitions(table: TableRow) -> Capture:
    for leaf in table.leaves:
        if leaf.kind != PLAIN_TABLE:
            return Capture(POLLING, f"partition {leaf.name} is a foreign table: it has no write-ahead log here")
        if set(leaf.key_columns) != set(table.relation.key_columns):
            return Capture(POLLING, f"partition {leaf.name} lacks the primary key of {table.name}")
        if reason := _why_not_streamed(leaf):
            return Capture(POLLING, f"partition {leaf.name}: {reason}")
    return Capture(REPLICATION, f"partitioned: its {len(table.leaves)} leaf partitions are published by name")


def _why_not_at_all(relation: RelationRow) -> str | None:
    if relation.primary_key is None and relation.kind in _NO_LOG_OF_ITS_OWN:
        return f"is {_NO_LOG_OF_ITS_OWN[relation.kind]}: it has no primary key, and 'keys' names none"
    if relation.primary_key is None:
        return "has no primary key: its rows cannot be told apart"
    for name in relation.key_columns:
        if kind := _UNSTABLE_TYPES.get(relation.column(name).base_type_oid):
            return f"primary-key column {name!r} is of type {kind}, whose text depends on the session"
    if len(relation.key_order) < len(relation.key_columns):
        return "its primary key is of a type whose operator class lacks operators: it cannot be read in an order"
    return None


def _why_polled(relation: RelationRow) -> str | None:
    if relation.kind in _NO_LOG_OF_ITS_OWN:
        return f"is {_NO_LOG_OF_ITS_OWN[relation.kind]}: it has no write-ahead log of its own"
    if relation.named_key:
        return "has no primary key: the one that 'keys' names is in no update and no delete of the stream"
    return None


def _why_not_streamed(relation: RelationRow) -> str | None:
    if relation.persistence == UNLOGGED:
        return "is unlogged: its changes are not in the write-ahead log"
    generated = [name for name in relation.key_columns if relation.column(name).generated]
    if generated:
        return f"primary-key column {generated[0]!r} is generated: the stream does not carry it"
    return _why_identity_fails(relation)


def _why_identity_fails(relation: RelationRow) -> str | None:
    identity, index = relation.replica_identity, relation.identity_index
    if identity == IDENTITY_FULL:
        return _why_refused(relation.unsent_columns)
    if identity == IDENTITY_NOTHING:
        return "replica identity is NOTHING: updates and deletes do not name their row"
    if identity == IDENTITY_INDEX:
        if index is None or not index.valid:
            return "replica identity is an index that is gone or invalid: updates and deletes do not name their row"
        lacking = [name for name in relation.key_columns if name not in index.columns]
        if lacking:
            return f"replica identity index lacks primary-key column {lacking[0]!r}: a delete does not name its row"
        return _why_refused([name for name in relation.unsent_columns if name in index.columns])
    if relation.primary_key is None or not relation.primary_key.immediate:
        return "primary key is deferrable: it cannot serve as replica identity"
    return None


def _why_refused(unsent: Sequence[str]) -> str | None:
    """Rule D5: published, the table would let the application neither update nor delete."""
    if not unsent:
        return None
    return (
        f"replica identity has the generated column {unsent[0]!r}, which is not published: the server refuses updates"
    )


def _how_identified(relation: RelationRow) -> str:
    return {
        IDENTITY_DEFAULT: "primary key is the replica identity",
        IDENTITY_INDEX: "replica identity index holds the primary key",
        IDENTITY_FULL: "replica identity is FULL and there is a primary key",
    }[relation.replica_identity]
