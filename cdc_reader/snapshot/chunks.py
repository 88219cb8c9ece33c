"""
What a chunk is, and how large.

A chunk is a range of the primary key, read in key order from behind the last key done, bounded by rows and bytes
(rule S3); or a few single keys that were asked to be read again.

Keeps: S3.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChunkBounds:
    """How much one chunk may hold; the row limit is that of its query."""

    max_rows: int
    max_bytes: int


class ChunkSize:
    """How many rows to ask for: bounded by rows and by bytes, learnt from the chunk before (rule S3)."""

    __slots__ = ("_max_bytes", "_max_rows", "rows")
    FIRST_ROWS = 500  # before the width of a row is known

    def __init__(self, max_rows: int, max_bytes: int) -> None:
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self.rows = min(self.FIRST_ROWS, max_rows)

    def read(self, rows: int, size: int) -> None:
        """A chunk of `rows` rows took `size` bytes; the next one grows fourfold at most."""
        if rows:
            fitting = max(1, self._max_bytes * rows // max(size, 1))
            self.rows = max(1, min(self._max_rows, fitting, self.rows * 4))
