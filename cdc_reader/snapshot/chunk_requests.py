"""
Which rows the next chunk of a scan is to hold, and the statement that reads them.

Keeps: S3.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdc_reader.postgres.row_queries import ReadPlan
from cdc_reader.snapshot.chunks import ChunkBounds
from cdc_reader.snapshot.scans import Scan
from cdc_reader.tables.captured import CapturedTable
from schemas.keys import parse_row_key


@dataclass(frozen=True, slots=True)
class ChunkRequest:
    """What a worker is to read: a range of a table, or of one `leaf` of it (its OID), or some keys of the table."""

    table: CapturedTable
    query: str
    bounds: ChunkBounds
    keys: list[bytes] | None = None
    leaf: int | None = None

    @property
    def read(self) -> ReadPlan:
        """How the rows are selected."""
        return self.table.read if self.leaf is None else self.table.leaf_reads[self.leaf]

    @property
    def tells_leaves(self) -> bool:
        """Whether the server says of each row whether its leaf is streamed."""
        return self.keys is None and self.leaf is None and self.table.read.leaves is not None


def next_chunk(scan: Scan, table: CapturedTable, *, max_bytes: int) -> ChunkRequest:
    """The next rows behind what the scan has done, or the next of the keys that it was asked for."""
    if scan.keys is None:
        limit = scan.size.rows
        read = table.read if scan.leaf is None else table.leaf_reads[scan.leaf]
        return ChunkRequest(
            table, read.range_query(scan.last_key, limit), ChunkBounds(limit, max_bytes), leaf=scan.leaf
        )
    keys = list(scan.next_keys())
    query = table.read.keys_query([parse_row_key(key) for key in keys])
    return ChunkRequest(table, query, ChunkBounds(len(keys) + 1, max_bytes), keys)
