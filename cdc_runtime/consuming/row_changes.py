"""
What a record of a table topic says: a row written, a row deleted, a floor, or nothing for anybody.

Shared by all consumers. Leaves to others: what becomes of it, finding schemas, and everything about time and order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cdc_runtime.consuming.records import Record
from schemas.envelope import OP_DELETE, OP_MESSAGE, OP_SWEEP, OP_TRUNCATE, Event
from schemas.errors import RecordError
from schemas.keys import FLOOR_KEY
from schemas.tombstones import HEADER_VERSION, deleting_version


@dataclass(frozen=True, slots=True)
class RowPut:
    """A row as it is after the event."""

    record: Record
    event: Event
    key: bytes

    @property
    def version(self) -> int:
        """The event's version."""
        return self.event.version


@dataclass(frozen=True, slots=True)
class RowDelete:
    """A row that is gone; `event` is None for a tombstone, which is all that compaction may leave (rule V2)."""

    record: Record
    version: int
    key: bytes
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class Floor:
    """No row of the table with a version below `below_version` exists any more (rules V1, V4)."""

    record: Record
    below_version: int
    op: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """A record that changes nothing."""

    record: Record
    reason: str


RowChange = RowPut | RowDelete | Floor | Nothing


def row_change(record: Record, decode: Callable[[bytes], Event]) -> RowChange:
    """What a record of a table topic says. Raises `RecordError`, and what `decode` raises."""
    key = record.key
    if not key:
        raise RecordError("expected a row key on a record of a table topic, got none")
    if record.value is None:
        return _tombstone(record, key)
    event = decode(record.value)
    if event.op in (OP_TRUNCATE, OP_SWEEP):
        return _floor(record, key, event)
    if event.op == OP_MESSAGE:
        return Nothing(record, "message")
    if key == FLOOR_KEY:
        raise RecordError(
            f"expected a truncate or the end of a full read under the key of the whole table, got op {event.op!r}"
        )
    if not key.isascii():
        raise RecordError("expected a row key of percent-encoded ASCII, got other bytes")
    if event.op == OP_DELETE:
        return RowDelete(record, event.version, key, event)
    if event.after is None:
        raise RecordError(f"expected the row after an event of op {event.op!r}, got none")
    return RowPut(record, event, key)


def _tombstone(record: Record, key: bytes) -> RowDelete:
    version = deleting_version(record.header(HEADER_VERSION))
    if not key.isascii():
        raise RecordError("expected a row key of percent-encoded ASCII, got other bytes")
    return RowDelete(record, version, key)


def _floor(record: Record, key: bytes, event: Event) -> Floor:
    if key != FLOOR_KEY or event.below_version is None:
        raise RecordError(
            f"expected below_version under the key of the whole table in an event of op {event.op!r}, got another"
        )
    return Floor(record, event.below_version, event.op)
