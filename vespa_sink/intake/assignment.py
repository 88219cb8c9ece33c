"""
The partitions that one member of the group holds, and how far each of them is.

Rule 1: an offset is committed only behind records that are all done (`OffsetTracker`), and only for what we hold.
Rule 2: what is on its way for a partition that we no longer hold has no consequence (`dropped`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from cdc_runtime.consuming.backpressure import Backpressure
from cdc_runtime.consuming.partitions import Partitions
from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.consuming.topic_lives import Anew
from cdc_runtime.health import Health
from schemas.topics import Topics
from vespa_sink.intake.partitions import SinkPartition
from vespa_sink.intake.topics import topic_type_of
from vespa_sink.metrics import SinkMetrics
from vespa_sink.vespa.searches import Doubts
from vespa_sink.writes.write_order import WriteOrder


class Assignment:
    """What is held now (`partitions`). All methods run in the event loop."""

    def __init__(
        self,
        topics: Topics,
        order: WriteOrder[SinkPartition, Any],
        backpressure: Backpressure[SinkPartition],
        *,
        health: Health,
        metrics: SinkMetrics,
        longest_request_s: float,
    ) -> None:
        self._topics = topics
        self._order = order
        self._backpressure = backpressure
        self._health = health
        self._metrics = metrics
        self._longest_request_s = longest_request_s
        self.partitions: Partitions[SinkPartition] = Partitions()

    def add(self, topic_partitions: Iterable[TopicPartition]) -> list[SinkPartition]:
        """Take partitions over; their records wait until their positions are known."""
        doubtful_until = time.monotonic() + self._longest_request_s
        added = []
        for topic_partition in topic_partitions:
            topic_type = topic_type_of(topic_partition.topic, self._topics)
            assigned = SinkPartition(topic_partition, topic_type, Doubts(doubtful_until))
            self.partitions[topic_partition] = assigned
            self._backpressure.add(assigned)
            added.append(assigned)
        self._counted("assign")
        return added

    def renew(self, assigned: SinkPartition, anew: Anew) -> SinkPartition:
        """Take a partition that we hold over once more, to begin anew; what is under way for it has no consequence."""
        self.drop([assigned.topic_partition], "anew")
        (renewed,) = self.add([assigned.topic_partition])
        renewed.anew = anew
        return renewed

    def drop(self, topic_partitions: Iterable[TopicPartition], cause: str) -> None:
        """Forget partitions; `cause`: as metrics name it."""
        for topic_partition in topic_partitions:
            assigned = self.partitions.pop(topic_partition, None)
            if assigned is not None:
                assigned.drop()
                self._order.drop(assigned)
                self._backpressure.drop(assigned)
                self._health.ready(assigned.subject)
                self._metrics.gone(topic_partition)
        self._counted(cause)

    def writing(self, topic_partitions: Iterable[TopicPartition]) -> bool:
        """Whether something that was taken of these partitions is not written yet."""
        held = (self.partitions.get(each) for each in topic_partitions)
        return any(self._order.open_in(assigned) for assigned in held if assigned is not None)

    def positions(
        self, end_of: Callable[[TopicPartition], int | None], of: Iterable[TopicPartition] | None = None
    ) -> dict[TopicPartition, CommittedPosition]:
        """The positions to commit now; `of`: those of these partitions, whether or not they have moved."""
        self.partitions.look(end_of, int(time.time() * 1000))
        found = self.partitions.due() if of is None else self.partitions.positions(of)
        for topic_partition in found:
            if passed_ms := self.partitions[topic_partition].passed_ms:
                self._metrics.applied(topic_partition, passed_ms)
        self.partitions.committed(found)
        return found

    @property
    def batch(self) -> int:
        """How many records to read at once."""
        return self._backpressure.batch

    def turns(self) -> tuple[list[TopicPartition], list[TopicPartition]]:
        """Partitions to pause and to resume."""
        pause, resume = self._backpressure.turn(time.monotonic())
        for assigned in pause:
            assigned.paused = True
        for assigned in resume:
            assigned.paused = False
        if pause or resume:
            self._metrics.paused.set(sum(each.paused for each in self.partitions.values()))
        return [each.topic_partition for each in pause], [each.topic_partition for each in resume]

    def _counted(self, cause: str) -> None:
        self._metrics.rebalanced(cause)
        self._metrics.assigned.set(len(self.partitions))
