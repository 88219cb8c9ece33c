"""Edge: what is asked of the reader through `_control`, followed while it streams."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence

from cdc_reader.progress.stored import read_command
from cdc_reader.tables.captured import CapturedTable
from cdc_runtime.kafka.tail import Tail
from schemas.control import Command, Kind, State
from schemas.errors import RecordError
from schemas.keys import parse_row_key
from schemas.names import TableName

_EVERY_S = 0.5


class ControlInbox:
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
        commands = [command for record in self._tail.poll() if (command := read_command(record)) is not None]
        return [each for each in commands if each.state is State.REQUESTED and each.id not in self._ours]

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

    def close(self) -> None:
        """Free the client."""
        self._tail.close()


def _is_key(text: str, parts: int) -> bool:
    try:
        return len(parse_row_key(text.encode("ascii"))) == parts
    except (UnicodeEncodeError, RecordError):
        return False
