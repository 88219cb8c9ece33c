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
from collections.abc import Iterable

from cdc_runtime.consuming.records import TopicPartition


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


class Offsets:
    """The trackers of all partitions that a consumer holds, and what was committed of each."""

    def __init__(self) -> None:
        self._trackers: dict[TopicPartition, OffsetTracker] = {}
        self._committed: dict[TopicPartition, int] = {}

    def assign(self, place: TopicPartition, next_offset: int | None = None) -> None:
        """Begin a partition, at its committed offset where there is one; what was known of it is forgotten."""
        self._trackers[place] = OffsetTracker(next_offset)
        self._committed.pop(place, None)
        if next_offset is not None:
            self._committed[place] = next_offset

    def drop(self, places: Iterable[TopicPartition]) -> None:
        """Forget partitions that were revoked or lost; later `done` calls for them have no effect."""
        for place in places:
            self._trackers.pop(place, None)
            self._committed.pop(place, None)

    def taken(self, place: TopicPartition, offset: int) -> bool:
        """Like `OffsetTracker.taken`; a partition that was not assigned begins here."""
        tracker = self._trackers.get(place)
        if tracker is None:
            tracker = self._trackers[place] = OffsetTracker()
        return tracker.taken(offset)

    def done(self, place: TopicPartition, offset: int) -> None:
        """Like `OffsetTracker.done`; ignored for a partition that was dropped."""
        tracker = self._trackers.get(place)
        if tracker is not None:
            tracker.done(offset)

    def committable(self, places: Iterable[TopicPartition] | None = None) -> dict[TopicPartition, int]:
        """The next offset of each partition (or of `places`) that has moved since `committed`."""
        chosen = self._trackers if places is None else [place for place in places if place in self._trackers]
        moved = {}
        for place in chosen:
            next_offset = self._trackers[place].next_offset
            if next_offset is not None and next_offset > self._committed.get(place, -1):
                moved[place] = next_offset
        return moved

    def committed(self, offsets: dict[TopicPartition, int]) -> None:
        """Note what the group coordinator has stored."""
        self._committed.update({place: offset for place, offset in offsets.items() if place in self._trackers})

    def tracker(self, place: TopicPartition) -> OffsetTracker | None:
        """The tracker of a partition that is held."""
        return self._trackers.get(place)

    @property
    def places(self) -> tuple[TopicPartition, ...]:
        """The partitions that are held."""
        return tuple(self._trackers)

    @property
    def open_count(self) -> int:
        """How many records are taken and not done, over all partitions."""
        return sum(tracker.open_count for tracker in self._trackers.values())
