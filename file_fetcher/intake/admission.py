"""
How records come in: read, and handed on as works, floors, or nothing.

Rule 1: a record that cannot be read yet (unknown schema or table, rule P10) holds its partition; what comes after it
        waits in order, and it is looked at again until it can be read.
Rule 2: a record that can never be read goes to the dead letters before its offset may pass.

Edge; used by the thread of the Kafka client. Leaves to others: what becomes of a work, and when a floor is over.

Keeps: P10, P14.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from cdc_runtime.consuming.dead_letters import Failure, dead_letter
from cdc_runtime.consuming.records import Record
from cdc_runtime.consuming.row_changes import Floor
from cdc_runtime.health import Health
from cdc_runtime.kafka.producer import DeadLetterWriter
from file_fetcher.intake.followed_tables import FollowedTables
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.intake.record_reader import RecordReader
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.own_topics import OwnTopics
from file_fetcher.work import Work
from schemas.errors import RecordError, TransientError
from schemas.wire import UnknownSchema

_log = structlog.get_logger(__name__)


class Admission:
    """Lets records in; `offer` is given each work that they make."""

    def __init__(
        self,
        reading: RecordReader,
        following: FollowedTables,
        dead_letters: DeadLetterWriter,
        *,
        own_topics: OwnTopics,
        metrics: FetcherMetrics,
        health: Health,
        offer: Callable[[Work], None],
    ) -> None:
        self._reading = reading
        self._following = following
        self._dead_letters = dead_letters
        self._own_topics = own_topics
        self._metrics = metrics
        self._health = health
        self._offer = offer

    def take(self, held: TablePartition, record: Record) -> None:
        """Take a record that was read: now, or behind what its partition waits for."""
        if held.waits:
            held.backlog.append(record)
        else:
            self._admit(held, record)

    def go_on(self, held: TablePartition) -> None:
        """Let waiting records in until one of them stands in the way."""
        while held.ready and held.floor is None and held.backlog:
            if not self._admit(held, held.backlog.popleft()):
                return
        if not held.blocked:
            self._health.ready(held.subject)

    def look(self, partitions: Iterable[TablePartition]) -> None:
        """Look at tables that have changed, and for what blocked partitions miss."""
        try:
            self._following.poll()
        except TransientError as exc:
            _log.warning("tables topic cannot be read", reason=str(exc))
        for held in [each for each in partitions if each.blocked]:
            self.go_on(held)

    def _admit(self, held: TablePartition, record: Record) -> bool:
        """Handle a record; False when it blocks its partition."""
        try:
            row = self._reading.read(held.table, record)
        except (UnknownSchema, TransientError) as exc:
            return self._block(held, record, str(exc))
        except RecordError as exc:
            return self._bury(held, record, exc)
        held.blocked = ""
        if not held.take(record):
            return True
        self._metrics.consumed(record.topic)
        if isinstance(row, Floor):
            held.floor = row
        elif row is not None:
            self._offer(Work(held.topic_partition, record, row))
        else:
            held.tracker.done(record.offset)
        return True

    def _block(self, held: TablePartition, record: Record, reason: str) -> bool:
        held.blocked = reason
        held.backlog.appendleft(record)
        self._health.not_ready(reason, held.subject)
        return False

    def _bury(self, held: TablePartition, record: Record, problem: RecordError) -> bool:
        """Store a record that can never be read among the dead letters."""
        group = self._own_topics.group
        letter = dead_letter(record, Failure(problem, "decode", __name__), group=group, task=str(record.partition))
        try:
            self._dead_letters.write([letter])
        except TransientError as exc:
            return self._block(held, record, str(exc))
        held.blocked = ""
        if held.take(record):
            held.tracker.done(record.offset)
        return True
