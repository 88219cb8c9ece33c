"""
What one member of the group holds, and how far it is.

Rules:
1. A record is done when its effect is durable in the index, it lies in the dead letters, or it has none.
2. An offset is committed only behind records that are all done (`OffsetTracker`), and only for partitions we hold.
3. What is on its way for a partition that we no longer hold has no consequence.

One event loop. Leaves reading Kafka to `group_member`, letting records in to `admission`, sending to `writer`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from cdc_runtime.consuming.dead_letters import Failure
from cdc_runtime.consuming.offsets import OffsetTracker
from cdc_runtime.consuming.position_age import Commit
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.subjects import DEAD_LETTERS, Subject, SubjectKind
from schemas.errors import RowferryError
from vespa_sink.admission import Admission
from vespa_sink.floor_runs import FloorRuns
from vespa_sink.intake.partitions import AssignedPartition, size_of
from vespa_sink.intake.topics import topic_type_of
from vespa_sink.parts import Parts
from vespa_sink.vespa.operations import Operation
from vespa_sink.vespa.searches import Doubts
from vespa_sink.writes.attempts import RowWrite
from vespa_sink.writes.writer import Writer

_DRAIN_LOOK_S = 0.02


class Sink:
    """The state of one member of the group. All methods run in the event loop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._metrics = parts.metrics
        self._tasks: set[asyncio.Task[None]] = set()
        self._floors = FloorRuns(parts, self)
        self.admission = Admission(parts, self)
        self.held: dict[TopicPartition, AssignedPartition] = {}
        self.stopped = asyncio.Event()
        self.error: BaseException | None = None
        self.writer: Writer

    # -- partitions

    def assign(self, topic_partitions: Iterable[TopicPartition]) -> list[AssignedPartition]:
        """Take partitions over; their records wait until `begin`."""
        doubtful_until = time.monotonic() + self._parts.client.longest_request_s
        taken = []
        for topic_partition in topic_partitions:
            topic_type = topic_type_of(topic_partition.topic, self._parts.topics)
            assigned = AssignedPartition(topic_partition, topic_type, OffsetTracker(), Doubts(doubtful_until))
            self.held[topic_partition] = assigned
            taken.append(assigned)
        self._metrics.rebalanced("assign")
        self._metrics.assigned.set(len(self.held))
        return taken

    def begin(self, assigned: AssignedPartition, commit: Commit | None, first_offset: int) -> None:
        """Start a partition at its committed position, or at the first offset that it still has."""
        assigned.begin(commit, first_offset, int(time.time() * 1000))
        self.run(self.admission.open(assigned, commit))

    def drop(self, topic_partitions: Iterable[TopicPartition], kind: str) -> None:
        """Forget partitions."""
        for topic_partition in topic_partitions:
            assigned = self.held.pop(topic_partition, None)
            if assigned is not None:
                assigned.dropped = True
                assigned.backlog.clear()
                self._parts.order.drop(assigned)
                self._parts.backpressure.drop(assigned)
                self.health(assigned.subject, None)
                self._metrics.gone(topic_partition)
        self._metrics.rebalanced(kind)
        self._metrics.assigned.set(len(self.held))

    async def finish(self, topic_partitions: Sequence[TopicPartition], until: float) -> None:
        """
        Wait until what was taken of these partitions is written, to a time of the monotonic clock at most.

        What cannot be written now, or waits for a schema, is read again by whoever takes the partition over.
        """
        held = [self.held[topic_partition] for topic_partition in topic_partitions if topic_partition in self.held]
        while time.monotonic() < until and any(self._parts.order.open_in(each) for each in held):
            if self.error is not None or self.writer.hopeless:
                return
            await asyncio.sleep(_DRAIN_LOOK_S)

    def positions(
        self, end_of: Callable[[TopicPartition], int | None], topic_partitions: Iterable[TopicPartition] | None = None
    ) -> dict[TopicPartition, tuple[int, int]]:
        """Next offsets to commit, each with how current it is; of those given, whether or not they have moved."""
        now_ms = int(time.time() * 1000)
        chosen = (
            list(self.held)
            if topic_partitions is None
            else [topic_partition for topic_partition in topic_partitions if topic_partition in self.held]
        )
        found = {}
        for topic_partition in chosen:
            assigned = self.held[topic_partition]
            if topic_partitions is not None:
                assigned.committed = None
            position = assigned.commit(end_of(topic_partition), now_ms)
            if position is not None:
                found[topic_partition] = position
                if assigned.passed_ms:
                    self._metrics.applied(topic_partition, assigned.passed_ms)
                assigned.is_committed(*position)
        return found

    def turns(self) -> tuple[list[TopicPartition], list[TopicPartition]]:
        """Partitions to pause and to resume."""
        pause, resume = self._parts.backpressure.turn()
        for assigned in pause:
            assigned.paused = True
        for assigned in resume:
            assigned.paused = False
        if pause or resume:
            self._metrics.paused.set(sum(each.paused for each in self.held.values()))
        return [each.topic_partition for each in pause], [each.topic_partition for each in resume]

    # -- what its parts tell

    def go_on(self) -> None:
        """Start what may be started."""
        self._floors.start()
        self.writer.pump()

    def done(self, assigned: AssignedPartition, record: Record) -> None:
        """A record needs nothing more; without consequence for a partition that was dropped."""
        if not assigned.dropped:
            assigned.tracker.done(record.offset)
            self._parts.backpressure.done(assigned, size_of(record))

    def settled(self, write: RowWrite) -> None:
        """The write's effect is durable, or another write made it needless."""
        self.done(write.partition, write.content.record)
        self._floors.start()

    def needless(self, writes: Iterable[RowWrite]) -> None:
        """Writes that newer ones have replaced before they were sent."""
        for write in writes:
            self._metrics.collapsed.inc()
            self.settled(write)

    def give_up(self, write: RowWrite, error: RowferryError) -> None:
        """Store the record among the dead letters, then let the writer go on."""
        self.run(self._bury_write(write, Failure(error, "write", __name__)))

    def bury(self, assigned: AssignedPartition, record: Record, failure: Failure) -> None:
        """Store a record that cannot be read among the dead letters."""
        self.run(self._bury(assigned, record, failure))

    def superseded(self, operation: Operation) -> None:
        """Look at a sample of refused writes (rule V8)."""
        look = self._parts.versions.look(operation)
        if look is not None:
            self.run(look)

    def failed(self, error: BaseException) -> None:
        """Stop the service with this error."""
        self.error = self.error or error
        self.stopped.set()

    def health(self, subject: Subject, reason: str | None) -> None:
        """Show what is wrong, or that it no longer is."""
        if subject.kind is SubjectKind.DOCUMENT_TYPE:
            self._metrics.circuit(subject.name, is_open=reason is not None)
        if reason is None:
            self._parts.health.ready(subject)
        else:
            self._parts.health.not_ready(reason, subject)

    async def _bury_write(self, write: RowWrite, failure: Failure) -> None:
        if not write.partition.dropped:
            await self._parts.dead_letters.bury(write.content.record, failure, self._burial_trouble)
        self.writer.ended(write)

    async def _bury(self, assigned: AssignedPartition, record: Record, failure: Failure) -> None:
        await self._parts.dead_letters.bury(record, failure, self._burial_trouble)
        self.done(assigned, record)

    def _burial_trouble(self, reason: str | None) -> None:
        self.health(DEAD_LETTERS, reason)

    # -- tasks

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task that ends with this sink; what it lets out stops the service."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ran)

    def _ran(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed(error)

    async def close(self) -> None:
        """End all tasks."""
        await self.writer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
