"""
Edge: the retries whose time has come, as works.

Rule: one that cannot be read now is left out for a while: it must not stand before those that can be.

Leaves to others: whether its reference still waits for it, which is looked at when the work starts (rule V9).

Keeps: V9, P14.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Set

import structlog

from cdc_runtime.consuming.records import Record
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.intake.record_reader import RecordReader
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.references.changes import NoLongerWaits
from file_fetcher.references.local import ReferenceStore
from file_fetcher.references.retries import Retry
from file_fetcher.work import Row, Work
from schemas.errors import RecordError
from schemas.names import TableName
from schemas.wire import UnknownSchema

_log = structlog.get_logger(__name__)
_DUE_AT_A_TIME = 200
_UNREADABLE_PAUSE_S = 60.0


class DueRetries:
    """Finds what is due in the local store."""

    def __init__(self, store: ReferenceStore, record_reader: RecordReader, metrics: FetcherMetrics) -> None:
        self._store = store
        self._record_reader = record_reader
        self._metrics = metrics
        self._unreadable: dict[str, float] = {}
        # Of these, what waits for a schema or a table.
        self._unknown: dict[str, tuple[TableName, Record]] = {}

    def works(self, partitions: Iterable[TablePartition], under_way: Set[str], room: int) -> list[Work]:
        """What is due of partitions where something may start now; `under_way`: files that are retried already."""
        by_row = {
            (str(each.table), each.topic_partition.partition): each
            for each in partitions
            if each.ready and each.floor is None
        }
        now_ms = int(time.time() * 1000)
        waiting, since_ms = self._store.waiting(by_row)
        self._metrics.retrying.set(waiting)
        self._metrics.oldest_waiting.set(max(0.0, (now_ms - (since_ms or now_ms)) / 1000))
        if room <= 0 or not by_row or not waiting:
            return []
        now = time.monotonic()
        known = {file_id for file_id, of in self._unknown.items() if self._record_reader.knows(*of)}
        self._unreadable = {
            file_id: until for file_id, until in self._unreadable.items() if until > now and file_id not in known
        }
        self._unknown = {file_id: of for file_id, of in self._unknown.items() if file_id in self._unreadable}
        besides = under_way | self._unreadable.keys()
        due = self._store.due(now_ms, by_row, min(_DUE_AT_A_TIME, room), besides=besides)
        works = [self._work(by_row[retry.table, retry.partition], retry) for retry in due]
        return [work for work in works if work is not None]

    def _work(self, assigned: TablePartition, retry: Retry) -> Work | None:
        record = Record(retry.topic, retry.partition, -1, retry.key, retry.value, 0)
        try:
            row = self._record_reader.read(assigned.table, record)
        except UnknownSchema as exc:
            _log.warning("retry cannot be read now", topic=retry.topic, partition=retry.partition, reason=str(exc))
            self._unreadable[retry.file_id] = time.monotonic() + _UNREADABLE_PAUSE_S
            self._unknown[retry.file_id] = (assigned.table, record)
            return None
        except RecordError as exc:
            self._lost(retry, str(exc))
            return None
        if not isinstance(row, Row):
            self._lost(retry, "expected a row, got an event of another kind")
            return None
        return Work(assigned.topic_partition, record, row, retry=retry)

    def _lost(self, retry: Retry, reason: str) -> None:
        """It can never be read: from here on it counts as lost, so that its row is asked for (`lost_retries`)."""
        _log.warning(
            "retry cannot be read",
            topic=retry.topic,
            partition=retry.partition,
            reason=reason,
            consequence="its row is asked for again",
        )
        self._store.apply([NoLongerWaits(retry.file_id, retry.row_version, retry.attempt)])
