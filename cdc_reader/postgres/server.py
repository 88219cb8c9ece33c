"""
Edge: what the reader asks the source besides rows: who it is, where it is, its slot, names of types.

Leaves the catalog to `discovery`, chunks to `snapshot.chunk_queries`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import LiteralString

from cdc_reader.discovery.catalog_rows import DeclaredType
from cdc_reader.postgres.advisory_lock import slot_lock
from cdc_reader.postgres.connections import Connection, translated
from cdc_reader.postgres.encodings import sends_as_stored, texts_as_stored
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.open_transactions import CONNECTED_SINCE, HIDDEN
from cdc_reader.postgres.replication import ReplicationStream
from cdc_reader.postgres.server_requirements import SETTINGS, ServerFacts
from cdc_reader.postgres.slot_row import SlotHolder, SlotRow
from cdc_reader.postgres.type_shapes import type_shapes
from schemas.names import TableName

FIRST_WITH_INACTIVE_SINCE = 170000
_SETTINGS: LiteralString = """
SELECT name, CASE WHEN unit IN ('ms', 's') THEN setting ELSE current_setting(name) END
FROM pg_catalog.pg_settings WHERE name = ANY (%s)
"""
# REPACK (CONCURRENTLY) of PostgreSQL 19 takes its slots from places of its own (`max_repack_replication_slots`).
_USED: LiteralString = """
SELECT current_setting('server_version_num')::int, pg_catalog.pg_is_in_recovery(),
       (SELECT count(*) FROM pg_catalog.pg_replication_slots WHERE plugin IS DISTINCT FROM 'pgrepack'),
       (SELECT count(*) FROM pg_catalog.pg_stat_get_wal_senders()),
       ARRAY(SELECT DISTINCT application_name FROM pg_catalog.pg_stat_replication
             WHERE application_name IS NOT NULL AND state = 'streaming' ORDER BY 1)
"""
# On a standby there is no current WAL position, only what was replayed. Columns that came with PostgreSQL 17 are asked
# for by name in what the row holds.
_SLOT: LiteralString = """
WITH now AS (
    SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn,
           pg_size_bytes(current_setting('max_slot_wal_keep_size')) AS keep_bytes,
           extract(epoch FROM current_setting('idle_replication_slot_timeout', true)::interval)::int8 AS idle_timeout_s
)
SELECT coalesce(s.plugin, ''), coalesce(s.database, ''), coalesce(s.confirmed_flush_lsn, '0/0')::text, s.active_pid,
       coalesce(s.wal_status, ''), to_jsonb(s) ->> 'invalidation_reason',
       coalesce(now.lsn - s.restart_lsn, 0)::int8, s.safe_wal_size,
       CASE WHEN now.keep_bytes >= 0 THEN now.keep_bytes END,
       extract(epoch FROM clock_timestamp() - (to_jsonb(s) ->> 'inactive_since')::timestamptz)::int8,
       nullif(now.idle_timeout_s, 0), coalesce((to_jsonb(s) ->> 'failover')::bool, false)
FROM pg_catalog.pg_replication_slots s, now WHERE s.slot_name = %s
"""
# The keys of an advisory lock are signed where it is taken, and OIDs where it is shown.
_HOLDERS: LiteralString = f"""
SELECT held.pid, s.application_name, host(s.client_addr), {CONNECTED_SINCE}, {HIDDEN}
FROM (SELECT active_pid AS pid FROM pg_catalog.pg_replication_slots WHERE slot_name = %s AND active_pid IS NOT NULL
      UNION
      SELECT l.pid FROM pg_catalog.pg_locks l
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
        AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
        AND l.classid::int8 = %s::int8 AND l.objid::int8 = %s::int8) held
LEFT JOIN pg_catalog.pg_stat_activity s ON s.pid = held.pid ORDER BY held.pid
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


_DECLARED_TYPES: LiteralString = """
WITH RECURSIVE declared AS (
    SELECT * FROM unnest(%s::oid[], %s::int[]) WITH ORDINALITY AS t(oid, typmod, at)
), under AS (
    SELECT d.at, t.typbasetype AS oid, t.typtypmod AS typmod
    FROM declared d JOIN pg_catalog.pg_type t ON t.oid = d.oid WHERE t.typtype = 'd'
    UNION ALL SELECT u.at, t.typbasetype, t.typtypmod
    FROM under u JOIN pg_catalog.pg_type t ON t.oid = u.oid WHERE t.typtype = 'd'
)
SELECT pg_catalog.format_type(d.oid, d.typmod), b.oid::int8, pg_catalog.format_type(b.oid, b.typmod)
FROM declared d LEFT JOIN (
    SELECT u.* FROM under u JOIN pg_catalog.pg_type t ON t.oid = u.oid WHERE t.typtype <> 'd'
) b USING (at)
ORDER BY d.at
"""


def slot_row(connection: Connection, name: str) -> SlotRow | None:
    """The replication slot of that name; None when there is none."""
    with translated("read pg_replication_slots"):
        row = connection.execute(_SLOT, (name,)).fetchone()
    if row is None:
        return None
    return SlotRow(row[0], row[1], Lsn.parse(row[2]).value, *row[3:])


def slot_holders(connection: Connection, name: str) -> list[SlotHolder]:
    """Who reads the slot of that name, or holds the lock that stands for it (rule P2)."""
    with translated("read who holds the slot"):
        rows = connection.execute(_HOLDERS, (name, *_keys(name))).fetchall()
    return [SlotHolder(*row) for row in rows]


def slot_holders_by_stream(stream: ReplicationStream, name: str) -> list[SlotHolder]:
    """The same, asked on a replication connection that has not started."""
    return [SlotHolder(*row) for row in stream.execute(_HOLDERS.replace("%s", "{}"), name, *_keys(name))]


def _keys(name: str) -> list[int]:
    return [key & 0xFFFF_FFFF for key in slot_lock(name)]


def flush_lsn(connection: Connection) -> int:
    """How far the server's WAL is on disk."""
    with translated("read the WAL position"):
        row = connection.execute("SELECT pg_catalog.pg_current_wal_flush_lsn()::text").fetchone()
    assert row is not None
    return Lsn.parse(row[0]).value


def files_now(connection: Connection, oids: Sequence[int]) -> tuple[int, ...]:
    """The file of each relation, 0 where it has none or is gone; takes no lock."""
    query = (
        "SELECT coalesce(pg_catalog.pg_relation_filenode(oid), 0)::bigint"
        " FROM unnest(%s::oid[]) WITH ORDINALITY AS t(oid, place) ORDER BY place"
    )
    with translated("read the files of tables"):
        return tuple(int(row[0]) for row in connection.execute(query, (list(oids),)).fetchall())


def columns_now(connection: Connection, oid: int) -> tuple[TableName | None, list[tuple[str, int]]]:
    """What a relation is called now, and its columns in order with the OIDs of their types; None when it is gone."""
    query = (
        "SELECT n.nspname::text, c.relname::text, a.attname::text, a.atttypid::oid::bigint"
        " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
    )
    # Asked behind every chunk: one round trip, but where it takes a transaction to have the names as they are stored.
    with translated("read the types of columns"), _together(connection):
        texts_as_stored(connection)
        rows = connection.execute(query, (oid,)).fetchall()
    name = TableName(rows[0][0], rows[0][1]) if rows else None
    return name, [(str(column), int(type_oid)) for _, _, column, type_oid in rows]


def relation_exists(connection: Connection, name: TableName) -> bool:
    """Whether there is a relation of that name now."""
    query = (
        "SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s"
    )
    with translated("look for a table"):
        return connection.execute(query, (name.schema, name.name)).fetchone() is not None


def _together(connection: Connection) -> AbstractContextManager[object]:
    return connection.transaction() if sends_as_stored(connection) else nullcontext()


def declared_types(connection: Connection, types: Sequence[tuple[int, int]]) -> list[DeclaredType]:
    """What each (OID, typmod) is called, and what is under the domains among them."""
    with translated("read the names of types"), connection.transaction():
        texts_as_stored(connection)
        oids, typmods = [oid for oid, _ in types], [typmod for _, typmod in types]
        rows = connection.execute(_DECLARED_TYPES, (oids, typmods)).fetchall()
        shapes = type_shapes(connection, oids)
    return [DeclaredType(name, base_oid, base, shapes) for name, base_oid, base in rows]
