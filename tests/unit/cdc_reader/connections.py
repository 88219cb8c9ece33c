"""What the reader opens to the source in memory: ordinary connections, and the replication stream."""

from __future__ import annotations

import re
import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from schemas.errors import AccessDenied, SlotBusy, TransientError, Unreachable
from tests.unit.cdc_reader.source import BIGINT, Done, Seen, Shape, Source
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
        self.info = SimpleNamespace(server_version=source.version, parameter_status=lambda name: "UTF8")

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
    def transaction(self) -> Iterator[None]:
        """Statements of one transaction; nothing here is rolled back."""
        yield

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

    def _selected(self, query: str) -> Iterator[tuple[bytes | None, ...]]:
        """The rows of a query by range or by keys, in key order."""
        [name] = re.findall(r'FROM (?:ONLY )?"public"\."(\w+)"', query)
        tables = self._source.tables.values()
        found = [each for table in tables for each in table.relations if each.name.name == name]
        if not found:
            raise TransientError(f"cannot read a snapshot chunk: relation {name!r} does not exist")
        of_leaves = self._source.rows_of_leaves(found[0].oid, self.seen())
        streamed = re.search(r"tableoid\S* OPERATOR\(pg_catalog.=\) ANY \('{([\d,]*)}'", query)
        leaves = {int(each) for each in streamed[1].split(",")} if streamed else set()
        rows = {key: row for (_, key), row in of_leaves.items()}
        leaf_of = {key: leaf for leaf, key in of_leaves}
        keys = [int(key) for key in re.findall(r"'(-?\d+)'::bigint", query)]
        ranged = re.search(r"LIMIT (\d+)", query)
        limit = int(ranged[1]) if ranged else len(rows)
        behind = max(keys, default=-1)
        chosen = [row for key, row in rows.items() if (key > behind if ranged else key in keys)][:limit]
        if streamed and not ranged:
            chosen = [row for row in chosen if leaf_of[int(row[0] or 0)] in leaves]
        attributes = found[0].attributes
        names = [each.name for each in attributes]
        places = [
            names.index(each)
            for each in re.findall(r'r\."(\w+)"', query.rpartition("SELECT")[2].partition(" FROM ")[0])
        ]
        if found[0].oid in self._source.disordered:
            chosen.reverse()
        for row in chosen:
            # A column that was added since has no value in an older row.
            values = tuple(
                _binary(row[place] if place < len(row) else None, attributes[place].type_oid) for place in places
            )
            key = int(row[0] or 0)
            if streamed and ranged:
                values += (_boolean(leaf_of[key] in leaves),)
            yield (*values, _boolean(key > behind)) if ranged else values
            behind = key


def _boolean(value: bool) -> bytes:
    return b"\x01" if value else b"\0"


def _binary(value: str | None, type_oid: int) -> bytes | None:
    if value is None:
        return None
    return struct.pack(">q", int(value)) if type_oid == BIGINT else value.encode()


def _copied(rows: Sequence[tuple[bytes | None, ...]]) -> Iterator[bytes]:
    """Rows as COPY BINARY sends them, one a block; the header comes with the first."""
    head = _HEADER
    for row in rows:
        yield head + copy_row(*row)
        head = b""
    yield head + _TRAILER


def _emit(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    if self.source.forbidden:
        raise AccessDenied("cannot write a message: permission denied for function pg_logical_emit_message")
    self.source.emit(values[1], values[0])
    return []


def _slot(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    known, facts = self.source.slots.get(values[0]), self.source.slot_facts
    if known is None:
        return []
    return [(facts.plugin, facts.database or self.source.database, _lsn(known), *facts[2:])]


def _drop_slot(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    del self.source.slots[values[0]]
    return []


def _holders(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [(4711, "rowferry-rowferry", "10.0.0.5", None, None)] if self.source.locks else []


def _publish(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    self.source.publish(text)
    return []


def _settings(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [(name, self.source.settings[name]) for name in values[0] if name in self.source.settings]


def _used(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [(self.source.version, False, len(self.source.slots), len(self.source.locks), [])]


def _column_types(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    relations = [each for table in self.source.tables.values() for each in table.relations]
    found = [each for each in relations if each.oid == values[0]]
    return [
        (each.name.schema, each.name.name, column.name, column.type_oid) for each in found for column in each.attributes
    ]


def _files(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    relations = {each.oid: each.file for table in self.source.tables.values() for each in table.relations}
    return [(relations.get(oid, 0),) for oid in values[0]]


def _type_names(self: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [({20: "bigint", 23: "integer", 25: "text"}[oid], None, None) for oid in values[0]]


_ANSWERS: dict[str, Callable[[Connection, str, Sequence[Any]], list[tuple[Any, ...]]]] = {
    "ALTER PUBLICATION": _publish,
    "pg_drop_replication_slot": _drop_slot,
    "backend_start": _holders,
    "virtualtransaction": lambda self, text, values: [
        (each, f"pid of {each}") for each in sorted(self.source.writers_at(values[0]))
    ],
    "pg_stat_activity s": lambda self, text, values: [],
    "BEGIN ISOLATION": lambda self, text, values: self.begin(text),
    "ROLLBACK": lambda self, text, values: self.rollback(),
    "SET LOCAL": lambda self, text, values: [],
    "SET lock_timeout": lambda self, text, values: [],
    "pg_current_xact_id()": lambda self, text, values: [(str(self.source.take_xid()),)],
    "pg_current_snapshot()": lambda self, text, values: [(self.seen().text,)],
    "pg_current_wal_insert_lsn()": lambda self, text, values: [(_lsn(self.source.lsn),)],
    "pg_current_wal_flush_lsn()": lambda self, text, values: [(_lsn(self.source.flushed),)],
    "pg_logical_emit_message(true": _emit,
    "proname = 'pg_logical_emit_message'": lambda self, text, values: [(each,) for each in self.source.forbidden],
    "FROM pg_catalog.pg_settings": _settings,
    "AS keep_bytes": _slot,
    "pg_is_in_recovery()": _used,
    "pg_relation_filenode": _files,
    "format_type": _type_names,
    "typsubscript": lambda self, text, values: [],
    "pg_catalog.pg_attribute": _column_types,
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
        self.wal_end = 0
        self.error: Exception | None = None

    def execute(self, command: str, *values: object) -> list[tuple[Any, ...]]:
        source = self._source
        source.asked(command)
        if "pg_try_advisory_lock" in command:
            held = values in source.locks
            self._held |= set() if held else {values}
            source.locks |= self._held
            return [("f" if held else "t",)]
        if "backend_start" in command:
            return [(4711, "rowferry-rowferry", "10.0.0.5", "2026-01-01T00:00:00Z", None)]
        if command == "IDENTIFY_SYSTEM":
            return [(source.system_id, source.timeline, _lsn(source.flushed), source.database)]
        if command.startswith("TIMELINE_HISTORY"):
            return [("history", f"1\t{_lsn(source.switched_at)}\tno recovery target specified\n")]
        if command.startswith("ALTER_REPLICATION_SLOT"):
            source.slot_facts = source.slot_facts._replace(failover=True)
            return []
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
            self.wal_end = self._source.flushed
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
