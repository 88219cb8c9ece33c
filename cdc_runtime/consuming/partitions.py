"""
What a member of a group knows of a partition for as long as it is assigned to it. A new assignment is a new value.

Rule 1: nothing of a partition is handled or committed before it is `ready`: what must be known of it was looked up.
Rule 2: a record that cannot be read yet blocks its partition; what comes after it waits in order.
Rule 3: a position is committed only behind records that are all done (`OffsetTracker`), and only of partitions that
        are ours: what is under way for one that was dropped has no consequence.
Rule 4: offsets that run back are not handled before the log was looked at: it may be another one (rule V11). Where it
        is the same, what was taken before is not taken again.

Pure. Services add what they know besides.

Keeps: P10, V7, V11.
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
from cdc_runtime.consuming.standstill import Standstill
from cdc_runtime.consuming.topic_lives import Anew, begins_anew
from cdc_runtime.subjects import Subject


@dataclass(slots=True, eq=False)
class AssignedPartition:
    """
    One partition, its position, and what of it waits.

    `blocked` says why its next record cannot be read yet; `backlog` holds records that wait, in order; `paused`: it is
    not fetched; `dropped`: it is no longer ours, and what is under way for it has no consequence. `topic_id`: of the
    topic that it was begun in; `anew`: why it begins anew there; `doubted`: its offsets have run back.
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
    topic_id: str | None = None
    anew: Anew | None = None
    doubted: bool = False
    standstill: Standstill = field(default_factory=Standstill)
    _delivered: int = -1

    @property
    def subject(self) -> Subject:
        """What its health is told about."""
        return subjects.partition(self.topic_partition)

    @property
    def waits(self) -> bool:
        """Whether new records must wait."""
        return not self.ready or self.doubted or bool(self.blocked) or bool(self.backlog)

    @property
    def held_up(self) -> str:
        """What of ours keeps it from moving; empty where nothing does."""
        if not self.ready:
            return "where it begins is looked up and checked"
        if self.doubted:
            return "its offsets have run back: its log is looked at"
        if self.blocked:
            return self.blocked
        if self.paused:
            return f"paused until fewer records are under way; {self.tracker.open_count} of its own are"
        if self.tracker.open_count or self.backlog:
            return f"{self.tracker.open_count} of its records are under way, {len(self.backlog)} wait"
        return ""

    def begin(
        self,
        committed: CommittedPosition | None,
        now_ms: int,
        *,
        first_offset: int | None = None,
        topic_id: str | None = None,
    ) -> None:
        """
        Start at a committed position, in the topic with this id.

        Without one, at the first offset that the partition still has, where that is known; else at the first record.
        """
        self.tracker = OffsetTracker(first_offset if committed is None else committed.next_offset)
        self.age.begin(committed, now_ms)
        self.topic_id = topic_id
        if self.backlog and self.backlog[0].offset < self.tracker.next_to_read:
            self.doubted = True
        self._delivered = max(self._delivered, self.tracker.next_to_read - 1)

    def deliver(self, record: Record) -> bool:
        """A record was handed out; False when its log must be looked at first, since offsets have run back."""
        if record.offset <= self._delivered:
            self.doubted = True
        self._delivered = record.offset
        return not self.doubted

    def made_again(self, topic_id: str, end_offset: int, next_offset: int) -> Anew | None:
        """
        Why it must begin anew in its log; None while that is the log that it was begun in.

        `next_offset`: what was to be read next when the log was asked for, which may have grown and been read since.
        """
        return begins_anew(self.topic_id, next_offset, topic_id, end_offset)

    def look(self, end_offset: int | None, now_ms: int) -> None:
        """Make the age of the position true. A partition that waits is not fetched: what is known of its end is old."""
        if self.tracker.next_offset is not None:
            end = None if self.paused or self.waits else end_offset
            self.age.look(self.tracker.next_offset, end, idle=self.tracker.open_count == 0, now_ms=now_ms)

    @property
    def position(self) -> CommittedPosition | None:
        """What may be committed now; None before it is ready, and before anything of it was taken."""
        next_offset = self.tracker.next_offset
        if not self.ready or next_offset is None:
            return None
        return CommittedPosition(next_offset, self.age.as_of_ms, self.topic_id)

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
        while self.backlog and not self.doubted and admit(self.backlog.popleft()):
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
            if self[topic_partition].age.due(position.next_offset, position.results_id)
        }

    def committed(self, positions: Mapping[TopicPartition, CommittedPosition]) -> None:
        """Positions were committed; those of partitions that are not ours are passed over."""
        for topic_partition, position in positions.items():
            partition = self.get(topic_partition)
            if partition is not None:
                partition.age.committed(position)
