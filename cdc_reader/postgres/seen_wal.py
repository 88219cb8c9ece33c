"""
Edge: waits until what a read may have seen is on the server's disk (rule V6).

A read can see an asynchronous commit that a crash undoes; what was published of it would be invented.

Keeps: V6.
"""

from __future__ import annotations

import time

from cdc_reader.postgres.connections import Connection
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.wal_messages import emit_message
from cdc_reader.postgres.workers import Worker
from schemas.errors import AccessDenied

_FLUSH = "flush"


def flushed_behind(worker: Worker, connection: Connection, deadline: float) -> int | None:
    """The WAL position that all reads until now lie before, once it is flushed; None when it is not by the deadline.

    `deadline` in monotonic seconds.
    """
    seen = _lsn(connection.execute("SELECT pg_catalog.pg_current_wal_insert_lsn()::text").fetchone())
    if _flushed(connection) < seen:
        # What is behind the last commit stays unflushed on an idle server: a commit of ours flushes it.
        _flush(connection)
    while _flushed(connection) < seen:
        if time.monotonic() > deadline:
            return None
        worker.pause(0.005)
    return seen


def _flush(connection: Connection) -> None:
    """Let the server write out its log: at once; within a second where no message of ours may be written."""
    try:
        emit_message(connection, _FLUSH)
    except AccessDenied:
        connection.execute("SELECT pg_catalog.pg_current_xact_id()")


def _flushed(connection: Connection) -> int:
    return _lsn(connection.execute("SELECT pg_catalog.pg_current_wal_flush_lsn()::text").fetchone())


def _lsn(row: tuple[object, ...] | None) -> int:
    return Lsn.parse(str(row[0]) if row else "").value
