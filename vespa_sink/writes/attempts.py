"""A write on its way to the index."""

from __future__ import annotations

from dataclasses import dataclass

from vespa_sink.intake.listing_changes import Change
from vespa_sink.intake.partitions import SinkPartition
from vespa_sink.vespa.operations import Operation
from vespa_sink.writes.breaker import RejectedAt
from vespa_sink.writes.write_order import Write

RowWrite = Write[SinkPartition, Change]


@dataclass(slots=True, eq=False)
class Attempt:
    """A write on its way."""

    write: RowWrite
    operation: Operation | None = None
    tries: int = 0
    sent_at: float = 0.0
    rejected_at: RejectedAt | None = None
    judged: bool = False  # rejected before, by an index that a probe has accepted since
