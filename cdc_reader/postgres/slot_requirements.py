"""What the reader's replication slot must be like (pure), wherever it stands: `progress.gap_checks` compares that."""

from __future__ import annotations

from collections.abc import Iterator

from cdc_reader.postgres.plugins import PGOUTPUT, PLUGINS
from cdc_reader.postgres.requirements import Level, Requirement
from cdc_reader.postgres.server_requirements import idle_timeout
from cdc_reader.postgres.slot_row import SlotRow
from cdc_reader.remedies import RESET
from schemas.errors import SlotLost

LOST, UNRESERVED, SHORT, IDLE = "lost", "unreserved", "short", "idle timeout"
_ID = "slot"
# An alarm is raised when so much of what may be kept is left, and ends when much more is.
_SHORT_SHARE, _SAFE_SHARE = 1 / 4, 1 / 2
_MB = 1024 * 1024


def slot_requirement(name: str, slot: SlotRow | None, *, database: str, plugin: str = PGOUTPUT) -> Requirement:
    """Whether a slot of that name can be read, and is. Without one the reader makes it when it first starts."""
    expected = f"slot {name!r} of {plugin} in database {database!r}, read by a reader"
    if slot is None:
        remedy = "cdc-reader run makes it when it starts for the first time"
        return Requirement(_ID, expected, "none yet", Level.ADVISED, remedy)
    if slot.plugin != plugin or slot.database != database:
        found = f"one of plugin {slot.plugin!r} in database {slot.database!r}"
        if slot.database == database and slot.plugin in PLUGINS:
            remedy = (
                f"the plugin belongs to the slot: set plugin: {slot.plugin}; to change it, run `cdc-reader reset "
                "--execute` before you set the other"
            )
            return Requirement(_ID, expected, found, Level.START, remedy)
        remedy = "correct database_url, or choose another `slot`"
        if slot.active_pid is None:
            remedy += f"; or, only if no one needs that one: SELECT pg_drop_replication_slot('{name}');"
        return Requirement(_ID, expected, found, Level.START, remedy)
    if _is_lost(slot):
        return _lost(slot, expected)
    if (danger := slot_danger(slot)) is not None:
        return danger
    if slot.active_pid is None:
        idle = f", for {slot.idle_s} s" if slot.idle_s is not None else ""
        return Requirement(_ID, expected, f"one that no one reads{idle}", Level.ADVISED, "cdc-reader run")
    return Requirement(_ID, expected, f"active, {slot.wal_status}")


def slot_danger(slot: SlotRow, *, raised: bool = False) -> Requirement | None:
    """What says that the slot is about to lose WAL that it needs; `raised`: it was said before, and not over since."""
    expected = "a slot that keeps all its WAL"
    share = _SAFE_SHARE if raised else _SHORT_SHARE
    if slot.wal_status == "unreserved":
        found = "one that loses its WAL at the next checkpoint"
    elif slot.safe_bytes is not None and slot.keep_bytes and slot.safe_bytes < share * slot.keep_bytes:
        found = (
            f"one that loses its WAL when {max(0, slot.safe_bytes) // _MB} MB more are written"
            f" ({slot.kept_bytes // _MB} MB are kept)"
        )
    else:
        return None
    if slot.active_pid is None:
        return Requirement(_ID, expected, found, Level.ADVISED, "start the reader at once")
    enough_mb = 2 * max(slot.keep_bytes or 0, slot.kept_bytes) // _MB + 1
    remedy = f"ALTER SYSTEM SET max_slot_wal_keep_size = '{enough_mb}MB'; SELECT pg_reload_conf();"
    return Requirement(_ID, expected, found, Level.ADVISED, remedy, sql=True)


def slot_alarms(slot: SlotRow, *, raised: bool = False) -> Iterator[tuple[str, Requirement]]:
    """What threatens the slot, or has happened to it, by a word for it (`LOST` and so on)."""
    if _is_lost(slot):
        yield LOST, _lost(slot, "a slot that keeps all its WAL")
        return
    if (danger := slot_danger(slot, raised=raised)) is not None:
        yield UNRESERVED if slot.wal_status == "unreserved" else SHORT, danger
    timeout = idle_timeout(slot.idle_timeout_s or 0)
    if timeout.level is not None:
        yield IDLE, timeout


def _is_lost(slot: SlotRow) -> bool:
    return slot.wal_status == "lost" or slot.invalid is not None


def _lost(slot: SlotRow, expected: str) -> Requirement:
    found = f"one that lost its WAL ({slot.invalid or 'wal_status lost'})"
    if slot.invalid == "idle_timeout":
        remedy = f"raise idle_replication_slot_timeout; {RESET}"
    else:
        remedy = f"raise max_slot_wal_keep_size; {RESET}"
    return Requirement(_ID, expected, found, Level.START, remedy, error=SlotLost)
