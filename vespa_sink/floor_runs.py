"""
Runs floors as barriers of their partitions: alone, to their end, and once more when nothing is late.

Keeps: V4.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from cdc_runtime.consuming.row_changes import Floor
from cdc_runtime.consuming.tasks import Tasks
from cdc_runtime.health import Health
from vespa_sink.completion import Completion
from vespa_sink.health import report
from vespa_sink.intake.partitions import SinkPartition
from vespa_sink.intake.topics import TableTopic
from vespa_sink.vespa.searches import Index, Sweep
from vespa_sink.vespa.sweeper import FloorSweeper
from vespa_sink.writes.write_order import Barrier, WriteOrder


class FloorRuns:
    """Lives in the event loop. `longest_request_s`: after it, no request of ours can still take effect."""

    def __init__(
        self,
        order: WriteOrder[SinkPartition, Any],
        sweeper: FloorSweeper,
        completion: Completion,
        *,
        tasks: Tasks,
        health: Health,
        rows: Index,
        longest_request_s: float,
    ) -> None:
        self._order = order
        self._sweeper = sweeper
        self._completion = completion
        self._tasks = tasks
        self._health = health
        self._rows = rows
        self._longest_request_s = longest_request_s

    def start(self) -> None:
        """Start every floor whose partition is quiet; cheap when there is none."""
        while (barrier := self._order.take_barrier()) is not None:
            self._tasks.run(self._carry_out(barrier))

    async def _carry_out(self, barrier: Barrier[SinkPartition, Floor]) -> None:
        assigned, floor = barrier.partition, barrier.content
        assert isinstance(assigned.topic_type, TableTopic)
        table = assigned.topic_type.table.document_table
        sweep = Sweep(self._rows, table, assigned.topic_partition.partition, floor.below_version)
        await self._sweep(assigned, sweep)
        # A write that got no answer may come after us: then the floor counts only once that is over.
        doubtful = assigned.doubts.left_s(time.monotonic()) > 0
        self._completion.floor_over(barrier)
        if not doubtful:
            self._completion.done(assigned, floor.record)
        await asyncio.sleep(self._longest_request_s)
        await self._sweep(assigned, sweep)
        if doubtful:
            self._completion.done(assigned, floor.record)

    async def _sweep(self, assigned: SinkPartition, sweep: Sweep) -> None:
        await self._sweeper.sweep(
            sweep,
            wanted=lambda: not assigned.dropped,
            on_trouble=lambda reason: report(self._health, assigned.subject, reason),
        )
