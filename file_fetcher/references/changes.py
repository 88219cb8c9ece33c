"""
What may happen to the memory of a row's references, and how a record of `_file_refs` says it.

Rule: a row's partition p has its state in partition p modulo their number (rule F2). A record elsewhere means that the
number was changed, which would hide what older records say.

Keeps: D6, F2, V2.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdc_runtime.consuming.records import Record
from file_fetcher.references.retries import Retry
from schemas.errors import RecordError
from schemas.file_state import HeldRecord
from schemas.tombstones import HEADER_VERSION


@dataclass(frozen=True, slots=True)
class Holds:
    """A row holds these references now; older than what is known, it changes nothing."""

    record: HeldRecord


@dataclass(frozen=True, slots=True)
class Ended:
    """A row holds no reference any more since `row_version`; older than what is known, it changes nothing."""

    record_id: str
    row_version: int


@dataclass(frozen=True, slots=True)
class Waits:
    """A reference waits for a retry; it is kept only while the row holds it as waiting for just this one."""

    retry: Retry


@dataclass(frozen=True, slots=True)
class NoLongerWaits:
    """
    The retry of a reference is done with; with `row_version` and `attempt`, only where it is that one.

    Not needed beside `Holds` and `Ended`, which drop every retry that nothing waits for.
    """

    file_id: str
    row_version: int | None = None
    attempt: int | None = None


StateChange = Holds | Ended | Waits | NoLongerWaits


def change_of(record: Record, partitions: int) -> Holds | Ended:
    """Read a record of `_file_refs`, which has so many partitions; raises `RecordError` when it is none."""
    try:
        record_id = (record.key or b"").decode()
    except UnicodeDecodeError as exc:
        raise RecordError("expected the id of a record as key, got other bytes") from exc
    if not record_id:
        raise RecordError("expected the id of a record as key, got none")
    if record.value is None:
        return Ended(record_id, _version(record))
    held = HeldRecord.from_json(record.value)
    if held.record_id != record_id:
        raise RecordError(f"expected the references of {record_id!r}, got those of {held.record_id!r}")
    if held.partition % partitions != record.partition:
        raise RecordError(
            f"expected the state of row partition {held.partition} in partition {held.partition % partitions} "
            f"of {partitions}, got it in {record.partition}",
            remedy="give the topic the number of partitions again that it was made with",
        )
    return Holds(held)


def _version(record: Record) -> int:
    raw = record.header(HEADER_VERSION) or b""
    if not raw.isdigit():
        raise RecordError(f"expected a tombstone with a number in header {HEADER_VERSION}, got {raw!r}")
    return int(raw)
