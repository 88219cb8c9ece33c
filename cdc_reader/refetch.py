"""
Edge: reads again what the server did not send: large columns that an update left unchanged (rule V5).

The read sees the event's transaction, and is not published before the WAL that it may have seen is flushed
(rule V6): an asynchronous commit that a crash undoes must not get out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cdc_reader.connections import Connection, translated
from cdc_reader.lsn import Lsn
from cdc_reader.sidework import Worker
from cdc_reader.snapshot.chunks import ReadPlan
from cdc_reader.snapshot.reading import begin_seeing, copy_rows, emit_message
from schemas.errors import TransientError
from schemas.keys import parse_row_key

Fields = Mapping[str, bytes]
_FLUSH = "flush"


@dataclass(frozen=True, slots=True)
class Refetched:
    """Avro bytes of every column by row key; keys that are absent have no row now. `seen_lsn`: rule V6."""

    rows: Mapping[bytes, Fields] = field(default_factory=dict)
    seen_lsn: int = 0


def refetch(
    worker: Worker,
    plan: ReadPlan,
    keys: Sequence[bytes],
    *,
    decode: Callable[[bytes], tuple[bytes, Fields]],
    delivered: set[int],
    wait_s: float,
) -> Refetched | None:
    """The rows with these keys as they are now; None when that could not be had within `wait_s`."""
    deadline = time.monotonic() + wait_s
    try:
        with translated("read unchanged columns again"):
            connection = begin_seeing(worker, delivered, wait_s)
            try:
                raw = copy_rows(connection, plan.keys_query([parse_row_key(key) for key in keys]))
                seen = _lsn(connection.execute("SELECT pg_catalog.pg_current_wal_insert_lsn()::text").fetchone())
            finally:
                connection.execute("ROLLBACK")
            if _flushed(connection) < seen:
                # What is behind the last commit stays unflushed on an idle server: a commit of ours flushes it.
                emit_message(connection, _FLUSH)
            while _flushed(connection) < seen:
                if time.monotonic() > deadline:
                    return None
                worker.pause(0.005)
    except TransientError:
        worker.discard()
        return None
    return Refetched(dict(decode(row) for row in raw), seen)


def _flushed(connection: Connection) -> int:
    return _lsn(connection.execute("SELECT pg_catalog.pg_current_wal_flush_lsn()::text").fetchone())


def _lsn(row: tuple[object, ...] | None) -> int:
    return Lsn.parse(str(row[0]) if row else "").value
