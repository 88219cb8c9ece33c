"""
How records come in: decoded, matched with what is known of their table, put into their order.

Rule 1: nothing of a partition is handled before its position was checked (rule V7).
Rule 2: a record that cannot be read yet (unknown schema or table, rule P10) holds its partition; what comes after it
        waits in order. It is never dead-lettered; `_schemas` and `_tables` are read to their end until it can be read.
Rule 3: a record that can never be read goes to the dead letters.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterable, Sequence
from typing import Protocol

import structlog

from cdc_runtime.backoff import Backoff, Delays
from cdc_runtime.consuming.dead_letters import Failure
from cdc_runtime.consuming.position_age import Commit
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.consuming.row_changes import Floor, Nothing, RowPut, row_change
from cdc_runtime.subjects import Subject
from schemas.errors import RecordError, TransientError
from schemas.wire import EventDecoder, UnknownSchema
from vespa_sink.intake.listing_changes import AnyChange, TablePut, listing_change
from vespa_sink.intake.partitions import AssignedPartition, size_of
from vespa_sink.intake.topics import TableTopic
from vespa_sink.parts import Parts
from vespa_sink.writes.attempts import RowWrite
from vespa_sink.writes.write_order import Barrier, Write

_log = structlog.get_logger(__name__)
_FOLLOW_S = 1.0  # how often `_tables` is looked at
# Between two looks for a schema that is missing.
_STUCK_DELAYS = Delays(first_s=0.2, longest_s=5.0, jitter=(1.0, 1.0))


class Hub(Protocol):
    """Who holds the partitions and knows what to do with records that are done."""

    held: dict[TopicPartition, AssignedPartition]

    def done(self, assigned: AssignedPartition, record: Record) -> None:
        """A record needs nothing more."""

    def needless(self, writes: Iterable[RowWrite]) -> None:
        """Writes that newer ones have replaced."""

    def bury(self, assigned: AssignedPartition, record: Record, failure: Failure) -> None:
        """A record belongs into the dead letters."""

    def go_on(self) -> None:
        """Something may be ready to be sent."""

    def health(self, subject: Subject, reason: str | None) -> None:
        """Something is wrong, or (None) no longer."""


class Admission:
    """Lives in the event loop of its hub."""

    def __init__(self, parts: Parts, hub: Hub) -> None:
        self._parts = parts
        self._hub = hub
        self._decode = EventDecoder(parts.tables.schema).decode
        self._blocked = asyncio.Event()

    def take(self, records: Sequence[Record]) -> None:
        """Take records that were read; those of partitions that we do not hold are passed over."""
        held = self._hub.held
        for record in records:
            assigned = held.get(TopicPartition(record.topic, record.partition))
            if assigned is None:
                continue
            if assigned.blocked_by:
                self._parts.backpressure.taken(assigned, size_of(record))
                assigned.backlog.append(record)
            elif assigned.tracker.taken(record.offset):
                self._parts.backpressure.taken(assigned, size_of(record))
                self._parts.metrics.consumed(record.topic)
                self._admit(assigned, record)
        if records:
            self._hub.go_on()

    async def open(self, assigned: AssignedPartition, commit: Commit | None) -> None:
        """Check the position of a new partition, then let its records in."""
        if isinstance(assigned.topic_type, TableTopic):  # the other topics have no tombstones that could have expired
            await self._parts.positions.check(
                assigned.topic_type.table,
                assigned.topic_partition,
                commit,
                wanted=lambda: not assigned.dropped,
                on_trouble=lambda reason: self._hub.health(assigned.subject, reason),
            )
        if not assigned.dropped:
            assigned.checked = True
            self._unblock(assigned)
            self._hub.go_on()

    async def follow_tables(self) -> None:
        """Keep plans true, and look for what blocked partitions miss, for ever."""
        backoff, pause_s = Backoff(_STUCK_DELAYS, random.random), 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._blocked.wait(), _FOLLOW_S)
            await asyncio.sleep(pause_s)
            self._blocked.clear()
            try:
                left = await self._look()
            except TransientError as exc:
                _log.warning("tables topic cannot be read", reason=str(exc))
                self._blocked.set()
                pause_s = _STUCK_DELAYS.longest_s
                continue
            if left:
                self._blocked.set()
                pause_s = backoff.failed()
            else:
                backoff.succeeded()
                pause_s = 0.0
            self._hub.go_on()

    async def _look(self) -> bool:
        """Bring the maps up to date; True when partitions are still blocked."""
        # Only these have waited for the whole refresh that follows.
        stuck = [each for each in self._hub.held.values() if each.checked and each.blocked_by]
        changed = await (self._parts.tables.refresh() if stuck else self._parts.tables.poll())
        if changed:
            self._parts.plans.forget()
        left = [each for each in stuck if not each.dropped and not self._unblock(each, refreshed=True)]
        return bool(left)

    def _admit(self, assigned: AssignedPartition, record: Record, *, refreshed: bool = False) -> bool:
        """Bring a record that was taken into their order; False when it blocks its partition."""
        try:
            change = self._change(assigned, record)
        except UnknownSchema as exc:
            return self._block(assigned, record, str(exc))
        except RecordError as exc:
            self._hub.bury(assigned, record, Failure(exc, "decode", __name__))
            return True
        if isinstance(assigned.topic_type, TableTopic) and isinstance(change, RowPut):
            table = assigned.topic_type.table
            if self._parts.plans.find(table, change.event, refreshed=refreshed) is None:
                reason = f"expected table {table} in the tables topic, found an older entry or none"
                return self._block(assigned, record, reason)
        self._enter(assigned, change)
        return True

    def _change(self, assigned: AssignedPartition, record: Record) -> AnyChange:
        topic_type = assigned.topic_type
        if isinstance(topic_type, TableTopic):
            return row_change(record, self._decode)
        return listing_change(topic_type, record)

    def _enter(self, assigned: AssignedPartition, change: AnyChange) -> None:
        record = change.record
        assigned.last_written_ms = record.timestamp_ms
        if isinstance(change, Nothing):
            self._parts.metrics.skipped(change.reason)
            self._hub.done(assigned, record)
        elif isinstance(change, Floor):
            self._parts.order.offer(Barrier(assigned, change))
        else:
            if isinstance(change, TablePut):
                self._parts.plans.forget()
            document = self._parts.composer.document(assigned.topic_type, change)
            self._hub.needless(self._parts.order.offer(Write(assigned, str(document), change.version, change)))

    def _block(self, assigned: AssignedPartition, record: Record, reason: str) -> bool:
        assigned.backlog.appendleft(record)
        assigned.blocked_by = reason
        assigned.blocked_offset = record.offset
        self._blocked.set()
        return False

    def _unblock(self, assigned: AssignedPartition, *, refreshed: bool = False) -> bool:
        """Go on with what waited; False when the partition is blocked again (or still)."""
        assigned.blocked_by = ""
        while assigned.backlog:
            record = assigned.backlog.popleft()
            if assigned.tracker.taken(record.offset):
                self._parts.metrics.consumed(record.topic)
            elif record.offset != assigned.blocked_offset:
                self._parts.backpressure.done(assigned, size_of(record))
                continue
            if not self._admit(assigned, record, refreshed=refreshed):
                self._hub.health(assigned.subject, assigned.blocked_by)
                return False
        self._hub.health(assigned.subject, None)
        return True
