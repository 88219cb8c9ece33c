"""
One chunk between its watermarks.

Rule 1 (DBLog): a row of the chunk whose key the stream wrote between low and high watermark is dropped: what the
stream said is newer.
Its snapshot sees every transaction that the stream delivered before the low watermark (rule S1).

Keeps: S2, S7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

# Row key, Avro row, and the columns that could not be carried with their reasons.
CopiedRow = tuple[bytes, bytes, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class ChunkRows:
    """What a chunk read: rows in key order. `complete`: nothing lies behind it.

    `size` counts the bytes read; `absent` are the keys that were asked for one by one and have no row.
    """

    rows: Sequence[CopiedRow]
    size: int
    complete: bool
    absent: Sequence[bytes] = ()


@dataclass(slots=True)
class Window:
    """A chunk that waits for its high watermark; `overtaken` collects the keys that the stream writes."""

    overtaken: set[bytes] = field(default_factory=set)

    def surviving(self, chunk: ChunkRows) -> Iterator[CopiedRow]:
        """The rows to publish at the high watermark."""
        return (row for row in chunk.rows if row[0] not in self.overtaken)

    def gone(self, chunk: ChunkRows) -> Iterator[bytes]:
        """The keys asked for that have no row, and about which the stream said nothing meanwhile."""
        return (key for key in chunk.absent if key not in self.overtaken)


def sweep_looks_wrong(scanned: int, *, expected: int) -> bool:
    """Whether a scan found so few rows that a sweep would rather destroy than mend (rule S7).

    `expected` is the row count of the last complete scan less the deletes seen since; at first the planner's
    estimate.
    """
    return scanned * 2 < expected
