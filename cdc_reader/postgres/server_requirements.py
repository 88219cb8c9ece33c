"""
What the server itself must be like (pure): version, role in its cluster, settings, free places.

Keeps: P11.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from cdc_reader.postgres.requirements import Level, Requirement
from cdc_reader.postgres.slot_row import SlotRow

OLDEST_SERVER = 140000  # binary tuples and logical messages over pgoutput came with PostgreSQL 14
_SHORTEST_SENDER_TIMEOUT_MS = 15_000  # the reader tells that it lives every 5 s
_FIRST_WITH_FAILOVER = 170000
_FIRST_TO_RAISE_THE_LEVEL = 190000
_RESTART = "-- then restart the server"
_RELOAD = "SELECT pg_reload_conf();"
# A reader that is stopped, or whose Kafka is gone, in the evening has not lost its slot in the morning.
_SHORTEST_IDLE_TIMEOUT_S = 24 * 3600
SETTINGS = (
    "idle_replication_slot_timeout",
    "max_replication_slots",
    "max_slot_wal_keep_size",
    "max_wal_senders",
    "synchronous_standby_names",
    "wal_level",
    "wal_sender_timeout",
)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """
    The server as it is; `settings` are the texts of `SETTINGS`, `wal_sender_timeout` in milliseconds.

    `idle_replication_slot_timeout`, which PostgreSQL 18 brought, is in seconds.
    `standbys` are the names of those that stream now, `slot` is the reader's, None where there is none.
    """

    version: int
    in_recovery: bool
    settings: Mapping[str, str]
    slots_used: int
    senders_used: int
    standbys: tuple[str, ...]
    slot: SlotRow | None


def server_requirements(facts: ServerFacts, *, application_name: str, failover: bool = False) -> Iterator[Requirement]:
    """What a source of changes needs; `application_name` is the reader's, `failover` its setting."""
    yield _version(facts)
    yield _primary(facts)
    yield _wal_level(facts)
    if failover:
        yield _failover(facts)
    yield _places("max_replication_slots", facts.slots_used, facts, "replication slots")
    yield _places("max_wal_senders", facts.senders_used, facts, "WAL senders")
    yield _synchronous(facts, application_name)
    yield _sender_timeout(facts)
    yield _kept_wal(facts)
    yield idle_timeout(int(facts.settings.get("idle_replication_slot_timeout", "0")))


def matches_synchronous(names: str, application_name: str) -> bool:
    """Whether a `synchronous_standby_names` value makes us a synchronous standby (rule P11)."""
    inner = names[names.find("(") + 1 :].rstrip(") ") if "(" in names else names
    listed = {part.strip().strip('"').lower() for part in inner.split(",")}
    return "*" in listed or application_name.lower() in listed


def _version(facts: ServerFacts) -> Requirement:
    needed = ("database.version", "PostgreSQL 14 or newer", _version_name(facts))
    if facts.version >= OLDEST_SERVER:
        return Requirement(*needed)
    return Requirement(*needed, Level.START, "upgrade the server")


def _version_text(version: int) -> str:
    return f"{version // 10000}.{version % 10000}"


def _primary(facts: ServerFacts) -> Requirement:
    if not facts.in_recovery:
        return Requirement("database.primary", "a primary", "a primary")
    found = "a standby: what a snapshot sees there cannot be known"
    return Requirement("database.primary", "a primary", found, Level.START, "point database_url at the primary")


def _wal_level(facts: ServerFacts) -> Requirement:
    level, accepted = facts.settings["wal_level"], decoding_levels(facts.version)
    expected = f"wal_level {' or '.join(accepted)}"
    if level in accepted:
        return Requirement("database.wal_level", expected, f"wal_level {level}")
    remedy = f"ALTER SYSTEM SET wal_level = 'logical'; {_RESTART}"
    return Requirement("database.wal_level", expected, f"wal_level {level}", Level.START, remedy, sql=True)


def decoding_levels(version: int) -> tuple[str, ...]:
    """The values of `wal_level` that a server decodes changes at.

    From PostgreSQL 19 on the first logical slot raises the level that counts (`effective_wal_level`), and the last one
    lowers it: before our slot is there it says nothing.
    """
    return ("replica", "logical") if version >= _FIRST_TO_RAISE_THE_LEVEL else ("logical",)


def raised_by_slot(version: int, wal_level: str) -> str | None:
    """What the server does for its first logical slot, which waits for it, in words; None where nothing."""
    if version < _FIRST_TO_RAISE_THE_LEVEL or wal_level == "logical":
        return None
    return "a checkpoint: from it on the server logs what decoding needs"


def _failover(facts: ServerFacts) -> Requirement:
    """Before PostgreSQL 17 no standby can have the slot."""
    needed = ("database.failover", "PostgreSQL 17 or newer, for `failover`", _version_name(facts))
    if facts.version >= _FIRST_WITH_FAILOVER:
        return Requirement(*needed)
    return Requirement(*needed, Level.START, remedy="set failover: false")


def _version_name(facts: ServerFacts) -> str:
    return f"PostgreSQL {_version_text(facts.version)}"


def _places(setting: str, used: int, facts: ServerFacts, what: str) -> Requirement:
    """Room for a slot or a walsender; the ones of a reader that runs are in use already."""
    limit = int(facts.settings[setting])
    is_read = facts.slot is not None and facts.slot.active_pid is not None
    ours = facts.slot is not None if setting == "max_replication_slots" else is_read
    needed = (f"database.{setting}", f"a free place among the {what}", f"{used} of {limit} in use")
    if ours or used < limit:
        return Requirement(*needed)
    # A walsender that ends frees its place a moment later: the reader lets the server decide.
    return Requirement(*needed, Level.WHOLE, f"ALTER SYSTEM SET {setting} = {limit + 4}; {_RESTART}", sql=True)


def _synchronous(facts: ServerFacts, application_name: str) -> Requirement:
    """Rule P11."""
    check, names = "database.synchronous_standby_names", facts.settings["synchronous_standby_names"]
    expected = f"synchronous_standby_names without {application_name!r}"
    if not matches_synchronous(names, application_name):
        return Requirement(check, expected, repr(names))
    found = f"{names!r}: commits would wait for the reader, and the reader for them"
    without = _without(names, application_name, facts.standbys)
    if without is None:
        remedy = "list your standbys by name in synchronous_standby_names instead of '*'"
        return Requirement(check, expected, found, Level.START, remedy)
    quoted = without.replace("'", "''")
    remedy = f"ALTER SYSTEM SET synchronous_standby_names = '{quoted}'; {_RELOAD}"
    return Requirement(check, expected, found, Level.START, remedy, sql=True)


def _without(names: str, ours: str, standbys: Collection[str]) -> str | None:
    """The setting without our name; `*` becomes the standbys that are there, None when none is known."""
    head, bracket, inner = names.partition("(")
    listed = [part.strip() for part in (inner.rstrip(" )") if bracket else names).split(",")]
    kept = [name for name in listed if name.strip('"').lower() != ours.lower()]
    if any(name.strip('"') == "*" for name in kept):
        kept = ['"' + name.replace('"', '""') + '"' for name in standbys if name.lower() != ours.lower()]
        if not kept:
            return None
    if not kept:
        return ""
    return f"{head.strip()} ({', '.join(kept)})" if bracket else ", ".join(kept)


def _sender_timeout(facts: ServerFacts) -> Requirement:
    check, timeout_ms = "database.wal_sender_timeout", int(facts.settings["wal_sender_timeout"])
    expected = f"wal_sender_timeout of {_SHORTEST_SENDER_TIMEOUT_MS // 1000} s or more"
    if timeout_ms >= _SHORTEST_SENDER_TIMEOUT_MS:
        return Requirement(check, expected, f"{timeout_ms // 1000} s")
    found = f"{timeout_ms} ms" if timeout_ms else "0: a dead connection is held for ever"
    remedy = f"ALTER SYSTEM SET wal_sender_timeout = '60s'; {_RELOAD}"
    return Requirement(check, expected, found, Level.ADVISED, remedy, sql=True)


def _kept_wal(facts: ServerFacts) -> Requirement:
    check, size = "database.max_slot_wal_keep_size", facts.settings["max_slot_wal_keep_size"]
    expected = "a bound on the WAL that a stopped reader keeps"
    if size != "-1":
        return Requirement(check, expected, size)
    remedy = f"ALTER SYSTEM SET max_slot_wal_keep_size = '64GB'; {_RELOAD}"
    return Requirement(check, expected, "none: it can fill the disk", Level.ADVISED, remedy, sql=True)


def idle_timeout(timeout_s: int) -> Requirement:
    """After how long a slot that no one reads is invalidated, which is lost; 0 where never."""
    check = "database.idle_replication_slot_timeout"
    expected = f"idle_replication_slot_timeout of {_SHORTEST_IDLE_TIMEOUT_S // 3600} h or more, or none"
    if not timeout_s or timeout_s >= _SHORTEST_IDLE_TIMEOUT_S:
        return Requirement(check, expected, f"{timeout_s} s" if timeout_s else "none")
    found = f"{timeout_s} s: the slot is lost when the reader stands still for so long"
    remedy = f"ALTER SYSTEM SET idle_replication_slot_timeout = '7d'; {_RELOAD}"
    return Requirement(check, expected, found, Level.ADVISED, remedy, sql=True)
