"""
What a member of a group knows of a partition for as long as it is assigned to it. A new assignment is a new value.

Rule 1: nothing of a partition is handled before it is `ready`: what must be known of it has been looked up.
Rule 2: a record that cannot be read yet blocks its partition; what comes after it waits in order.

Pure. Services add what they know besides.

Keeps: P10.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field

from cdc_runtime.consuming.position_age import PositionAge
from cdc_runtime.consuming.records import Record, TopicPartition


@dataclass(slots=True, eq=False)
class AssignedPartition:
    """
    One partition, its age, and what of it waits.

    `blocked` says why its next record cannot be read yet; `backlog` holds records that wait, in order; `paused`: it is
    not fetched; `dropped`: it is no longer ours, and what is under way for it has no consequence.
    """

    topic_partition: TopicPartition
    _: KW_ONLY
    ready: bool = False
    blocked: str = ""
    backlog: deque[Record] = field(default_factory=deque)
    age: PositionAge = field(default_factory=PositionAge)
    paused: bool = False
    dropped: bool = False

    @property
    def subject(self) -> str:
        """Its name where people read about its health."""
        return f"{self.topic_partition.topic}[{self.topic_partition.partition}]"

    @property
    def waits(self) -> bool:
        """Whether new records must wait."""
        return not self.ready or bool(self.blocked) or bool(self.backlog)

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
