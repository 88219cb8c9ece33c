"""
The records of `_control`: what operators and consumers ask of the reader, and how far it is.

A command is written by whoever asks (state `requested`); the reader alone writes the states after that, under
the same key, in the Kafka transaction that holds the work itself.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from schemas.json_records import read_object, read_record

FORMAT = 1


class Kind(StrEnum):
    """What is asked for."""

    SNAPSHOT = "snapshot"  # read the tables whole again, then sweep them
    SWEEP = "sweep"  # publish a sweep that was held back (rule S7)
    REREAD = "reread"  # read the rows with these keys again


class State(StrEnum):
    """How far the reader is with it."""

    REQUESTED = "requested"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `tables`: `str(TableName)`; `keys`: row keys of the one table, for `reread`."""

    id: str
    kind: Kind
    tables: tuple[str, ...]
    requested_by: str
    requested_at_ms: int
    keys: tuple[str, ...] = ()
    force: bool = False
    state: State = State.REQUESTED
    detail: str = ""
    format: int = FORMAT

    @property
    def over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.state in (State.DONE, State.REFUSED)

    def in_state(self, state: State, detail: str = "") -> Command:
        """The same command, further on."""
        return replace(self, state=state, detail=detail)

    def to_json(self) -> bytes:
        """The value of the record; its key is the id."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, value: bytes) -> Command:
        """Read a record's value; raises `RecordError` when it is not a command, or of a newer format."""
        return read_record(cls, read_object(value, "_control", FORMAT), "_control")
