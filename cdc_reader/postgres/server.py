"""
Edge: what the reader asks the source besides rows: who it is, where it is, its slot, names of types.

Leaves the catalog to `discovery`, chunks to `snapshot.chunk_queries`.

Keeps: P11.
"""

from __future__ import annotations

from collections.abc import Sequence

from cdc_reader.postgres.connections import Connection, translated
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.slot_row import SlotRow
from schemas.errors import ServerSetting

OLDEST_SERVER = 140000  # binary tuples and logical messages over pgoutput came with PostgreSQL 14
_WITH_INVALIDATION_REASON = 170000


def check_server_settings(connection: Connection, *, application_name: str) -> None:
    """Refuse a server that cannot be a source: too old, a standby, without logical WAL, or one that waits for us.

    Raises `ServerSetting` with the remedy (rule P11 and "Standby as source").
    """
    with translated("read the server's settings"):
        row = connection.execute(
            "SELECT current_setting('server_version_num')::int, current_setting('server_version'),"
            " pg_catalog.pg_is_in_recovery(), current_setting('wal_level'),"
            " current_setting('synchronous_standby_names')"
        ).fetchone()
    assert row is not None
    number, version, standby, wal_level, synchronous = row
    if number < OLDEST_SERVER:
        raise ServerSetting(
            f"expected PostgreSQL 14 or newer, got {version}", remedy="upgrade the server, or read from a newer one"
        )
    if standby:
        raise ServerSetting(
            "expected a primary server, got a standby: what a snapshot sees there cannot be known",
            remedy="point database_url at the primary",
        )
    if wal_level != "logical":
        raise ServerSetting(
            f"expected wal_level = logical, got {wal_level}",
            remedy="ALTER SYSTEM SET wal_level = 'logical'; then restart the server",
        )
    if matches_synchronous(synchronous, application_name):
        raise ServerSetting(
            f"expected synchronous_standby_names not to name {application_name!r}, got {synchronous!r}: commits would "
            "wait for this reader, and this reader for them",
            remedy="ALTER SYSTEM SET synchronous_standby_names = '<your standbys, without * or this name>'; "
            "SELECT pg_reload_conf();",
        )


def matches_synchronous(names: str, application_name: str) -> bool:
    """Whether a `synchronous_standby_names` value makes us a synchronous standby (rule P11)."""
    inner = names[names.find("(") + 1 :].rstrip(") ") if "(" in names else names
    listed = {part.strip().strip('"').lower() for part in inner.split(",")}
    return "*" in listed or application_name.lower() in listed


def slot_row(connection: Connection, name: str) -> SlotRow | None:
    """The replication slot of that name; None when there is none."""
    with translated("read pg_replication_slots"):
        version = connection.info.server_version
        reason = "invalidation_reason" if version >= _WITH_INVALIDATION_REASON else "NULL"
        row = connection.execute(
            "SELECT coalesce(plugin, ''), coalesce(database, ''), coalesce(confirmed_flush_lsn, '0/0')::text,"
            f" active_pid, coalesce(wal_status, ''), {reason} FROM pg_catalog.pg_replication_slots"
            " WHERE slot_name = %s",
            (name,),
        ).fetchone()
    if row is None:
        return None
    return SlotRow(row[0], row[1], Lsn.parse(row[2]).value, row[3], row[4], row[5])


def flush_lsn(connection: Connection) -> int:
    """How far the server's WAL is on disk."""
    with translated("read the WAL position"):
        row = connection.execute("SELECT pg_catalog.pg_current_wal_flush_lsn()::text").fetchone()
    assert row is not None
    return Lsn.parse(row[0]).value


def type_names(connection: Connection, types: Sequence[tuple[int, int]]) -> list[str]:
    """`format_type` of each (OID, typmod)."""
    with translated("read the names of types"):
        rows = connection.execute(
            "SELECT pg_catalog.format_type(t.oid, t.typmod) FROM"
            " unnest(%s::oid[], %s::int[]) WITH ORDINALITY AS t(oid, typmod, at) ORDER BY t.at",
            ([oid for oid, _ in types], [typmod for _, typmod in types]),
        ).fetchall()
    return [str(row[0]) for row in rows]


def xids_in_sync_rep(connection: Connection) -> set[int]:
    """Transactions whose commit waits for a standby: streamed already, perhaps, but not yet visible (rule S1)."""
    with translated("read pg_stat_activity"):
        rows = connection.execute(
            "SELECT backend_xid::text FROM pg_catalog.pg_stat_activity"
            " WHERE wait_event = 'SyncRep' AND backend_xid IS NOT NULL"
        ).fetchall()
    return {int(row[0]) for row in rows}
