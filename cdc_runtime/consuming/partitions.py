"""
What a member of a group knows of a partition for as long as it is assigned to it. A new assignment is a new value.

Rule 1: nothing of a partition is handled or committed before it is `ready`: what must be known of it was looked up.
Rule 2: a record that cannot be read yet blocks its partition; what comes after it waits in order.
Rule 3: a position is committed only behind records that are all done (`OffsetTracker`), and only of partitions that
        are ours: what is under way for one that was dropped has no consequence.

Pure. Services add what they know besides.

Keeps: P10, V7.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TypeVar

from cdc_runtime import subjects
from cdc_runtime.consuming.offsets import OffsetTracker
from cdc_runtime.consuming.position_age import CommittedPosition, PositionAge
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.subjects import Subject


@dataclass(slots=True, eq=False)
class AssignedPartition:
    """
    One partition, its position, and what of it waits.

    `blocked` says why its next record cannot be read yet; `backlog` holds records that wait, in order; `paused`: it is
    not fetched; `dropped`: it is no longer ours, and what is under way for it has no consequence.
    """

    topic_partition: TopicPartition
    _: KW_ONLY
    ready: bool = False
    blocked: str = ""
    backlog: deque[Record] = field(default_factory=deque)
    tracker: OffsetTracker = field(default_factory=OffsetTracker)
    age: PositionAge = field(default_factory=PositionAge)
    paused: bool = False
    dropped: bool = False

    @property
    def subject(self) -> Subject:
        """What its health is told about."""
        return subjects.partition(self.topic_partition)

    @property
    def waits(self) -> bool:
        """Whether new records must wait."""
        return not self.ready or bool(self.blocked) or bool(self.backlog)

    def begin(self, committed: CommittedPosition | None, now_ms: int, *, first_offset: int | None = None) -> None:
        """
        Start at a committed position.

        Without one, at the first offset that the partition still has, where that is known; else at the first record.
        """
        self.tracker = OffsetTracker(first_offset if committed is None else committed.next_offset)
        self.age.begin(committed, now_ms)

    def look(self, end_offset: int | None, now_ms: int) -> None:
        """Make the age of the position true. A partition that waits is not fetched: what is known of its end is old."""
        if self.tracker.next_offset is not None:
            end = None if self.paused or self.waits else end_offset
            self.age.look(self.tracker.next_offset, end, idle=self.tracker.open_count == 0, now_ms=now_ms)

    @property
    def position(self) -> CommittedPosition | None:
        """What may be committed now; None before it is ready, and before anything of it was taken."""
        next_offset = self.tracker.next_offset
        return CommittedPosition(next_offset, self.age.as_of_ms) if self.ready and next_offset is not None else None

    @property
    def to_check(self) -> CommittedPosition | None:
        """The position as it is checked while it is ours; None while nothing of it was read since none was found."""
        next_offset = self.tracker.next_offset
        if next_offset is None and self.backlog:
            next_offset = self.backlog[0].offset
        return None if next_offset is None else self.age.to_check(next_offset)

    def take(self, record: Record) -> bool:
        """Note a record that was read; False when it was taken before, so that it must not be handled again."""
        self.age.written_ms = record.timestamp_ms
        return self.tracker.taken(record.offset)

    def block(self, record: Record, reason: str) -> None:
        """Keep a record that cannot be read yet; it stands before all that wait."""
        self.backlog.appendleft(record)
        self.blocked = reason

    def let_in(self, admit: Callable[[Record], bool]) -> bool:
        """
        Hand waiting records to `admit`, in order, for as long as it returns True.

        False: it has blocked the partition (again).
        """
        self.blocked = ""
        while self.backlog and admit(self.backlog.popleft()):
            pass
        return not self.blocked

    def drop(self) -> None:
        """It is no longer ours."""
        self.dropped = True
        self.backlog.clear()


P = TypeVar("P", bound=AssignedPartition)


class Partitions(dict[TopicPartition, P]):
    """The partitions that a member holds now, and what of them may be committed."""

    def done(self, topic_partition: TopicPartition, offset: int) -> None:
        """A record needs nothing more; ignored for a partition that is not ours."""
        partition = self.get(topic_partition)
        if partition is not None:
            partition.tracker.done(offset)

    def look(self, end_of: Callable[[TopicPartition], int | None], now_ms: int) -> None:
        """Make the ages of all positions true."""
        for topic_partition, partition in self.items():
            partition.look(end_of(topic_partition), now_ms)

    def positions(self, of: Iterable[TopicPartition]) -> dict[TopicPartition, CommittedPosition]:
        """What may be committed of these partitions, whether or not it has moved."""
        found = {each: self[each].position for each in of if each in self}
        return {topic_partition: position for topic_partition, position in found.items() if position is not None}

    def due(self) -> dict[TopicPartition, CommittedPosition]:
        """The positions that have moved, or whose committed age is stale."""
        return {
            topic_partition: position
            for topic_partition, position in self.positions(self).items()
            if self[topic_partition].age.due(position.next_offset)
        }

    def committed(self, positions: Mapping[TopicPartition, CommittedPosition]) -> None:
        """Positions were committed; those of partitions that are not ours are passed over."""
        for topic_partition, position in positions.items():
            partition = self.get(topic_partition)
            if partition is not None:
                partition.age.committed(position)
