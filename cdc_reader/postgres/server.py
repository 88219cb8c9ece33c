"""
Edge: what the reader asks the source besides rows: who it is, where it is, its slot, names of types.

Leaves the catalog to `discovery`, chunks to `snapshot.chunk_queries`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from cdc_reader.postgres.connections import Connection, translated
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.server_requirements import SETTINGS, ServerFacts
from cdc_reader.postgres.slot_row import SlotRow

_WITH_INVALIDATION_REASON = 170000
_SETTINGS: LiteralString = """
SELECT name, CASE unit WHEN 'ms' THEN setting ELSE current_setting(name) END
FROM pg_catalog.pg_settings WHERE name = ANY (%s)
"""
_USED: LiteralString = """
SELECT current_setting('server_version_num')::int, pg_catalog.pg_is_in_recovery(),
       (SELECT count(*) FROM pg_catalog.pg_replication_slots),
       (SELECT count(*) FROM pg_catalog.pg_stat_get_wal_senders()),
       ARRAY(SELECT DISTINCT application_name FROM pg_catalog.pg_stat_replication
             WHERE application_name IS NOT NULL AND state = 'streaming' ORDER BY 1)
"""


def server_facts(connection: Connection, slot: str) -> ServerFacts:
    """What `server_requirements` is about; `slot` is the reader's."""
    with translated("read the server's settings"):
        settings = connection.execute(_SETTINGS, (list(SETTINGS),)).fetchall()
        (used,) = connection.execute(_USED).fetchall()
    version, in_recovery, slots, senders, standbys = used
    return ServerFacts(
        version=version,
        in_recovery=in_recovery,
        settings=dict(settings),
        slots_used=slots,
        senders_used=senders,
        standbys=tuple(standbys),
        slot=slot_row(connection, slot),
    )


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
