"""Runs floors as barriers of their partitions (rule V4): alone, to their end, and once more when nothing is late."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable
from typing import Any, Protocol

from cdc_runtime.consuming.records import Record
from cdc_runtime.consuming.row_changes import Floor
from cdc_runtime.subjects import Subject
from vespa_sink.intake.partitions import AssignedPartition
from vespa_sink.intake.topics import TableTopic
from vespa_sink.parts import Parts
from vespa_sink.vespa.searches import Sweep
from vespa_sink.writes.attempts import RowWrite
from vespa_sink.writes.write_order import Barrier


class Hub(Protocol):
    """Who holds the partitions."""

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task."""

    def done(self, assigned: AssignedPartition, record: Record) -> None:
        """A record needs nothing more."""

    def needless(self, writes: Iterable[RowWrite]) -> None:
        """Writes that newer ones have replaced."""

    def go_on(self) -> None:
        """Something may be ready to be sent."""

    def health(self, subject: Subject, reason: str | None) -> None:
        """Something is wrong, or (None) no longer."""


class FloorRuns:
    """Lives in the event loop of its hub."""

    def __init__(self, parts: Parts, hub: Hub) -> None:
        self._parts = parts
        self._hub = hub

    def start(self) -> None:
        """Start every floor whose partition is quiet; cheap when there is none."""
        while (barrier := self._parts.order.take_barrier()) is not None:
            self._hub.run(self._carry_out(barrier))

    async def _carry_out(self, barrier: Barrier[AssignedPartition, Floor]) -> None:
        assigned, floor = barrier.partition, barrier.content
        assert isinstance(assigned.topic_type, TableTopic)
        table = assigned.topic_type.table.document_table
        sweep = Sweep(self._parts.records, table, assigned.topic_partition.partition, floor.below_version)
        await self._sweep(assigned, sweep)
        # A write that got no answer may come after us: then the floor counts only once that is over.
        doubtful = assigned.doubts.left_s(time.monotonic()) > 0
        self._hub.needless(self._parts.order.barrier_done(barrier))
        if not doubtful:
            self._hub.done(assigned, floor.record)
        self._hub.go_on()
        await asyncio.sleep(self._parts.client.longest_request_s)
        await self._sweep(assigned, sweep)
        if doubtful:
            self._hub.done(assigned, floor.record)

    async def _sweep(self, assigned: AssignedPartition, sweep: Sweep) -> None:
        await self._parts.sweeper.sweep(
            sweep,
            wanted=lambda: not assigned.dropped,
            on_trouble=lambda reason: self._hub.health(assigned.subject, reason),
        )
