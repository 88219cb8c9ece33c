"""Waits, in the event loop, until a record lies among the dead letters; without that, no position passes it."""

from __future__ import annotations

import asyncio

from cdc_runtime.consuming.dead_letter_queue import DeadLetterQueue
from cdc_runtime.consuming.dead_letters import Failure
from cdc_runtime.consuming.records import Record
from cdc_runtime.health import Health
from cdc_runtime.subjects import DEAD_LETTERS
from vespa_sink.health import report
from vespa_sink.metrics import SinkMetrics


class DeadLetters:
    """Counts, and tells of trouble."""

    def __init__(self, queue: DeadLetterQueue, *, metrics: SinkMetrics, health: Health) -> None:
        self._queue = queue
        self._metrics = metrics
        self._health = health

    async def store(self, record: Record, failure: Failure) -> None:
        """Return when the record is durable among the dead letters. Raises `FatalError`."""
        await asyncio.wrap_future(self._queue.submit(record, failure, self._trouble))
        self._metrics.dead_letter(record.topic, failure.stage)

    def _trouble(self, reason: str | None) -> None:
        """Called by the thread of the queue."""
        if reason is not None:
            self._metrics.dead_letter_failures.inc()
        report(self._health, DEAD_LETTERS, reason)
