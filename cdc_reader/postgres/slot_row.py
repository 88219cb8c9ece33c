"""The replication slot, as the server shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SlotRow:
    """The slot as `pg_replication_slots` shows it; LSNs as integers. `invalid` is the reason, where there is one."""

    plugin: str
    database: str
    confirmed_lsn: int
    active_pid: int | None
    wal_status: str
    invalid: str | None = None
