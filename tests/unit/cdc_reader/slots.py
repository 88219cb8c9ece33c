"""What the server in memory says of replication slots."""

from __future__ import annotations

from typing import NamedTuple


class SlotFacts(NamedTuple):
    """What every slot of this server is like; `database`: another one than the server's."""

    plugin: str = "pgoutput"
    database: str = ""
    active_pid: int | None = None
    wal_status: str = "reserved"
    invalid: str | None = None
    kept_bytes: int = 0
    safe_bytes: int | None = None
    keep_bytes: int | None = None
    idle_s: int | None = None
    idle_timeout_s: int | None = None
    failover: bool = False
