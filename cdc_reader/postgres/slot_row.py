"""The replication slot, and who holds it, as the server shows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SlotRow:
    """The slot as `pg_replication_slots` shows it, and what the server keeps for it; LSNs as integers.

    `invalid` is the reason, where there is one. `kept_bytes` is the WAL that is kept, `safe_bytes` what may still be
    written before some of it is lost, `keep_bytes` the most that is kept: None where nothing bounds it. No one has read
    the slot for `idle_s`, and after `idle_timeout_s` it is invalidated: None where it is read, or the server has none.
    `failover`: standbys may keep a copy.
    """

    plugin: str
    database: str
    confirmed_lsn: int
    active_pid: int | None
    wal_status: str
    invalid: str | None = None
    kept_bytes: int = 0
    safe_bytes: int | None = None
    keep_bytes: int | None = None
    idle_s: int | None = None
    idle_timeout_s: int | None = None
    failover: bool = False


@dataclass(frozen=True, slots=True)
class SlotHolder:
    """A session that reads a slot, or holds its lock.

    Name, address and since when it is connected are None where they may not be seen; `hidden` says what lets us.
    """

    pid: int
    application_name: str | None
    address: str | None
    since: str | None = None
    hidden: str | None = None

    def __str__(self) -> str:
        known = " at ".join(each for each in (self.application_name, self.address) if each)
        since = f", connected since {self.since}" if self.since else f", {self.hidden}" if self.hidden else ""
        return f"pid {self.pid}" + (f" ({known})" if known else "") + since
