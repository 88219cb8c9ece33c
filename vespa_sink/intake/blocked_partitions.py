"""
Keeps what is known of tables up to date, and lets partitions go on that wait for a schema or a table.

Keeps: P10.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping

import structlog

from cdc_runtime.backoff import Backoff, Delays
from cdc_runtime.consuming.followed_tables import FollowedTables
from cdc_runtime.consuming.records import TopicPartition
from schemas.errors import TransientError
from vespa_sink.admission import Admission
from vespa_sink.intake.partitions import SinkPartition

_log = structlog.get_logger(__name__)
_FOLLOW_S = 1.0  # how often `_tables` is looked at
# Between two looks for a schema that is missing.
_STUCK_DELAYS = Delays(first_s=0.2, longest_s=5.0, jitter=(1.0, 1.0))


class BlockedPartitions:
    """Lives in the event loop."""

    def __init__(
        self,
        partitions: Mapping[TopicPartition, SinkPartition],
        admission: Admission,
        tables: FollowedTables,
    ) -> None:
        self._partitions = partitions
        self._admission = admission
        self._tables = tables

    async def follow(self) -> None:
        """Keep plans true, and look for what blocked partitions miss, for ever."""
        blocked = self._admission.blocked
        backoff, pause_s = Backoff(_STUCK_DELAYS, random.random), 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(blocked.wait(), _FOLLOW_S)
            await asyncio.sleep(pause_s)
            blocked.clear()
            try:
                left = await self.look()
            except TransientError as exc:
                _log.warning("tables topic cannot be read", reason=str(exc))
                blocked.set()
                pause_s = _STUCK_DELAYS.longest_s
                continue
            if left:
                blocked.set()
                pause_s = backoff.failed()
            else:
                backoff.succeeded()
                pause_s = 0.0

    async def look(self) -> bool:
        """Bring what is known up to date; True when partitions are still blocked. Raises `TransientError`."""
        # Only these have waited for the whole refresh that follows.
        stuck = [each for each in self._partitions.values() if each.ready and each.blocked]
        await asyncio.to_thread(self._tables.refresh if stuck else self._tables.poll)
        left = [each for each in stuck if not each.dropped and not self._admission.release(each, refreshed=True)]
        return bool(left)
