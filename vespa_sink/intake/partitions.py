"""
What the sink knows of a partition for as long as it holds it. A new assignment is a new value.

Keeps: V7.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from cdc_runtime import subjects
from cdc_runtime.consuming.offsets import OffsetTracker
from cdc_runtime.consuming.position_age import Commit, as_of
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.subjects import Subject
from vespa_sink.intake.topics import TopicType
from vespa_sink.vespa.searches import Doubts

_RECORD_OVERHEAD_BYTES = 400
_REFRESH_AFTER_MS = 60 * 60 * 1000  # an idle partition is committed again, so that its age stays true


@dataclass(slots=True, eq=False)
class AssignedPartition:
    """
    One partition, and what its records are about.

    `backlog` holds records that wait for a schema or a table entry, in order; `checked` says that nothing may be
    missing before its position (rule V7), so that positions may be committed.
    """

    topic_partition: TopicPartition
    topic_type: TopicType
    tracker: OffsetTracker
    doubts: Doubts
    as_of_ms: int = 0
    committed: int | None = None
    committed_as_of_ms: int = 0
    last_written_ms: int = 0
    backlog: deque[Record] = field(default_factory=deque)
    blocked_by: str = "its position is looked up"
    blocked_offset: int = -1  # of the record that was taken and waits
    checked: bool = False
    paused: bool = False
    dropped: bool = False

    def begin(self, commit: Commit | None, first_offset: int, now_ms: int) -> None:
        """Start at a committed position, or (with none) at the first offset that the partition still has."""
        self.tracker = OffsetTracker(commit.next_offset if commit else first_offset)
        if commit is None:
            self.as_of_ms = now_ms
        else:
            self.committed = commit.next_offset
            self.as_of_ms = self.committed_as_of_ms = commit.as_of_ms or 0

    @property
    def subject(self) -> Subject:
        """What its health is told about."""
        return subjects.partition(self.topic_partition)

    def commit(self, end_offset: int | None, now_ms: int) -> tuple[int, int] | None:
        """The next offset to commit and how current it is; None when there is nothing new to say."""
        next_offset = self.tracker.next_offset
        if not self.checked or next_offset is None:
            return None
        # A transaction's marker may stand between the last record and the end.
        at_end = self._idle and end_offset is not None and end_offset - next_offset <= 1
        self.as_of_ms = as_of(self.as_of_ms, at_end=at_end, last_written_ms=self.passed_ms, now_ms=now_ms)
        moved = next_offset != self.committed
        if not moved and self.as_of_ms - self.committed_as_of_ms < _REFRESH_AFTER_MS:
            return None
        return next_offset, self.as_of_ms

    def is_committed(self, next_offset: int, as_of_ms: int) -> None:
        """A commit was sent."""
        self.committed, self.committed_as_of_ms = next_offset, as_of_ms

    @property
    def _idle(self) -> bool:
        return self.tracker.open_count == 0 and not self.paused

    @property
    def passed_ms(self) -> int:
        """The time of the last record behind us, where that is certain."""
        return self.last_written_ms if self.tracker.open_count == 0 else 0


def size_of(record: Record) -> int:
    """About how many bytes of memory a record takes."""
    return len(record.value or b"") + len(record.key or b"") + _RECORD_OVERHEAD_BYTES
