"""Edge: the replication slot as the server shows it."""

from __future__ import annotations

from dataclasses import replace

from cdc_reader.postgres.connections import Connection, translated
from cdc_reader.postgres.open_transactions import open_transactions
from cdc_reader.postgres.requirements import Requirement
from cdc_reader.postgres.server import slot_holders, slot_row
from cdc_reader.postgres.slot_requirements import slot_alarms
from rowferry.status.report import Slot

# On a standby there is no current WAL position, only what was replayed.
_QUERY = """
WITH now AS (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn)
SELECT s.slot_name::text, s.active, coalesce(s.wal_status, 'unknown'),
       coalesce(s.confirmed_flush_lsn - '0/0', 0)::int8, coalesce(s.restart_lsn - '0/0', 0)::int8,
       coalesce(now.lsn - s.confirmed_flush_lsn, 0)::int8, coalesce(now.lsn - s.restart_lsn, 0)::int8,
       s.safe_wal_size
FROM pg_catalog.pg_replication_slots s, now WHERE s.slot_name = %s
"""


def read_slot(connection: Connection, name: str) -> Slot | None:
    """The slot of that name; None when there is none. Raises as every query."""
    with translated("read the replication slot"):
        row = connection.execute(_QUERY, [name]).fetchone()
    if row is None:
        return None
    # Without a position it is being made, and waits for every transaction that was open when that began.
    waits_for = [] if row[3] else open_transactions(connection)
    holders = tuple(map(str, slot_holders(connection, name)))
    slot = replace(Slot(*row), holders=holders, waits_for=tuple(waits_for))
    if (seen := slot_row(connection, name)) is None:
        return slot
    alarms = tuple(_told(each) for _, each in slot_alarms(seen))
    return replace(slot, invalid=seen.invalid, idle_s=seen.idle_s, alarms=alarms)


def _told(alarm: Requirement) -> str:
    return f"expected {alarm.expected}, got {alarm.found}; {alarm.remedy}"
