"""
Looks at the partitions that are held: whether their logs are still the same, and whether they move.

Now and then, and at once when offsets have run back. Lives in the event loop. Leaves to others: what is seen
(`consuming.partition_watch`), and to begin partitions again (`group_member`, which takes `anew` and `silent`).

Keeps: V11, V12.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence

import structlog

from cdc_runtime.consuming.partition_logs import PartitionLogs
from cdc_runtime.consuming.partition_watch import as_asked, look, standing_text
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.consuming.standstill import LOOK_S
from cdc_runtime.consuming.topic_lives import Anew, Log
from schemas.errors import TransientError
from vespa_sink.admission import Admission
from vespa_sink.intake.partitions import SinkPartition
from vespa_sink.metrics import SinkMetrics

_log = structlog.get_logger(__name__)
_AGAIN_S = 1.0
_CONFIRMED_AT_A_TIME = 20  # each costs a client of its own


class PartitionWatch:
    """`anew`: partitions that must begin anew; `silent`: of which nothing comes although there is something."""

    def __init__(
        self,
        partitions: Mapping[TopicPartition, SinkPartition],
        logs: PartitionLogs,
        admission: Admission,
        metrics: SinkMetrics,
    ) -> None:
        self._partitions = partitions
        self._logs = logs
        self._admission = admission
        self._metrics = metrics
        self.anew: list[tuple[SinkPartition, Anew]] = []
        self.silent: list[SinkPartition] = []

    async def follow(self) -> None:
        """Look again and again, for ever."""
        doubted = self._admission.doubted
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(doubted.wait(), LOOK_S)
            doubted.clear()
            try:
                await self.look()
            except TransientError as exc:
                _log.warning("partitions cannot be looked at", reason=str(exc))
                await asyncio.sleep(_AGAIN_S)
                if any(each.doubted for each in self._partitions.values()):
                    doubted.set()

    async def look(self) -> None:
        """Look once. Raises `TransientError`."""
        held = as_asked(self._partitions.values())
        logs = await asyncio.to_thread(self._logs.of, [each.topic_partition for each, _ in held])
        now_s = time.monotonic()
        seen = look(held, logs, now_s)
        self.anew += seen.anew
        for assigned in seen.sound:
            assigned.doubted = False
            self._admission.release(assigned)
        self._metrics.standing.set(len(seen.standing))
        for assigned, reason in seen.standing:
            if reason and assigned.standstill.tell(now_s):
                end_offset = logs[assigned.topic_partition].end_offset
                _log.warning("partition does not move", **standing_text(assigned, reason, end_offset, now_s))
        await self._confirm([each for each, reason in seen.standing if not reason][:_CONFIRMED_AT_A_TIME], logs, now_s)

    async def _confirm(self, quiet: Sequence[SinkPartition], logs: Mapping[TopicPartition, Log], now_s: float) -> None:
        """Tell partitions of which a record can be read from those whose last offsets hold none."""
        asked = {each.topic_partition: each.tracker.next_to_read for each in quiet if each.standstill.tell(now_s)}
        unread = await asyncio.to_thread(self._logs.unread, asked) if asked else []
        for assigned in [each for each in quiet if each.topic_partition in asked and not each.dropped]:
            place = assigned.topic_partition
            if place not in unread:
                assigned.standstill.nothing_before = logs[place].end_offset
            elif assigned.tracker.next_to_read == asked[place]:
                reason = "the Kafka client hands nothing out: it begins again"
                _log.warning(
                    "partition does not move", **standing_text(assigned, reason, logs[place].end_offset, now_s)
                )
                self.silent.append(assigned)
