"""
Has positions of table topics checked in threads (rule V7): of a new partition until it is done, and again each hour.

The other topics have no tombstones that could have expired, and one that is made again is written by whoever owns it.

Keeps: V7, V11.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable

import structlog

from cdc_runtime.backoff import NEIGHBOUR_DELAYS, Backoff
from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.position_check import Answer, PositionCheck
from cdc_runtime.consuming.topic_lives import Anew
from schemas.errors import TransientError
from vespa_sink.intake.partitions import SinkPartition
from vespa_sink.intake.topics import TableTopic
from vespa_sink.metrics import SinkMetrics

_log = structlog.get_logger(__name__)
_LOOK_S = 60.0
_AT_A_TIME = 4  # what waits must not use up the threads of the event loop


class PositionChecks:
    """Lives in the event loop."""

    def __init__(self, check: PositionCheck, metrics: SinkMetrics) -> None:
        self._check = check
        self._metrics = metrics
        self._places = asyncio.Semaphore(_AT_A_TIME)

    async def settle(
        self, partition: SinkPartition, position: CommittedPosition | None, on_trouble: Callable[[str | None], None]
    ) -> None:
        """Return when a position is known to be sound, or a snapshot was asked for durably, or it is ours no longer."""
        backoff = Backoff(NEIGHBOUR_DELAYS, random.random)
        while not partition.dropped:
            try:
                await self._once(partition, position, partition.anew)
                break
            except TransientError as exc:
                on_trouble(f"position of {partition.subject}: {exc}")
                await asyncio.sleep(backoff.failed())
        if backoff.failures:
            on_trouble(None)

    async def watch(self, partitions: Callable[[], Iterable[SinkPartition]]) -> None:
        """Look again and again, for ever: a partition that waits becomes too old as well."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self.look(list(partitions()))
            except TransientError as exc:
                _log.warning("positions cannot be checked", reason=str(exc))

    async def look(self, partitions: Iterable[SinkPartition]) -> None:
        """Check those that were not checked for an hour. Raises `TransientError`."""
        for partition in partitions:
            due = partition.ready and not partition.dropped and partition.age.check_due(_now_ms())
            if due and (position := partition.to_check) is not None:
                await self._once(partition, position)

    async def _once(
        self, partition: SinkPartition, position: CommittedPosition | None, anew: Anew | None = None
    ) -> None:
        if not isinstance(partition.topic_type, TableTopic):
            return
        table = partition.topic_type.table
        async with self._places:
            answer = await asyncio.to_thread(self._check.check, table, partition.topic_partition, position, anew)
        partition.age.checked(_now_ms(), asked=answer is not Answer.SOUND)
        if answer is Answer.ASKED:
            self._metrics.snapshots_asked.inc()


def _now_ms() -> int:
    return int(time.time() * 1000)
