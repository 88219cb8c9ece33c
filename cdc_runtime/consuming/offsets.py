"""
Which offsets may be committed.

Rule 1: the next offset to commit lies behind every record that was taken and is not done.
Rule 2: it never moves backwards.
Rule 3: gaps between taken offsets (compaction, transaction markers, aborted records) do not hold it up.
Rule 4: a record below it that is delivered again is not taken again.

Pure; one tracker per partition. Records are taken in rising order of offset and done in any order. Work per record
is constant on average: done offsets wait in a set until all before them are done.
"""

from __future__ import annotations

from collections import deque


class OffsetTracker:
    """Tracks one partition; `next_offset` may be committed at any time, None before anything was taken."""

    __slots__ = ("_done", "_newest", "_open", "next_offset")

    def __init__(self, next_offset: int | None = None) -> None:
        self.next_offset = next_offset
        self._newest = -1 if next_offset is None else next_offset - 1
        self._open: deque[int] = deque()  # taken and not passed, rising
        self._done: set[int] = set()  # done, but something before them is not

    def taken(self, offset: int) -> bool:
        """Note a record that was read; False when it was taken before, so that it must not be handled again."""
        if offset <= self._newest:
            return False
        self._newest = offset
        self._open.append(offset)
        if self.next_offset is None:
            self.next_offset = offset
        return True

    def done(self, offset: int) -> None:
        """Note that a record's effect is durable; one that is not open is ignored."""
        if not self._open or offset < self._open[0]:
            return
        self._done.add(offset)
        passed = False
        while self._open and self._open[0] in self._done:
            self._done.remove(self._open.popleft())
            passed = True
        if passed:
            # Up to the next open record, gaps included.
            self.next_offset = self._open[0] if self._open else self._newest + 1

    @property
    def open_count(self) -> int:
        """How many records are taken and not done."""
        return len(self._open) - len(self._done)

    @property
    def oldest_open(self) -> int | None:
        """The first record that holds up the commit."""
        return self._open[0] if self._open else None
