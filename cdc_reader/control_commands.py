"""
Edge: what is asked of the reader through `_control`, followed while it streams, and what became of it.

A command's new state is written in the Kafka transaction that holds the work.

Keeps: V5.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from cdc_reader.progress.stored import read_command
from cdc_reader.publishing.event_sink import EventSink
from cdc_reader.tables.captured import CapturedTable
from cdc_runtime.consuming.records import Record
from schemas.control import Command, Kind, State
from schemas.errors import RecordError
from schemas.keys import parse_row_key
from schemas.names import TableName
from schemas.tables import TableEntry

_EVERY_S = 0.5
_TOLD_MS = 7 * 24 * 3600 * 1000  # as long as consumers may be away
_MOST_KEYS = 5_000
_MOST_KEY_BYTES = 256 * 1024  # a record of a megabyte has room for it, whatever JSON makes of it


class ControlTail(Protocol):
    """Where commands come from (`cdc_runtime.kafka.tail.Tail`)."""

    def poll(self) -> list[Record]:
        """The records since the last call."""


class ScanRequests(Protocol):
    """Who reads what is asked for (`snapshot.runner`)."""

    def read_table(self, table: TableName, cause: str, *, commands: list[Command]) -> None:
        """Read the whole table."""

    def read_keys(self, table: TableName, keys: list[bytes], *, commands: list[Command]) -> None:
        """Read the rows with these keys."""


class CommandStates:
    """Writes what becomes of commands. `own` is whom the reader names as who asks, where it asks itself."""

    def __init__(self, sink: EventSink, topic: str, *, own: str) -> None:
        self._sink = sink
        self._topic = topic
        self.own = own

    def record(self, command: Command) -> None:
        """Write a command's new state; what nobody else asked for leaves the topic behind its end."""
        self._sink.add(self._topic, command.id.encode(), command.to_json(), now_ms())
        if command.over and command.requested_by == self.own:
            self.forget(command.id)

    def forget(self, command_id: str) -> None:
        """Let the topic forget a command that is over, when it is compacted."""
        self._sink.add(self._topic, command_id.encode(), None, now_ms())


class ControlInbox:
    """Follows `_control` from where the start has read it to; `selected` say why a table is not among `tables`."""

    def __init__(
        self,
        tail: ControlTail,
        *,
        source: str,
        states: CommandStates,
        tables: Mapping[TableName, CapturedTable],
        selected: Mapping[TableName, TableEntry],
        scans: ScanRequests,
    ) -> None:
        self._tail = tail
        self._source = source
        self._states = states
        self._tables, self._selected = tables, selected
        self._scans = scans
        self._due = 0.0
        self._ours: set[str] = set()
        self._unread: dict[TableName, dict[bytes, None]] = {}

    def poll(self, now: float) -> None:
        """Do what was asked for since the last call; looks twice a second at most. `now` in monotonic seconds."""
        if now < self._due:
            return
        self._due = now + _EVERY_S
        for record in self._tail.poll():
            command = read_command(record)
            if command is not None and command.state is State.REQUESTED and command.id not in self._ours:
                self.obey(command)

    def refuses(self, command: Command) -> bool:
        """Whether it cannot be obeyed, which is answered: it was asked of tables that are not captured, or in vain."""
        refused = refusal(command, self._tables, self._selected)
        if refused is not None:
            self._states.record(refused)
        return refused is not None

    def obey(self, command: Command, begun: Collection[str] = ()) -> None:
        """Do what was asked, or refuse it; `begun` are the tables whose scan for it is done, or goes on."""
        if self.refuses(command):
            return
        for text in command.tables:
            name = TableName.parse(text)
            if command.kind is Kind.REREAD:
                self._scans.read_keys(name, [key.encode("ascii") for key in command.keys], commands=[command])
            elif text not in begun:
                self._scans.read_table(name, f"asked for by {command.requested_by}", commands=[command])

    def forget_old(self, finished: Mapping[str, int]) -> None:
        """Let the topic forget commands that are over since long, by when (ms) that was told: who asked has seen it."""
        for command_id, told_ms in finished.items():
            if now_ms() - told_ms > _TOLD_MS:
                self._states.forget(command_id)

    def reread(self, table: TableName, key: bytes) -> None:
        """Have a row read again (rule V5); durable with `ask_ourselves`, before the transaction of its event ends."""
        self._unread.setdefault(table, {})[key] = None

    def ask_ourselves(self) -> None:
        """Ask, durably, for the rows that are to be read again: together, since they are by the thousand."""
        for table, keys in self._unread.items():
            for some in _together(keys):
                self._ask(table, some)
        self._unread.clear()

    def _ask(self, table: TableName, keys: Sequence[str]) -> None:
        command = Command(
            id=f"{self._source}-{uuid.uuid4().hex}",
            kind=Kind.REREAD,
            tables=(str(table),),
            keys=tuple(keys),
            requested_by=self._states.own,
            requested_at_ms=now_ms(),
        )
        self._ours.add(command.id)
        self._states.record(command)
        self.obey(command)


def _together(keys: Iterable[bytes]) -> Iterator[list[str]]:
    """Keys in parts that a record has room for."""
    some: list[str] = []
    size = 0
    for key in keys:
        if some and (len(some) >= _MOST_KEYS or size + len(key) > _MOST_KEY_BYTES):
            yield some
            some, size = [], 0
        some.append(key.decode("ascii"))
        size += len(key)
    if some:
        yield some


def now_ms() -> int:
    """The wall clock, in milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


def refusal(
    command: Command, captured: Mapping[TableName, CapturedTable], selected: Mapping[TableName, TableEntry]
) -> Command | None:
    """The command, refused with the reason, when it cannot be obeyed; None when it can."""
    known = {str(name): table for name, table in captured.items()}
    reasons = {str(name): entry.capture.reason for name, entry in selected.items()}
    missing = [text for text in command.tables if text not in known]
    unknown = [f"{text} ({reasons.get(text, 'no such table is selected')})" for text in missing]
    if unknown or not command.tables:
        return command.in_state(State.REFUSED, f"expected captured tables, got {', '.join(unknown) or 'none'}")
    if command.kind is not Kind.REREAD:
        return None
    if len(command.tables) != 1 or not command.keys:
        return command.in_state(State.REFUSED, "expected one table and at least one key")
    parts = len(known[command.tables[0]].entry.primary_key)
    if any(not _is_key(key, parts) for key in command.keys):
        return command.in_state(State.REFUSED, f"expected keys of {parts} percent-encoded parts")
    return None


def _is_key(text: str, parts: int) -> bool:
    try:
        return len(parse_row_key(text.encode("ascii"))) == parts
    except (UnicodeEncodeError, RecordError):
        return False
