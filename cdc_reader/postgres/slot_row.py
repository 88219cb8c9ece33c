"""The replication slot, and who holds it, as the server shows them."""

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
