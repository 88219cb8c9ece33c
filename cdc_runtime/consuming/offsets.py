"""
Which offsets may be committed.

Rule 1: the next offset to commit lies behind every record that was taken and is not done.
Rule 2: it never moves backwards.
Rule 3: gaps between taken offsets (compaction, transaction markers, aborted records) do not hold it up.
Rule 4: a record below it that is delivered again is not taken again.

Pure; one tracker per partition. Records are taken in rising order of offset and done in any order. Work per record
is constant on average, and memory is bounded by what is open, however far that is behind what is done.
"""

from __future__ import annotations

from collections import deque

_SLACK = 1024


class OffsetTracker:
    """Tracks one partition; `next_offset` may be committed at any time, None before anything was taken."""

    __slots__ = ("_newest", "_open", "_taken", "next_offset")

    def __init__(self, next_offset: int | None = None) -> None:
        self.next_offset = next_offset
        self._newest = -1 if next_offset is None else next_offset - 1
        self._taken: deque[int] = deque()  # rising; some of them are done
        self._open: set[int] = set()

    def taken(self, offset: int) -> bool:
        """Note a record that was read; False when it was taken before, so that it must not be handled again."""
        if offset <= self._newest:
            return False
        self._newest = offset
        self._taken.append(offset)
        self._open.add(offset)
        if self.next_offset is None:
            self.next_offset = offset
        return True

    def done(self, offset: int) -> None:
        """Note that a record's effect is durable; one that is not open is ignored."""
        if offset not in self._open:
            return
        self._open.remove(offset)
        taken = self._taken
        if taken[0] == offset:
            while taken and taken[0] not in self._open:
                taken.popleft()
            # Up to the next open record, gaps included.
            self.next_offset = taken[0] if taken else self._newest + 1
        elif len(taken) > 2 * len(self._open) + _SLACK:
            self._taken = deque(each for each in taken if each in self._open)

    @property
    def next_to_read(self) -> int:
        """The offset behind every record that was taken."""
        return self._newest + 1

    @property
    def open_count(self) -> int:
        """How many records are taken and not done."""
        return len(self._open)

    @property
    def oldest_open(self) -> int | None:
        """The first record that holds up the commit."""
        return self._taken[0] if self._taken else None
