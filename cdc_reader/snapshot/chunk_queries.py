"""
Edge: the statements of a snapshot, run in side workers.

The order of `read_chunk` is rule S1: the low watermark was received before it is called; the snapshot is taken
until it sees every transaction that the stream delivered before; only then are rows read in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cdc_reader.postgres.connections import Connection, translated
from cdc_reader.postgres.pg_snapshot import Snapshot
from cdc_reader.postgres.workers import Worker
from cdc_reader.snapshot.window import ChunkRows, CopiedRow
from schemas.errors import TransientError
from schemas.keys import parse_row_key

MESSAGE_PREFIX = "rowferry"
# DDL that holds a table longer voids the read: it is tried again, and workers stay free for other tables.
_LOCK_WAIT_S = 5
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_COPY_HEADER_BYTES = 19
_COPY_TRAILER = b"\xff\xff"
_WRITE_LOCKS = (
    "('RowExclusiveLock','ShareUpdateExclusiveLock','ShareRowExclusiveLock','ExclusiveLock','AccessExclusiveLock')"
)
CopyRow = Callable[[bytes], CopiedRow]


@dataclass(frozen=True, slots=True)
class ChunkRead:
    """A chunk as read: its rows, and the key behind which the next one begins (None: no row was there)."""

    chunk: ChunkRows
    last_key: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one chunk may hold; the row limit is that of its query."""

    max_rows: int
    max_bytes: int


def emit_message(connection: Connection, content: str) -> None:
    """Write a transactional WAL message of ours: a watermark, a marker, a heartbeat. Works on read-only rights."""
    with translated("write a watermark with pg_logical_emit_message"):
        connection.execute("SELECT pg_catalog.pg_logical_emit_message(true, %s, %s)", (MESSAGE_PREFIX, content))


def current_snapshot(connection: Connection) -> Snapshot:
    """The snapshot that statements of this transaction read in."""
    row = connection.execute("SELECT pg_catalog.pg_current_snapshot()::text").fetchone()
    assert row is not None
    return Snapshot.parse(row[0])


def begin_seeing(worker: Worker, delivered: Sequence[int] | frozenset[int] | set[int], timeout_s: float) -> Connection:
    """Open a REPEATABLE READ transaction that sees all `delivered` xids (rules S1, V5); the caller ends it.

    Raises `TransientError` when they are still not visible after `timeout_s` (a stalled synchronous standby).
    """
    deadline = time.monotonic() + timeout_s
    connection = worker.connection
    waiting = set(delivered)
    while True:
        connection.execute(_BEGIN)
        connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT_S}s'")
        waiting = current_snapshot(connection).unseen(waiting)
        if not waiting:
            return connection
        connection.execute("ROLLBACK")
        if time.monotonic() > deadline:
            raise TransientError(
                f"{len(waiting)} transactions that the stream delivered are not visible after {timeout_s:g} s"
            )
        worker.pause(0.005)


class _EnoughError(Exception):
    """Ends a COPY whose rows are more bytes than a chunk may have."""


def copy_rows(connection: Connection, query: str, max_bytes: int | None = None) -> tuple[list[bytes], bool]:
    """The rows of `COPY ... (FORMAT binary)`, each as its bytes from the field count on, and whether it was cut.

    It is cut behind the row that reaches `max_bytes`; the transaction is then aborted and reads nothing more.
    """
    rows: list[bytes] = []
    size = 0
    cut = False
    with suppress(_EnoughError), connection.cursor() as cursor, cursor.copy(query.encode()) as copy:
        for block in copy:
            rows.append(bytes(block))
            size += len(block)
            if max_bytes is not None and size >= max_bytes and block != _COPY_TRAILER:
                cut = True
                raise _EnoughError
    if rows:
        rows[0] = rows[0][_COPY_HEADER_BYTES:]
    if rows and rows[-1] == _COPY_TRAILER:
        rows.pop()
    return rows, cut


def read_chunk(
    worker: Worker, query: str, copy_row: CopyRow, *, bounds: Bounds, delivered: frozenset[int], timeout_s: float
) -> ChunkRead:
    """Read one chunk by rule S1, bounded in rows and bytes (rule S3)."""
    with translated("read a snapshot chunk"):
        connection = begin_seeing(worker, delivered, timeout_s)
        try:
            raw, cut = copy_rows(connection, query, bounds.max_bytes)
        finally:
            connection.execute("ROLLBACK")
    rows = [copy_row(row) for row in raw]
    complete = not cut and len(rows) < bounds.max_rows
    chunk = ChunkRows(rows=rows, size=sum(map(len, raw)), complete=complete)
    return ChunkRead(chunk, parse_row_key(rows[-1][0]) if rows else None)


def wait_for_writers(worker: Worker, oids: Sequence[int], waiting_for: Callable[[list[str]], None]) -> None:
    """Return once every transaction that holds a write lock on the tables now has ended (rule S4).

    Prepared transactions count too. `waiting_for` is told the virtual transaction ids, once.
    """
    holders = _writers(worker.connection, oids)
    if holders:
        waiting_for(sorted(holders))
    while holders:
        worker.pause(0.05)
        holders &= _writers(worker.connection, oids)


def _writers(connection: Connection, oids: Sequence[int]) -> set[str]:
    with translated("list the writers of a table in pg_locks"):
        rows = connection.execute(
            "SELECT DISTINCT virtualtransaction FROM pg_catalog.pg_locks WHERE locktype = 'relation' AND granted"
            " AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"
            f" AND relation = ANY(%s) AND mode IN {_WRITE_LOCKS} AND pid IS DISTINCT FROM pg_backend_pid()",
            (list(oids),),
        ).fetchall()
    return {str(row[0]) for row in rows}
