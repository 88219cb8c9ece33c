"""
One member's way from records to the index: begin a partition, take its records, finish it, and end.

Leaves to others: reading Kafka (`group_member`), what is held (`assignment`), records (`admission`), sends (`writer`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.consuming.tasks import Tasks
from cdc_runtime.consuming.topic_lives import Start
from cdc_runtime.health import Health
from vespa_sink.admission import Admission
from vespa_sink.floor_runs import FloorRuns
from vespa_sink.health import report
from vespa_sink.intake.assignment import Assignment
from vespa_sink.intake.partitions import SinkPartition
from vespa_sink.intake.position_checks import PositionChecks
from vespa_sink.writes.writer import Writer

_DRAIN_LOOK_S = 0.02


async def start_work(work: asyncio.Event, floors: FloorRuns, writer: Writer) -> None:
    """Start what may be started, whenever `work` is set, for ever."""
    while True:
        await work.wait()
        work.clear()
        floors.start()
        writer.pump()


class Sink:
    """All methods run in the event loop."""

    def __init__(
        self,
        assignment: Assignment,
        admission: Admission,
        positions: PositionChecks,
        *,
        writer: Writer,
        tasks: Tasks,
        health: Health,
    ) -> None:
        self._assignment = assignment
        self._admission = admission
        self._positions = positions
        self._writer = writer
        self._tasks = tasks
        self._health = health

    def begin(self, assigned: SinkPartition, start: Start) -> None:
        """Start a partition at its committed position, or at the first offset that it still has."""
        now_ms, log = int(time.time() * 1000), start.log
        assigned.begin(start.position, now_ms, first_offset=log.first_offset, topic_id=log.topic_id)
        self._tasks.run(self._open(assigned, start.position))

    def take(self, records: Sequence[Record]) -> None:
        """Take records that were read."""
        self._admission.take(records)

    async def finish(self, topic_partitions: Sequence[TopicPartition], until: float) -> None:
        """
        Wait until what was taken of these partitions is written, to a time of the monotonic clock at most.

        What cannot be written now, or waits for a schema, is read again by whoever takes the partition over.
        """
        while time.monotonic() < until and self._assignment.writing(topic_partitions):
            if self._tasks.error is not None or self._writer.hopeless:
                return
            await asyncio.sleep(_DRAIN_LOOK_S)

    async def _open(self, assigned: SinkPartition, committed: CommittedPosition | None) -> None:
        """Check the position of a new partition, then let its records in."""
        await self._positions.settle(assigned, committed, lambda reason: report(self._health, assigned.subject, reason))
        if not assigned.dropped:
            assigned.ready = True
            self._admission.release(assigned)
