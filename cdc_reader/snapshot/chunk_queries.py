"""
Edge: the read of one chunk, run in a side worker.

The order of `read_chunk` is rule S1: the low watermark was received before it is called; the snapshot is taken
until it sees every transaction that the stream delivered before; only then are rows read in it. The server confirms
their order (rule S8), and the rows of leaves that are not streamed are dropped (rule D3).

Keeps: D3, S1, S3, S8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress

from cdc_reader.postgres.connections import translated
from cdc_reader.postgres.row_queries import confirmed, streamed
from cdc_reader.postgres.visible_reads import begin_seeing, copy_rows
from cdc_reader.postgres.workers import Worker
from cdc_reader.snapshot.chunk_requests import ChunkRequest
from cdc_reader.snapshot.window import ChunkRows, CopiedRow
from schemas.errors import RowferryError
from schemas.keys import parse_row_key

CopyRow = Callable[[bytes], CopiedRow]


class OutOfOrder(RowferryError):
    """The server read rows in another order than the one that continues behind them (rule S8)."""


@dataclass(frozen=True, slots=True)
class ChunkRead:
    """A chunk as read: its rows, and the key behind which the next one begins (None: no row was there)."""

    chunk: ChunkRows
    last_key: tuple[str, ...] | None


def read_chunk(
    worker: Worker, request: ChunkRequest, copy_row: CopyRow, *, delivered: frozenset[int], timeout_s: float
) -> ChunkRead:
    """Read one chunk by rule S1, bounded in rows and bytes (rule S3). Raises `OutOfOrder`."""
    bounds = request.bounds
    with translated("read a snapshot chunk"):
        connection = begin_seeing(worker, delivered, timeout_s)
        try:
            raw, cut = copy_rows(connection, request.query, bounds.max_bytes, texts=request.read.texts)
        finally:
            connection.execute("ROLLBACK")
    plain = confirmed(raw) if request.keys is None else raw
    if plain is None:
        raise OutOfOrder(f"expected the rows of {request.table.name} in the order of their key, got another")
    plain, sent = streamed(plain) if request.tells_leaves else (plain, [])
    rows = [copy_row(row) for row in plain]
    last_key = parse_row_key(rows[-1][0]) if rows else None  # also one of a leaf that is not streamed
    chunk = ChunkRows(
        rows=list(compress(rows, sent)) if request.tells_leaves else rows,
        size=sum(map(len, plain)),
        complete=not cut and len(rows) < bounds.max_rows,
    )
    return ChunkRead(chunk, last_key)
