"""A write on its way, and whom the writer tells what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cdc_runtime.subjects import Subject
from schemas.errors import RowferryError
from vespa_sink.intake.listing_changes import Change
from vespa_sink.intake.partitions import AssignedPartition
from vespa_sink.vespa.operations import Operation
from vespa_sink.writes.breaker import RejectedAt
from vespa_sink.writes.write_order import Write

RowWrite = Write[AssignedPartition, Change]


@dataclass(slots=True, eq=False)
class Attempt:
    """A write on its way."""

    write: RowWrite
    operation: Operation | None = None
    tries: int = 0
    sent_at: float = 0.0
    rejected_at: RejectedAt | None = None
    judged: bool = False  # rejected before, by an index that a probe has accepted since


class Owner(Protocol):
    """Who is told what became of writes."""

    def settled(self, write: RowWrite) -> None:
        """The write's effect is durable."""

    def give_up(self, write: RowWrite, error: RowferryError) -> None:
        """The record belongs into the dead letters; call `Writer.ended` when it is stored there."""

    def superseded(self, operation: Operation) -> None:
        """The index holds this version or a newer one (rule V8 looks at a sample)."""

    def failed(self, error: BaseException) -> None:
        """The service must stop."""

    def health(self, subject: Subject, reason: str | None) -> None:
        """Something is wrong with a neighbour, or (None) no longer."""
