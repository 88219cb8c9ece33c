"""
What becomes of a record: done, settled, needless, or stored among the dead letters.

Rule 1: a record is done when its effect is durable in the index, it lies in the dead letters, or it has none.
Rule 2: what ends for a partition that we no longer hold has no consequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cdc_runtime.consuming.backpressure import Backpressure
from cdc_runtime.consuming.dead_letters import Failure
from cdc_runtime.consuming.records import Record
from cdc_runtime.consuming.row_changes import Floor
from cdc_runtime.consuming.tasks import Tasks
from vespa_sink.intake.dead_letters import DeadLetters
from vespa_sink.intake.partitions import SinkPartition, size_of
from vespa_sink.metrics import SinkMetrics
from vespa_sink.writes.attempts import RowWrite
from vespa_sink.writes.write_order import Barrier, WriteOrder


class Completion:
    """Told how records end. `wake` is called when something may be started because of it."""

    def __init__(
        self,
        order: WriteOrder[SinkPartition, Any],
        backpressure: Backpressure[SinkPartition],
        dead_letters: DeadLetters,
        *,
        tasks: Tasks,
        metrics: SinkMetrics,
        wake: Callable[[], None],
    ) -> None:
        self._order = order
        self._backpressure = backpressure
        self._dead_letters = dead_letters
        self._tasks = tasks
        self._metrics = metrics
        self._wake = wake

    def done(self, partition: SinkPartition, record: Record) -> None:
        """A record needs nothing more."""
        if not partition.dropped:
            partition.tracker.done(record.offset)
            self._backpressure.done(partition, size_of(record))

    def settled(self, write: RowWrite) -> None:
        """A write under way has ended: its effect is durable, or that of a newer one will be."""
        self._order.done(write)
        self._ended(write)

    def needless(self, writes: Iterable[RowWrite]) -> None:
        """Writes that newer ones have replaced before they were sent."""
        for write in writes:
            self._metrics.collapsed.inc()
            self._ended(write)

    def floor_over(self, barrier: Barrier[SinkPartition, Floor]) -> None:
        """A floor holds its partition up no longer; its own record is not done by this."""
        self.needless(self._order.barrier_done(barrier))
        self._wake()

    def dead_letter(self, partition: SinkPartition, record: Record, failure: Failure) -> None:
        """A record that cannot be read: it is done once it is stored among the dead letters."""
        self._tasks.run(self._store(partition, record, failure))

    def give_up(self, write: RowWrite, failure: Failure, then: Callable[[], None]) -> None:
        """A write that cannot be carried out: `then` is called once its record is stored among the dead letters."""
        self._tasks.run(self._store_write(write, failure, then))

    async def _store(self, partition: SinkPartition, record: Record, failure: Failure) -> None:
        if not partition.dropped:
            await self._dead_letters.store(record, failure)
        self.done(partition, record)

    async def _store_write(self, write: RowWrite, failure: Failure, then: Callable[[], None]) -> None:
        if not write.partition.dropped:
            await self._dead_letters.store(write.content.record, failure)
        then()
        self._wake()

    def _ended(self, write: RowWrite) -> None:
        self.done(write.partition, write.content.record)
        if self._order.barrier_ready:
            self._wake()
