"""
Edge: tells of records that cannot be read and are passed over: once each, by topic, partition and offset; and counts.

Never a value: the reason comes from a `RecordError`, which holds none.

Keeps: P14.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from cdc_runtime.consuming.records import Record
from schemas.errors import RecordError

_log = structlog.get_logger(__name__)
_MOST_REMEMBERED = 100_000  # places; they are told again behind that many


class UnreadableRecords:
    """
    What a process has told of. Usable from any thread.

    `count` is called with the topic of each record; `tell` with the record, the problem, and what follows from it.
    """

    def __init__(self) -> None:
        self.count: Callable[[str], None] = lambda topic: None
        self.tell: Callable[[Record, RecordError, str], None] = _log_it
        self._lock = threading.Lock()
        self._told: set[tuple[str, int, int]] = set()

    def passed_over(self, record: Record, problem: RecordError, consequence: str) -> None:
        """A record cannot be read; `consequence`: what follows from it, and goes on."""
        place = (record.topic, record.partition, record.offset)
        with self._lock:
            if place in self._told:
                return
            if len(self._told) >= _MOST_REMEMBERED:
                self._told.clear()
            self._told.add(place)
        self.count(record.topic)
        self.tell(record, problem, consequence)


def _log_it(record: Record, problem: RecordError, consequence: str) -> None:
    _log.warning(
        "record cannot be read",
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=str(problem),
        remedy=problem.remedy,
        consequence=consequence,
    )


UNREADABLE = UnreadableRecords()
