"""
Up to where a topic's partition is known, and whether reading may go on from there.

Rule: a tombstone is kept for a week, and so is what it says. Who has not read for longer than `LONGEST_GAP_MS` reads
from the beginning, and drops what the topic no longer has.

Keeps: F2.
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.topics import TOMBSTONE_RETENTION_MS

# Well under the life of a tombstone: the clock may have been wrong at either end.
LONGEST_GAP_MS = 3 * 24 * 60 * 60 * 1000
assert 2 * LONGEST_GAP_MS < TOMBSTONE_RETENTION_MS


class ReadPosition(NamedTuple):
    """`read_ms`: when the partition of the topic with this id was known up to `next_offset` (Unix time)."""

    topic_id: str
    next_offset: int
    read_ms: int


class Extent(NamedTuple):
    """A partition as it is: the id of its topic, its first offset and the one behind its last."""

    topic_id: str
    begin: int
    end: int


def usable(position: ReadPosition | None, extent: Extent, now_ms: int) -> bool:
    """Whether reading may go on from there."""
    return (
        position is not None
        and position.topic_id == extent.topic_id
        and extent.begin <= position.next_offset <= extent.end
        and abs(now_ms - position.read_ms) <= LONGEST_GAP_MS
    )
