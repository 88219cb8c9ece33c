"""
Edge: what a poll reads, in a side worker: the server's moment, a chunk of rows or keys, what is missing.

Rows are compared here with what the topic holds; nothing that is equal leaves the worker.

Keeps: L1, V6, D1, S8.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cdc_reader.discovery.publication import quote_table
from cdc_reader.polling.known_rows import KnownRows
from cdc_reader.polling.plans import Moment
from cdc_reader.postgres.connections import Connection, translated
from cdc_reader.postgres.seen_wal import flushed_behind
from cdc_reader.postgres.server import files_now
from cdc_reader.postgres.workers import Worker
from cdc_reader.snapshot.chunk_queries import OutOfOrder, read_chunk
from cdc_reader.snapshot.chunk_requests import ChunkRequest
from cdc_reader.snapshot.window import CopiedRow
from cdc_reader.tables.captured import CapturedTable
from cdc_reader.tables.polled import PolledTable
from cdc_reader.tables.read_names import read_otherwise
from cdc_reader.transcode import Encoder, TablePlan
from cdc_reader.transcode.row_assembly import copied_row
from schemas.errors import Neighbour, RecordError, RowferryError, TransientError
from schemas.row_digests import row_digest

_FLUSH_WAIT_S = 30.0
_MOMENT = """
SELECT pg_catalog.pg_snapshot_xmin(s)::text::int8, pg_catalog.pg_snapshot_xmax(s)::text::int8,
       pg_catalog.pg_postmaster_start_time()::text,
       (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::int8
FROM pg_catalog.pg_current_snapshot() s
"""


@dataclass(frozen=True, slots=True)
class ReadTerms:
    """How polls read: encoders for one thread, the most bytes of an event, and how long a statement may run."""

    encoder_of: Callable[[TablePlan], Encoder]
    event_bytes: int
    statement_timeout_s: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A row to publish: its key, Avro bytes and omitted columns; `known`: the topic holds another one of this key."""

    key: bytes
    row: bytes
    omitted: tuple[tuple[str, str], ...]
    digest: bytes
    known: bool


@dataclass(frozen=True, slots=True)
class RowsRead:
    """What one chunk brought: differences, how many rows and bytes were read, and where the next one begins.

    `gone` are keys that were asked for, and have no row. `seen_lsn`: rule V6.
    """

    differences: Sequence[Difference]
    rows: int
    size: int
    last_key: tuple[str, ...] | None
    complete: bool
    seen_lsn: int
    gone: Sequence[bytes] = ()


class NoKey(RecordError):
    """The columns that were named as a key are none: two rows have the same, or one is null."""


def moment(worker: Worker, table: PolledTable, terms: ReadTerms, *, system_id: str, timeline: int) -> Moment:
    """The server as it is now, before anything of a poll is read."""
    with _limited(worker, terms) as connection, translated("begin a poll"):
        row = connection.execute(_MOMENT).fetchone()
        assert row is not None
        newest = None
        if table.newer is not None:
            # Of rows whose time is still to come nothing says that others are older.
            past = f"{table.newer} OPERATOR(pg_catalog.<=) pg_catalog.now()"
            query = f"SELECT (max({table.newer}) FILTER (WHERE {past}))::text FROM {table.table.read.relation} AS r"
            [newest] = connection.execute(query.encode()).fetchone() or [None]
    horizon, next_xid, started_at, clock_us = row
    return Moment(system_id, timeline, started_at, horizon, next_xid, clock_us, newest)


def read_rows(
    worker: Worker,
    table: PolledTable,
    request: ChunkRequest,
    terms: ReadTerms,
    known: KnownRows,
    *,
    poll: int,
    since: int | None,
    checks_key: bool = False,
) -> RowsRead:
    """Read a chunk, and compare it with what the topic holds since a version; None: all rows go out.

    Raises `TransientError` where the table is another one by now, `NoKey`, and what the server says.
    """
    encoder = terms.encoder_of(request.table.plan)  # encoders are for one thread
    copy = lambda data: copied_row(encoder, data, max_bytes=terms.event_bytes)  # noqa: E731 - one use, typed by it
    with _limited(worker, terms) as connection:
        if checks_key:
            check_key(connection, table)
        files = files_now(connection, sorted(table.table.marks))
        try:
            read = read_chunk(worker, request, copy, delivered=frozenset(), timeout_s=terms.statement_timeout_s)
        except OutOfOrder as exc:
            raise _disorder(table) from exc
        _require_same(connection, table, files)
        with translated("wait for the server's log"):
            seen = flushed_behind(worker, connection, time.monotonic() + _FLUSH_WAIT_S)
    if seen is None:
        raise TransientError(
            expected=f"what was read to be on the server's disk within {_FLUSH_WAIT_S:g} s",
            found="a log that is not written",
            neighbour=Neighbour.POSTGRES,
        )
    chunk = read.chunk
    differences: list[Difference] = []
    if request.table is table.keys:
        known.seen([row[0] for row in chunk.rows], poll)
    elif since is None:
        differences = [Difference(*row, _digest(table.table, row), known=True) for row in chunk.rows]
    else:
        differences = list(_differences(chunk.rows, table.table, known, poll, since))
    gone: list[bytes] = []
    if request.keys is not None and chunk.complete:
        there = {row[0] for row in chunk.rows}
        gone = [key for key in request.keys if key not in there]
    return RowsRead(differences, len(chunk.rows), chunk.size, read.last_key, chunk.complete, seen, gone)


def _differences(
    rows: Sequence[CopiedRow], table: CapturedTable, known: KnownRows, poll: int, since: int
) -> Iterator[Difference]:
    digests = [_digest(table, row) for row in rows]
    compared = known.compare([(row[0], digest) for row, digest in zip(rows, digests, strict=True)], poll, since=since)
    for row, digest, differs in zip(rows, digests, compared, strict=True):
        if differs is not False:
            yield Difference(*row, digest, known=differs is not None)


def _digest(table: CapturedTable, row: CopiedRow) -> bytes:
    return row_digest(table.plan.fingerprint, row[1], row[2])


def _require_same(connection: Connection, table: PolledTable, files: tuple[int, ...]) -> None:
    """A rewrite, or a truncate, hides all rows from a snapshot that was taken before it: none need be gone."""
    if read_otherwise(connection, table.table):
        raise TransientError(
            f"the definition of table {table.name} changed while it was read", neighbour=Neighbour.POSTGRES
        )
    if files_now(connection, sorted(table.table.marks)) != files:
        raise TransientError(f"table {table.name} got another file while it was read", neighbour=Neighbour.POSTGRES)


def check_key(connection: Connection, table: PolledTable) -> None:
    """Raise `NoKey` where the columns that the settings name are no key: chunks alone would not tell, at their ends."""
    names = ", ".join(f"r.{column.name}" for column in table.table.read.key)
    null = " OR ".join(f"r.{column.name} IS NULL" for column in table.table.read.key)
    of = f"FROM {table.table.read.relation} AS r"
    query = (
        f"SELECT EXISTS (SELECT {of} WHERE {null})"
        f" OR EXISTS (SELECT {of} GROUP BY {names} HAVING pg_catalog.count(*) > 1)"
    )
    with translated("see whether the key is one"):
        [wrong] = connection.execute(query.encode()).fetchone() or [False]
    if wrong:
        raise _disorder(table)


def _disorder(table: PolledTable) -> NoKey:
    key, name = ", ".join(column.name for column in table.table.read.key), quote_table(table.name)
    return NoKey(
        expected=f"every row of {table.name} to have a key ({key}) of its own, in its order",
        found="two rows with the same, a null, or another order",
        remedy=f"SELECT {key}, count(*) FROM {name} GROUP BY {key} HAVING count(*) > 1 shows which; "
        "name other columns in the setting 'keys'",
    )


@contextmanager
def _limited(worker: Worker, terms: ReadTerms) -> Iterator[Connection]:
    """No statement runs longer than it may; the connection's other users are not limited."""
    connection = worker.connection
    try:
        with translated("limit the time of a poll"):
            connection.execute(f"SET statement_timeout = {int(terms.statement_timeout_s * 1000):d}")
        yield connection
        with translated("end the limit of a poll"):
            connection.execute("RESET statement_timeout")
    except RowferryError:
        worker.discard()
        raise
