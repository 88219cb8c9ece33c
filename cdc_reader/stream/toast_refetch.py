"""
Edge: reads again what the server did not send: large columns that an update left unchanged (rule V5).

The read sees the event's transaction, and is not published before the WAL that it may have seen is flushed
(rule V6): an asynchronous commit that a crash undoes must not get out.

Keeps: V5, V6.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from cdc_reader.postgres.connections import translated
from cdc_reader.postgres.seen_wal import flushed_behind
from cdc_reader.postgres.visible_reads import begin_seeing, copy_rows
from cdc_reader.postgres.workers import Worker
from cdc_reader.tables.captured import CapturedTable, StreamedRelation
from cdc_reader.tables.read_names import files_read, read_otherwise
from cdc_reader.transcode import Encoder
from schemas.errors import RowferryError
from schemas.keys import parse_row_key

logger = structlog.get_logger(__name__)
_MOST_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FetchedRow:
    """A row read again: Avro bytes of every column, and those that no event can carry with their reasons."""

    fields: Mapping[str, bytes]
    omitted: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refetched:
    """Rows by their key. When not `cut`, keys that are absent have no row now. `seen_lsn`: rule V6."""

    rows: Mapping[bytes, FetchedRow] = field(default_factory=dict)
    cut: bool = False
    seen_lsn: int = 0


class RefetchObserver(Protocol):
    """Who is told of rows read again (`metrics.ReaderMetrics`)."""

    def refetched(self, table: CapturedTable, rows: int) -> None:
        """Rows of a table were read again."""


class Refetcher:
    """Reads rows again on a connection of its own; `seen` is told how far the log was that they may show (rule V6)."""

    def __init__(
        self,
        open_worker: Callable[[], Worker],
        *,
        wait_s: float,
        seen: Callable[[int], None],
        observer: RefetchObserver,
    ) -> None:
        self._open_worker = open_worker
        self._worker: Worker | None = None
        self._wait_s = wait_s
        self._seen = seen
        self._observer = observer

    def __call__(self, relation: StreamedRelation, keys: Sequence[bytes], xids: set[int]) -> Refetched | None:
        """The rows of a relation with these keys; None when they cannot be had in time."""
        table = relation.table
        if relation.encoder.plan.fingerprint != table.plan.fingerprint:
            return None  # the stream is at another definition than the catalog: bytes of one do not fit the other
        if self._worker is None:
            self._worker = self._open_worker()
        found = refetch(self._worker, table, keys, delivered=xids, wait_s=self._wait_s)
        if found is None:
            reason = "large columns could not be read in time: the rows go out without, and are read again"
            logger.warning("refetch_failed", table=str(table.name), rows=len(keys), reason=reason)
            return None
        self._seen(found.seen_lsn)
        self._observer.refetched(table, len(found.rows))
        return found


def refetch(
    worker: Worker, table: CapturedTable, keys: Sequence[bytes], *, delivered: set[int], wait_s: float
) -> Refetched | None:
    """The rows with these keys as they are now; None when they cannot be had within `wait_s`, or by names of now.

    Several keys are cut at `_MOST_BYTES`; a single one is read whole.
    """
    deadline = time.monotonic() + wait_s
    try:
        with translated("read unchanged columns again"):
            files = files_read(worker.connection, table)
            connection = begin_seeing(worker, delivered, wait_s)
            try:
                connection.execute(f"SET LOCAL statement_timeout = {max(1, int(wait_s * 1000)):d}")
                query, most = table.read.keys_query([parse_row_key(key) for key in keys]), _MOST_BYTES
                raw, cut = copy_rows(connection, query, most if len(keys) > 1 else None, texts=table.read.texts)
            finally:
                connection.execute("ROLLBACK")
            if files_read(connection, table) != files:
                return None
            if read_otherwise(connection, table):
                return None
            seen = flushed_behind(worker, connection, deadline)
            if seen is None:
                return None
            rows = dict(_decoded(table.encoder, row) for row in raw)
    except RowferryError:  # a key of then may be none of now; a right may be gone: the row is read again later (D8)
        worker.discard()
        return None
    return Refetched(rows, cut, seen)


def _decoded(encoder: Encoder, data: bytes) -> tuple[bytes, FetchedRow]:
    columns = encoder.copy_columns(data)
    names = [column.name for column in encoder.plan.columns]
    fields = {name: value for name, value in zip(names, columns.encoded, strict=True) if value is not None}
    return encoder.key_of(encoder.copy_fields(data)), FetchedRow(fields, dict(columns.omitted))
