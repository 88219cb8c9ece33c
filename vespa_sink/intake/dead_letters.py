"""Stores records that cannot be carried in the dead-letter topic; without that, their partition does not go on."""

from __future__ import annotations

import asyncio
import os
import random
import socket

import structlog

from cdc_runtime.backoff import NEIGHBOUR_DELAYS, Backoff
from cdc_runtime.consuming.dead_letters import Failure, dead_letter
from cdc_runtime.consuming.records import Record
from cdc_runtime.health import Health
from cdc_runtime.kafka.producer import DeadLetterWriter
from cdc_runtime.settings.models import KafkaSettings
from cdc_runtime.subjects import DEAD_LETTERS
from schemas.errors import TransientError
from schemas.topics import Topics
from vespa_sink.health import report
from vespa_sink.metrics import SinkMetrics

_log = structlog.get_logger(__name__)


class DeadLetters:
    """Writes dead letters, one after the other, and goes on trying while Kafka is away."""

    def __init__(self, settings: KafkaSettings, group: str, *, metrics: SinkMetrics, health: Health) -> None:
        self._writer = DeadLetterWriter(settings, Topics(settings.prefix).dead_letters(group))
        self._group = group
        self._task = f"{socket.gethostname()}-{os.getpid()}"
        self._metrics = metrics
        self._health = health
        self._lock = asyncio.Lock()

    async def store(self, record: Record, failure: Failure) -> None:
        """Return when the record is durable among the dead letters. Raises `FatalError`."""
        letter = dead_letter(record, failure, group=self._group, task=self._task)
        backoff = Backoff(NEIGHBOUR_DELAYS, random.random)
        async with self._lock:
            while True:
                try:
                    await asyncio.to_thread(self._writer.write, [letter])
                    break
                except TransientError as exc:
                    self._metrics.dead_letter_failures.inc()
                    report(self._health, DEAD_LETTERS, str(exc))
                    await asyncio.sleep(backoff.failed())
        if backoff.failures:
            report(self._health, DEAD_LETTERS, None)
        self._metrics.dead_letter(record.topic, failure.stage)
        _log.warning(
            "record dead-lettered",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            stage=failure.stage,
            error=type(failure.error).__name__,
        )

    def close(self) -> None:
        """Free the client."""
        self._writer.close()
