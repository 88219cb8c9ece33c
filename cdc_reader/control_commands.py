"""
Edge: what is asked of the reader through `_control`, followed while it streams, and what became of it.

A command's new state is written in the Kafka transaction that holds the work.

Keeps: V5.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Mapping
from typing import Protocol

from cdc_reader.progress.stored import read_command
from cdc_reader.publishing.event_sink import EventSink
from cdc_reader.tables.captured import CapturedTable
from cdc_runtime.consuming.records import Record
from schemas.control import Command, Kind, State
from schemas.errors import RecordError
from schemas.keys import parse_row_key
from schemas.names import TableName

_EVERY_S = 0.5


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
    """Writes what becomes of commands."""

    def __init__(self, sink: EventSink, topic: str) -> None:
        self._sink = sink
        self._topic = topic

    def record(self, command: Command) -> None:
        """Write a command's new state."""
        self._sink.add(self._topic, command.id.encode(), command.to_json(), time.time_ns() // 1_000_000)


class ControlInbox:
    """Follows `_control` from where the start has read it to."""

    def __init__(
        self,
        tail: ControlTail,
        *,
        source: str,
        states: CommandStates,
        tables: Mapping[TableName, CapturedTable],
        scans: ScanRequests,
    ) -> None:
        self._tail = tail
        self._source = source
        self._states = states
        self._tables = tables
        self._scans = scans
        self._due = 0.0
        self._ours: set[str] = set()

    def poll(self, now: float) -> None:
        """Do what was asked for since the last call; looks twice a second at most. `now` in monotonic seconds."""
        if now < self._due:
            return
        self._due = now + _EVERY_S
        for record in self._tail.poll():
            command = read_command(record)
            if command is not None and command.state is State.REQUESTED and command.id not in self._ours:
                self.obey(command)

    def obey(self, command: Command, begun: Collection[str] = ()) -> None:
        """Do what was asked, or refuse it; `begun` are the tables whose scan for it is done, or goes on."""
        refused = refusal(command, self._tables)
        if refused is not None:
            self._states.record(refused)
            return
        for text in command.tables:
            name = TableName.parse(text)
            if command.kind is Kind.REREAD:
                self._scans.read_keys(name, [key.encode("ascii") for key in command.keys], commands=[command])
            elif text not in begun:
                self._scans.read_table(name, f"asked for by {command.requested_by}", commands=[command])

    def reread(self, table: TableName, key: bytes) -> None:
        """Ask ourselves, durably, to read a row again (rule V5)."""
        command = Command(
            id=f"{self._source}-{uuid.uuid4().hex}",
            kind=Kind.REREAD,
            tables=(str(table),),
            keys=(key.decode("ascii"),),
            requested_by=f"reader {self._source}",
            requested_at_ms=time.time_ns() // 1_000_000,
        )
        self._ours.add(command.id)
        self._states.record(command)
        self.obey(command)


def refusal(command: Command, captured: Mapping[TableName, CapturedTable]) -> Command | None:
    """The command, refused with the reason, when it cannot be obeyed; None when it can."""
    known = {str(name): table for name, table in captured.items()}
    unknown = [text for text in command.tables if text not in known]
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
