"""What the server itself must be like (pure): version, role in its cluster, settings, free places."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cdc_reader.discovery.catalog_rows import ServerRow
from rowferry.doctor.facts import DatabaseFacts
from rowferry.doctor.findings import Finding, failed, ok, warning

_OLDEST_SERVER = 140000  # as the reader has it: binary tuples and logical messages
_SHORTEST_SENDER_TIMEOUT_MS = 15_000  # the reader tells that it lives every 5 s
_RESTART = "-- then restart the server"
_RELOAD = "SELECT pg_reload_conf();"


def check_server(server: ServerRow, facts: DatabaseFacts, *, application_name: str) -> Iterator[Finding]:
    """Check the server as a source of changes; `application_name` is the reader's."""
    yield _version(server)
    yield _primary(server)
    yield _wal_level(server)
    yield _places("max_replication_slots", facts.slots_used, facts, "replication slots")
    yield _places("max_wal_senders", facts.senders_used, facts, "WAL senders")
    yield _synchronous(facts, application_name)
    yield _sender_timeout(facts)
    yield _kept_wal(facts)


def _version(server: ServerRow) -> Finding:
    found = f"PostgreSQL {server.version // 10000}.{server.version % 10000}"
    if server.version >= _OLDEST_SERVER:
        return ok("database.version", "PostgreSQL 14 or newer", found)
    return failed("database.version", "PostgreSQL 14 or newer", found, "upgrade the server")


def _primary(server: ServerRow) -> Finding:
    if not server.in_recovery:
        return ok("database.primary", "a primary", "a primary")
    return failed("database.primary", "a primary", "a standby", "point database_url at the primary")


def _wal_level(server: ServerRow) -> Finding:
    expected = "wal_level logical"
    if server.wal_level == "logical":
        return ok("database.wal_level", expected, expected)
    remedy = f"ALTER SYSTEM SET wal_level = 'logical'; {_RESTART}"
    return failed("database.wal_level", expected, f"wal_level {server.wal_level}", remedy, sql=True)


def _places(setting: str, used: int, facts: DatabaseFacts, what: str) -> Finding:
    """Room for a slot or a walsender; the ones of a reader that runs are in use already."""
    limit = int(facts.settings[setting])
    ours = facts.slot is not None if setting == "max_replication_slots" else _is_read(facts)
    found = f"{used} of {limit} in use"
    expected = f"a free place among the {what}"
    if ours or used < limit:
        return ok(f"database.{setting}", expected, found)
    remedy = f"ALTER SYSTEM SET {setting} = {limit + 4}; {_RESTART}"
    return failed(f"database.{setting}", expected, found, remedy, sql=True)


def _is_read(facts: DatabaseFacts) -> bool:
    return facts.slot is not None and facts.slot.active_pid is not None


def _synchronous(facts: DatabaseFacts, application_name: str) -> Finding:
    """Rule P11."""
    names = facts.settings["synchronous_standby_names"]
    expected = f"synchronous_standby_names without {application_name!r}"
    if not facts.synchronous:
        return ok("database.synchronous_standby_names", expected, repr(names))
    without = _without(names, application_name, facts.standbys)
    if without is None:
        remedy = "list your standbys by name in synchronous_standby_names instead of '*'"
        return failed("database.synchronous_standby_names", expected, repr(names), remedy)
    quoted = without.replace("'", "''")
    remedy = f"ALTER SYSTEM SET synchronous_standby_names = '{quoted}'; {_RELOAD}"
    return failed("database.synchronous_standby_names", expected, repr(names), remedy, sql=True)


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


def _sender_timeout(facts: DatabaseFacts) -> Finding:
    timeout_ms = int(facts.settings["wal_sender_timeout"])
    expected = f"wal_sender_timeout of {_SHORTEST_SENDER_TIMEOUT_MS // 1000} s or more"
    if timeout_ms >= _SHORTEST_SENDER_TIMEOUT_MS:
        return ok("database.wal_sender_timeout", expected, f"{timeout_ms // 1000} s")
    found = f"{timeout_ms} ms" if timeout_ms else "0: a dead connection is held for ever"
    remedy = f"ALTER SYSTEM SET wal_sender_timeout = '60s'; {_RELOAD}"
    return warning("database.wal_sender_timeout", expected, found, remedy, sql=True)


def _kept_wal(facts: DatabaseFacts) -> Finding:
    size = facts.settings["max_slot_wal_keep_size"]
    expected = "a bound on the WAL that a stopped reader keeps"
    if size != "-1":
        return ok("database.max_slot_wal_keep_size", expected, size)
    remedy = f"ALTER SYSTEM SET max_slot_wal_keep_size = '64GB'; {_RELOAD}"
    found = "none: it can fill the disk"
    return warning("database.max_slot_wal_keep_size", expected, found, remedy, sql=True)
