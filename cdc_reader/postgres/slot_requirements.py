"""What the reader's replication slot must be like (pure), wherever it stands: `progress.gap_checks` compares that."""

from __future__ import annotations

from cdc_reader.postgres.requirements import Level, Requirement
from cdc_reader.postgres.slot_row import SlotRow
from cdc_reader.remedies import RESET
from schemas.errors import SlotLost

PLUGIN = "pgoutput"
_ID = "slot"


def slot_requirement(name: str, slot: SlotRow | None, *, database: str) -> Requirement:
    """Whether a slot of that name can be read, and is. Without one the reader makes it when it first starts."""
    expected = f"slot {name!r} of {PLUGIN} in database {database!r}, read by a reader"
    if slot is None:
        remedy = "cdc-reader run makes it when it starts for the first time"
        return Requirement(_ID, expected, "none yet", Level.ADVISED, remedy)
    if slot.plugin != PLUGIN or slot.database != database:
        found = f"one of plugin {slot.plugin!r} in database {slot.database!r}"
        remedy = "correct database_url, or choose another `slot`"
        if slot.active_pid is None:
            remedy += f"; or, only if no one needs that one: SELECT pg_drop_replication_slot('{name}');"
        return Requirement(_ID, expected, found, Level.START, remedy)
    if slot.wal_status == "lost" or slot.invalid:
        found = f"one that lost its WAL ({slot.invalid or 'wal_status lost'})"
        return Requirement(_ID, expected, found, Level.START, f"raise max_slot_wal_keep_size; {RESET}", error=SlotLost)
    if slot.wal_status == "unreserved":
        found = "one that loses its WAL at the next checkpoint"
        return Requirement(_ID, expected, found, Level.ADVISED, "start the reader at once")
    if slot.active_pid is None:
        return Requirement(_ID, expected, "one that no one reads", Level.ADVISED, "cdc-reader run")
    return Requirement(_ID, expected, f"active, {slot.wal_status}")
