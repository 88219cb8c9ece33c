"""
How records come in: read, and handed on as works, floors, or nothing.

Rule 1: a record that cannot be read yet (unknown schema or table, rule P10) holds its partition; what comes after it
        waits in order, and it is looked at again until it can be read.
Rule 2: a record that can never be read goes to the dead letters before its offset may pass, and before the next.

Edge; used by the thread of the Kafka client, which it does not keep waiting. Leaves to others: what becomes of a work,
and when a floor is over.

Keeps: P10.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field

import structlog

from cdc_runtime.consuming.dead_letter_queue import DeadLetterQueue
from cdc_runtime.consuming.dead_letters import Failure
from cdc_runtime.consuming.records import Record
from cdc_runtime.consuming.row_changes import Floor
from cdc_runtime.health import Health
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.intake.record_reader import RecordReader
from file_fetcher.intake.table_refresh import TableRefresh
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.work import Work
from schemas.errors import RecordError
from schemas.wire import UnknownSchema

_log = structlog.get_logger(__name__)
# By far the most letters are stored in that time, and the partition goes on at once.
_LETTER_WAIT_S = 0.2


@dataclass(slots=True, eq=False)
class _Letter:
    """A record that is being stored among the dead letters; `trouble` is set by the thread that stores it."""

    record: Record
    trouble: str | None = None
    stored: Future[None] = field(default_factory=Future)

    def tell(self, reason: str | None) -> None:
        self.trouble = reason


class Admission:
    """Lets records in; `offer` is given each work that they make."""

    def __init__(
        self,
        reading: RecordReader,
        tables: TableRefresh,
        dead_letters: DeadLetterQueue,
        *,
        metrics: FetcherMetrics,
        health: Health,
        offer: Callable[[Work], None],
    ) -> None:
        self._reading = reading
        self._tables = tables
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._health = health
        self._offer = offer
        self._letters: dict[TablePartition, _Letter] = {}

    def take(self, assigned: TablePartition, record: Record) -> None:
        """Take a record that was read: now, or behind what its partition waits for."""
        if assigned.waits:
            assigned.backlog.append(record)
        else:
            self._admit(assigned, record)

    def go_on(self, assigned: TablePartition) -> None:
        """Let waiting records in until one of them stands in the way."""
        if not assigned.ready or assigned.doubted or assigned.floor is not None or assigned in self._letters:
            return
        if assigned.let_in(lambda record: self._admit(assigned, record)):
            self._health.ready(assigned.subject)

    def look(self, partitions: Iterable[TablePartition]) -> None:
        """Look for what blocked partitions miss, and at dead letters that were stored. Raises `FatalError`."""
        self._look_at_letters()
        if self._tables.look(time.monotonic()):
            for assigned in [each for each in partitions if each.blocked]:
                self.go_on(assigned)

    def _admit(self, assigned: TablePartition, record: Record) -> bool:
        """Handle a record; False when the next must wait."""
        try:
            row = self._reading.read(assigned.table, record)
        except UnknownSchema as exc:
            assigned.block(record, str(exc))
            self._health.not_ready(assigned.blocked, assigned.subject)
            return False
        except RecordError as exc:
            return self._give_up(assigned, record, exc)
        if not assigned.take(record):
            return True
        self._metrics.consumed(record.topic)
        if isinstance(row, Floor):
            assigned.floor = row
            return False
        if row is not None:
            self._offer(Work(assigned.topic_partition, record, row))
        else:
            assigned.tracker.done(record.offset)
        return True

    def _give_up(self, assigned: TablePartition, record: Record, problem: RecordError) -> bool:
        """Store a record that can never be read among the dead letters; False while that takes its time."""
        letter = _Letter(record)
        letter.stored = self._dead_letters.submit(record, Failure(problem, "decode", __name__), letter.tell)
        if letter.stored in wait([letter.stored], _LETTER_WAIT_S).done:
            self._stored(assigned, letter)
            return True
        assigned.blocked = "a record of it is not stored among the dead letters yet"
        self._letters[assigned] = letter
        return False

    def _look_at_letters(self) -> None:
        for assigned, letter in list(self._letters.items()):
            if assigned.dropped:
                del self._letters[assigned]
            elif letter.stored.done():
                del self._letters[assigned]
                self._stored(assigned, letter)
                self.go_on(assigned)
            elif letter.trouble:
                self._health.not_ready(letter.trouble, assigned.subject)

    def _stored(self, assigned: TablePartition, letter: _Letter) -> None:
        letter.stored.result()
        if assigned.take(letter.record):
            assigned.tracker.done(letter.record.offset)
