"""What the sink knows of a partition for as long as it holds it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from cdc_runtime.consuming.partitions import AssignedPartition
from cdc_runtime.consuming.records import Record
from vespa_sink.intake.topics import TopicType
from vespa_sink.vespa.searches import Doubts

_RECORD_OVERHEAD_BYTES = 400


@dataclass(slots=True, eq=False)
class SinkPartition(AssignedPartition):
    """
    One partition, and what its records are about.

    `ready`: nothing may be missing before its position (rule V7). `blocked_offset`: of the record that blocks it, which
    was taken already.
    """

    topic_type: TopicType
    doubts: Doubts
    _: KW_ONLY
    blocked_offset: int = -1

    @property
    def passed_ms(self) -> int:
        """The time of the last record behind us, where that is certain."""
        return self.age.written_ms if self.tracker.open_count == 0 else 0


def size_of(record: Record) -> int:
    """About how many bytes of memory a record takes."""
    return len(record.value or b"") + len(record.key or b"") + _RECORD_OVERHEAD_BYTES
