"""
What may happen to the memory of a row's references, and how a record of `_file_refs` says it.

Keeps: D6, F2, V2.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdc_runtime.consuming.records import Record
from file_fetcher.references.placements import Placements
from file_fetcher.references.retries import Retry
from schemas.errors import RecordError
from schemas.file_state import HeldRecord
from schemas.tombstones import HEADER_VERSION, deleting_version


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


def change_of(record: Record, placements: Placements) -> Holds | Ended:
    """Read a record of `_file_refs`; raises `RecordError` when it is none, or lies where it should not."""
    try:
        record_id = (record.key or b"").decode()
    except UnicodeDecodeError as exc:
        raise RecordError("expected the id of a record as key, got other bytes") from exc
    if not record_id:
        raise RecordError("expected the id of a record as key, got none")
    if record.value is None:
        return Ended(record_id, deleting_version(record.header(HEADER_VERSION)))
    held = HeldRecord.from_json(record.value)
    if held.record_id != record_id:
        raise RecordError("expected the references of the row in the key of their record, got those of another")
    placements.saw(held.partition, record.partition)
    return Holds(held)
