"""What the reader opens to the source in memory: ordinary connections, and the replication stream."""

from __future__ import annotations

import re
import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from schemas.errors import SlotBusy, TransientError, Unreachable
from tests.unit.cdc_reader.source import DATABASE, SYSTEM_ID, Done, Row, Seen, Shape, Source
from tests.unit.cdc_reader.transcode.tables import copy_row
from tests.unit.cdc_reader.walsender import wire

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"


def _lsn(value: int) -> str:
    return f"{value >> 32:X}/{value & 0xFFFF_FFFF:X}"


class Connection:
    """An ordinary session that knows the reader's statements, and no others."""

    def __init__(self, source: Source, *, dsn: str = "", application_name: str = "", autocommit: bool = True) -> None:
        self._source = source
        self._begun, self._seen = False, None  # type: tuple[bool, Seen | None]
        self._result: list[tuple[Any, ...]] = []
        self.closed = self.broken = False
        self.info = SimpleNamespace(server_version=180004)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self.closed = True

    @property
    def source(self) -> Source:
        return self._source

    def execute(self, query: str | bytes, values: Sequence[Any] = ()) -> Connection:
        text = query.decode() if isinstance(query, bytes) else query
        self._source.asked(text)
        for words, answer in _ANSWERS.items():
            if words in text:
                self._result = answer(self, text, values)
                return self
        raise AssertionError(f"the source in memory does not know {text!r}")

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._result[0] if self._result else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._result

    @contextmanager
    def cursor(self) -> Iterator[Connection]:
        yield self

    @contextmanager
    def copy(self, query: bytes) -> Iterator[Iterator[bytes]]:
        self._source.asked(query.decode())
        yield _copied(list(self._selected(query.decode())))

    def begin(self, text: str) -> list[tuple[Any, ...]]:
        assert "REPEATABLE READ" in text
        self._begun, self._seen = True, None
        return []

    def rollback(self) -> list[tuple[Any, ...]]:
        self._begun, self._seen = False, None
        return []

    def seen(self) -> Seen:
        """The snapshot of the transaction, taken with its first read; outside of one, that of the moment."""
        if not self._begun:
            return self._source.snapshot()
        self._seen = self._seen or self._source.snapshot()
        return self._seen

    def _selected(self, query: str) -> Iterator[Row]:
        """The rows of a query by range or by keys, in key order."""
        [name] = re.findall(r'FROM (?:ONLY )?"public"\."(\w+)"', query)
        found = [table for table in self._source.tables.values() if table.name.name == name]
        if not found:
            raise TransientError(f"cannot read a snapshot chunk: relation {name!r} does not exist")
        rows = self._source.rows(found[0].oid, self.seen())
        keys = [int(key) for key in re.findall(r"'(-?\d+)'::bigint", query)]
        ranged = re.search(r"LIMIT (\d+)", query)
        limit = int(ranged[1]) if ranged else len(rows)
        behind = max(keys, default=-1)
        chosen = [row for key, row in rows.items() if (key > behind if ranged else key in keys)][:limit]
        names = [each.name for each in found[0].relation.attributes]
        places = [
            names.index(each)
            for each in re.findall(r'r\."(\w+)"', query.rpartition("SELECT")[2].partition(" FROM ")[0])
        ]
        if found[0].oid in self._source.disordered:
            chosen.reverse()
        for row in chosen:
            # A column that was added since has no value in an older row.
            values = tuple(row[place] if place < len(row) else None for place in places)
            key = int(row[0] or 0)
            yield (*values, "\x01" if key > behind else "\0") if ranged else values
            behind = key


def _copied(rows: Sequence[Row]) -> Iterator[bytes]:
    """Rows of bigint and texts as COPY BINARY sends them, one a block; the header comes with the first."""
    head = _HEADER
    for row in rows:
        key = struct.pack(">q", int(row[0] or 0))
        yield head + copy_row(key, *(None if each is None else each.encode() for each in row[1:]))
        head = b""
    yield head + _TRAILER


def _sync_rep(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [(str(xid),) for xid in self.source.hidden] if self.source.sync_rep_shows else []


def _emit(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    self.source.emit(values[1], values[0])
    return []


def _slot(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    known = self.source.slots.get(values[0])
    return [] if known is None else [("pgoutput", DATABASE, _lsn(known), None, "reserved", None)]


def _settings(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [(name, self.source.settings[name]) for name in values[0] if name in self.source.settings]


def _used(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [(180004, False, len(self.source.slots), len(self.source.locks), [])]


def _type_names(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [({20: "bigint", 23: "integer", 25: "text"}[oid],) for oid in values[0]]


_ANSWERS: dict[str, Callable[[Connection, str, Sequence[Any]], list[tuple[Any, ...]]]] = {
    "BEGIN ISOLATION": lambda self, text, values: self.begin(text),
    "ROLLBACK": lambda self, text, values: self.rollback(),
    "SET LOCAL": lambda self, text, values: [],
    "SET lock_timeout": lambda self, text, values: [],
    "pg_current_snapshot()": lambda self, text, values: [(self.seen().text,)],
    "pg_current_wal_insert_lsn()": lambda self, text, values: [(_lsn(self.source.lsn),)],
    "pg_current_wal_flush_lsn()": lambda self, text, values: [(_lsn(self.source.flushed),)],
    "pg_logical_emit_message(true": _emit,
    "pg_locks": lambda self, text, values: [(each,) for each in sorted(self.source.writers)],
    "FROM pg_catalog.pg_settings": _settings,
    "pg_is_in_recovery()": _used,
    "pg_replication_slots": _slot,
    "wait_event = 'SyncRep'": _sync_rep,
    "format_type": _type_names,
}


class ReplicationStream:
    """`cdc_reader.postgres.replication.ReplicationStream`: one walsender's session."""

    def __init__(self, source: Source, *, turn: Callable[[], None], confirming: Callable[[int], None]) -> None:
        self._source, self._turn, self._confirming = source, turn, confirming
        self._announced: dict[int, Shape] = {}
        self._sent = 0
        self._held: set[tuple[object, ...]] = set()
        self._slot = ""
        self.placed: deque[tuple[int, bytes]] = deque()
        self.confirmed: list[int] = []
        self.starts: list[tuple[int, dict[str, str]]] = []
        self.waits = False
        self.most = 2_000
        self.error: Exception | None = None

    def execute(self, command: str, *values: object) -> list[tuple[Any, ...]]:
        source = self._source
        source.asked(command)
        if "pg_try_advisory_lock" in command:
            held = values in source.locks
            self._held |= set() if held else {values}
            source.locks |= self._held
            return [("f" if held else "t",)]
        if command == "IDENTIFY_SYSTEM":
            return [(SYSTEM_ID, 1, _lsn(source.flushed), DATABASE)]
        [slot] = re.findall(r'CREATE_REPLICATION_SLOT "(\w+)"', command)
        source.slots[slot] = source.lsn
        return [(slot, _lsn(source.lsn), None, "pgoutput")]

    def start(self, slot: str, at: Any, options: dict[str, str]) -> None:
        if slot not in self._source.slots:
            raise SlotBusy(f"expected slot {slot!r}, got none")
        self._slot = slot
        self.starts.append((at.value, options))
        begin = max(at.value, self._source.slots[slot])
        self._sent = sum(done.lsn < begin for done in self._source.done)

    def receive(self, *, most: int, wait_s: float, wake_fd: int) -> tuple[list[tuple[int, bytes]], bool]:
        self._turn()
        if self.error is not None:
            raise self.error
        if not self.waits:
            self.place(*self._source.done[self._sent :])
        batch = [self.placed.popleft() for _ in range(min(most, self.most, len(self.placed)))]
        return batch, bool(self.placed)

    def place(self, *transactions: Done) -> None:
        """Send these transactions next."""
        for done in transactions:
            self.placed += wire(done, self._announced)
        self._sent += len(transactions)

    def confirm(self, lsn: int) -> None:
        self._confirming(lsn)
        self.confirmed.append(lsn)
        self._source.slots[self._slot] = max(self._source.slots[self._slot], lsn)

    def cancel(self) -> None:
        """Nothing waits in it."""

    def close(self) -> None:
        self._source.locks -= self._held


def lost_connection() -> Unreachable:
    return Unreachable("the server ended the replication stream: no reason given")
