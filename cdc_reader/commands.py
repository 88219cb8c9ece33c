"""Edge: what is asked of the reader through `_control`, followed while it streams."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Sequence

from cdc_reader.records import take_command
from cdc_runtime.kafka.tail import Tail
from schemas.control import Command, Kind, State
from schemas.names import TableName

_EVERY_S = 0.5


class Commands:
    """Follows `_control` from where the start has read it to."""

    def __init__(self, tail: Tail, *, source: str) -> None:
        self._tail = tail
        self._source = source
        self._due = 0.0
        self._ours: set[str] = set()

    def poll(self, now: float) -> list[Command]:
        """Commands that were asked for since the last call; looks twice a second at most."""
        if now < self._due:
            return []
        self._due = now + _EVERY_S
        asked = (take_command({}, record) for record in self._tail.poll())
        return [command for command in asked if command is not None and command.id not in self._ours]

    def reread(self, table: str, keys: Sequence[str]) -> Command:
        """A command of our own: the rows with these keys are to be read again."""
        command = Command(
            id=f"{self._source}-{uuid.uuid4().hex}",
            kind=Kind.REREAD,
            tables=(table,),
            keys=tuple(keys),
            requested_by=f"reader {self._source}",
            requested_at_ms=time.time_ns() // 1_000_000,
        )
        self._ours.add(command.id)
        return command

    @staticmethod
    def refusal(command: Command, captured: Collection[TableName]) -> Command | None:
        """The command, refused with the reason, when it cannot be obeyed; None when it can."""
        unknown = [text for text in command.tables if TableName.parse(text) not in captured]
        if unknown:
            return command.in_state(State.REFUSED, f"expected captured tables, got {', '.join(unknown)}")
        if command.kind is Kind.REREAD and (len(command.tables) != 1 or not command.keys):
            return command.in_state(State.REFUSED, "expected one table and at least one key")
        return None

    def close(self) -> None:
        """Free the client."""
        self._tail.close()
