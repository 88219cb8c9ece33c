"""
Asks whether deletes may have been missed before a partition's position (rule V7), and for a snapshot if so.

Every partition waits for its answer before anything of it is written, since what we write ourselves would make an
empty index look old.

Keeps: V7.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import closing

from cdc_runtime.backoff import NEIGHBOUR_DELAYS, Backoff
from cdc_runtime.consuming.position_age import Commit, Found, must_resnapshot, retention_ms
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.tail import Tail
from cdc_runtime.reader_requests import Requests
from schemas.errors import Neighbour, TransientError
from schemas.names import TableName
from vespa_sink.metrics import SinkMetrics
from vespa_sink.settings import SinkSettings
from vespa_sink.vespa.client import VespaClient
from vespa_sink.vespa.searches import Index, page_of, rows_of_partition


class PositionCheck:
    """Checks positions of table topics. One instance for a process."""

    def __init__(self, settings: SinkSettings, admin: KafkaAdmin, client: VespaClient, metrics: SinkMetrics) -> None:
        self._settings = settings.kafka
        self._admin = admin
        self._client = client
        self._records = Index(settings.vespa.namespace, settings.vespa.record_type)
        self._metrics = metrics
        self._requests = Requests(settings.kafka, settings.group)
        self._lock = asyncio.Lock()

    async def check(
        self,
        table: TableName,
        topic_partition: TopicPartition,
        commit: Commit | None,
        wanted: Callable[[], bool],
        on_trouble: Callable[[str | None], None],
    ) -> None:
        """Return when the position is known to be sound, or a snapshot has been asked for durably."""
        backoff = Backoff(NEIGHBOUR_DELAYS, random.random)
        while wanted():
            try:
                await self._check_once(table, topic_partition, commit)
                break
            except TransientError as exc:
                on_trouble(f"position of {topic_partition.topic}[{topic_partition.partition}]: {exc}")
                await asyncio.sleep(backoff.failed())
        if backoff.failures:
            on_trouble(None)

    async def _check_once(self, table: TableName, topic_partition: TopicPartition, commit: Commit | None) -> None:
        if commit is None:
            answer = await self._client.search(
                rows_of_partition(self._records, table.document_table, topic_partition.partition)
            )
            page = page_of(answer)
            if not page.complete and not page.doc_ids:
                raise TransientError(expected="full coverage", found="less", neighbour=Neighbour.VESPA)
            found = Found(None, 0, 0, indexed=bool(page.doc_ids))
        else:
            found = await asyncio.to_thread(self._facts, topic_partition, commit)
        reason = must_resnapshot(found, int(time.time() * 1000))
        if reason is None:
            return
        if commit is not None and not await asyncio.to_thread(
            self._anything_unread, topic_partition, commit.next_offset
        ):
            return
        await self._ask(table, reason)

    def _facts(self, topic_partition: TopicPartition, commit: Commit) -> Found:
        end = self._admin.end_offsets([topic_partition])[topic_partition]
        facts = self._admin.describe(topic_partition.topic)
        return Found(commit, end, retention_ms(dict(facts.config) if facts else {}), indexed=True)

    def _anything_unread(self, topic_partition: TopicPartition, next_offset: int) -> bool:
        """Markers and aborted records take offsets too; only a record that can be read counts."""
        with closing(
            Tail(self._settings, topic_partition.topic, {topic_partition.partition: next_offset}, admin=self._admin)
        ) as tail:
            return next(tail.read_to_end(), None) is not None

    async def _ask(self, table: TableName, reason: str) -> None:
        async with self._lock:  # one thread at a time: what waits must not use up those of the event loop
            asked = await asyncio.to_thread(self._requests.snapshot, table, reason)
        if asked:
            self._metrics.snapshots_asked.inc()
