"""
Edge: reads that see what the stream has delivered.

A snapshot is retaken until it sees every transaction that the stream delivered before; only then are rows read in it
(rules S1, V5).

Keeps: S1, V5, P8.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress

from cdc_reader.postgres.connections import Connection, translated
from cdc_reader.postgres.encodings import texts_as_stored
from cdc_reader.postgres.open_transactions import open_transactions
from cdc_reader.postgres.pg_snapshot import Snapshot
from cdc_reader.postgres.recoded import recoded_copy_row
from cdc_reader.postgres.workers import Worker
from schemas.errors import Neighbour, TransientError

# DDL that holds a table longer voids the read: it is tried again, and workers stay free for other tables.
_LOCK_WAIT_S = 5
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_XIDS_TOLD = 5
_COPY_HEADER_BYTES = 19
_COPY_TRAILER = b"\xff\xff"


def current_snapshot(connection: Connection) -> Snapshot:
    """The snapshot that statements of this transaction read in."""
    row = connection.execute("SELECT pg_catalog.pg_current_snapshot()::text").fetchone()
    assert row is not None
    return Snapshot.parse(row[0])


def snapshot_behind_all(connection: Connection) -> Snapshot:
    """A snapshot whose `xmax` lies above every xid that is taken by now.

    Else it would lie just behind the greatest that has ended, and a commit that waits may have a greater one. So a
    transaction of our own takes an xid and ends first; it writes nothing, and waits for nothing.
    """
    with translated("take a snapshot"):
        connection.execute("SELECT pg_catalog.pg_current_xact_id()")
        return current_snapshot(connection)


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
            whose = open_transactions(connection, waiting)
            raise TransientError(
                f"{len(waiting)} transactions of the stream are not visible to queries after {timeout_s:g} s"
                " (so it is while a synchronous standby does not answer): "
                + ", ".join([*map(str, sorted(waiting)[:_XIDS_TOLD]), *whose]),
                neighbour=Neighbour.POSTGRES,
            )
        worker.pause(0.005)


class _EnoughError(Exception):
    """Ends a COPY whose rows are more bytes than a chunk may have."""


def copy_rows(
    connection: Connection, query: str, max_bytes: int | None = None, *, texts: frozenset[int] = frozenset()
) -> tuple[list[bytes], bool]:
    """The rows of `COPY ... (FORMAT binary)`, each as its bytes from the field count on, and whether it was cut.

    It is cut behind the row that reaches `max_bytes`; the transaction is then aborted and reads nothing more. The
    fields with the indexes `texts` come in UTF-8, but for a text that is none (rule P8).
    """
    characters = texts_as_stored(connection)
    rows: list[bytes] = []
    size = 0
    cut = False
    with (
        suppress(_EnoughError),
        connection.cursor() as cursor,
        cursor.copy(characters.stored(query)) as copy,
    ):
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
    if characters.recode:
        rows = [recoded_copy_row(row, texts, characters.utf8) for row in rows]
    return rows, cut
