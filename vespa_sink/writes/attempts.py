"""A write on its way to the index."""

from __future__ import annotations

from dataclasses import dataclass

from vespa_sink.intake.listing_changes import Change
from vespa_sink.intake.partitions import SinkPartition
from vespa_sink.intake.topics import TopicType
from vespa_sink.vespa.operations import Operation
from vespa_sink.writes.breaker import RefusedAt
from vespa_sink.writes.composer import Extent
from vespa_sink.writes.write_order import Write

RowWrite = Write[SinkPartition, Change]


@dataclass(slots=True, eq=False)
class Attempt:
    """
    A write on its way.

    `trial`: it is sent although its table is open; `extent`: how much of the row it carries; `failing`: what it, and no
    other, is answered each time, other than a refusal; `apart`: nothing else is answered where it lies either.
    """

    write: RowWrite
    operation: Operation | None = None
    tries: int = 0
    sent_at: float = 0.0
    refused_at: RefusedAt | None = None
    refusals: int = 0
    trial: bool = False
    extent: Extent = Extent.WHOLE
    failing: str = ""
    apart: bool = False

    @property
    def stands_in(self) -> bool:
        """Whether it takes the place of a row's document that was given up."""
        return self.extent is not Extent.WHOLE

    @property
    def table(self) -> TopicType:
        """What it is a document of."""
        return self.write.partition.topic_type
