"""What the fetcher knows of a partition for as long as it holds it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.consuming.row_changes import Floor
from schemas.names import TableName


@dataclass(slots=True, eq=False)
class AssignedPartition:
    """
    One partition of a table's topic. A new assignment is a new value.

    `ready`: what was remembered of its rows has been read (rule F2). `floor`: a truncate or sweep that stands alone.
    `blocked`: why its next record cannot be read yet. `backlog`: records that wait for one of the three, in order.
    """

    topic_partition: TopicPartition
    table: TableName
    ready: bool = False
    floor: Floor | None = None
    blocked: str = ""
    backlog: deque[Record] = field(default_factory=deque)
    paused: bool = False

    @property
    def waits(self) -> bool:
        """Whether new records must wait."""
        return not self.ready or self.floor is not None or bool(self.blocked) or bool(self.backlog)

    @property
    def subject(self) -> str:
        """Its name where people read about its health."""
        return f"{self.topic_partition.topic}[{self.topic_partition.partition}]"
