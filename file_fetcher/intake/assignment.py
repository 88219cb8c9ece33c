"""
The partitions that are ours: taken over, made ready, paused, given up.

Rule 1: nothing of a partition is handled before what was remembered of its rows has been read (rule F2).
Rule 2: partitions pause as `backpressure` says; one that waits pauses by itself.

Leaves to others: who reads what is remembered, and what becomes of records and works.

Keeps: F2, V14.
"""

from __future__ import annotations

from collections.abc import Iterable

from cdc_runtime.consuming.backpressure import Backpressure
from cdc_runtime.consuming.partitions import Partitions
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.consuming.topic_lives import Start
from cdc_runtime.health import Health
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.metrics import FetcherMetrics
from schemas.topics import Topics


class Assignment:
    """What one member has of the table topics."""

    def __init__(
        self,
        partitions: Partitions[TablePartition],
        topics: Topics,
        backpressure: Backpressure[TopicPartition],
        max_open_references: int,
        *,
        metrics: FetcherMetrics,
        health: Health,
    ) -> None:
        self.partitions = partitions
        self._topics = topics
        self._backpressure = backpressure
        self._max_open_references = max_open_references
        self._metrics = metrics
        self._health = health

    def assign(self, partitions: Iterable[TopicPartition]) -> list[TablePartition]:
        """Take partitions over; their records wait until they are `ready`."""
        taken = []
        for topic_partition in partitions:
            name = self._topics.parse_table(topic_partition.topic)
            if name is not None:
                assigned = self.partitions[topic_partition] = TablePartition(topic_partition, name[0])
                self._backpressure.add(topic_partition)
                taken.append(assigned)
        self._changed("assign")
        return taken

    def ready(self, assigned: TablePartition, start: Start, now_ms: int) -> None:
        """What was remembered of a partition's rows has been read: it begins where it was looked up to begin."""
        first_offset = None if start.anew is None else start.log.first_offset
        assigned.begin(start.position, now_ms, first_offset=first_offset, topic_id=start.log.topic_id)
        assigned.results_id = start.results_id
        assigned.ready = True

    def drop(self, partitions: Iterable[TopicPartition], kind: str) -> None:
        """Partitions are no longer ours; `kind`: `revoke` or `lost`."""
        gone = set(partitions)
        for topic_partition in gone:
            if (assigned := self.partitions.pop(topic_partition, None)) is not None:
                assigned.drop()
                self._backpressure.drop(topic_partition)
                self._health.ready(assigned.subject)
        self._changed(kind)

    @property
    def batch(self) -> int:
        """How many records to read at once."""
        return self._backpressure.batch

    def turns(
        self, open_references: int, now: float, *, still: bool
    ) -> tuple[list[TopicPartition], list[TopicPartition]]:
        """Partitions to pause and to resume; `still`: nothing may be started."""
        self._backpressure.turn(now)
        pause: list[TopicPartition] = []
        resume: list[TopicPartition] = []
        for assigned in self.partitions.values():
            wanted = self._backpressure.holds(assigned.topic_partition) or assigned.waits or still
            if wanted != assigned.paused:
                assigned.paused = wanted
                (pause if wanted else resume).append(assigned.topic_partition)
        self._metrics.paused.set(sum(each.paused for each in self.partitions.values()))
        self._metrics.open.set(open_references)
        return pause, resume

    def room(self, open_references: int) -> int:
        """How many references more may be open."""
        return self._max_open_references - open_references

    def _changed(self, kind: str) -> None:
        self._metrics.rebalanced(kind)
        self._metrics.assigned.set(len(self.partitions))
