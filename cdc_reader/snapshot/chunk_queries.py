"""
Edge: the read of one chunk, run in a side worker.

The order of `read_chunk` is rule S1: the low watermark was received before it is called; the snapshot is taken
until it sees every transaction that the stream delivered before; only then are rows read in it.

Keeps: S1, S3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cdc_reader.postgres.connections import translated
from cdc_reader.postgres.visible_reads import begin_seeing, copy_rows
from cdc_reader.postgres.workers import Worker
from cdc_reader.snapshot.chunks import ChunkBounds
from cdc_reader.snapshot.window import ChunkRows, CopiedRow
from schemas.keys import parse_row_key

CopyRow = Callable[[bytes], CopiedRow]


@dataclass(frozen=True, slots=True)
class ChunkRead:
    """A chunk as read: its rows, and the key behind which the next one begins (None: no row was there)."""

    chunk: ChunkRows
    last_key: tuple[str, ...] | None


def read_chunk(
    worker: Worker, query: str, copy_row: CopyRow, *, bounds: ChunkBounds, delivered: frozenset[int], timeout_s: float
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
