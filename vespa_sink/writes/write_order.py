"""
The order of writes: which may be sent now.

Rule 1: at most one write of a document is under way.
Rule 2: of several waiting writes of one document only the newest is kept; the others are done at once, since the
        newest has the greater offset or the greater version, and their own offsets are not passed without it.
Rule 3: a barrier in a partition (a floor, rule V4) starts when every write of the partition before it is done,
        and everything of the partition after it waits until the barrier is done.
Rule 4: writes of different documents keep no order.
Rule 5: a write may be set aside: barriers of its partition do not wait for it, and a newer write of its document takes
        its place. A barrier behind it ends it when its version is below the barrier's: what it would write is gone.

a partition that is assigned again must have a new identity: what is under way for the old one has no consequence.
Leaves to others: what a write is, sending it, and which offsets may be committed.

Keeps: V4, V13.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

P = TypeVar("P", bound=Hashable)
W = TypeVar("W")


@dataclass(slots=True)
class Write(Generic[P, W]):
    """A write of one document: where it came from, which document, which version, and what to send."""

    partition: P
    document: str
    version: int
    content: W


@dataclass(slots=True)
class Barrier(Generic[P, W]):
    """Something that must stand alone in its partition; it ends what is aside with a version below `below`."""

    partition: P
    content: W
    below: int = 0


@dataclass(slots=True)
class _Partition(Generic[P, W]):
    open_writes: int = 0
    barrier: Barrier[P, W] | None = None
    running: bool = False
    behind: deque[Write[P, W] | Barrier[P, W]] = field(default_factory=deque)


class WriteOrder(Generic[P, W]):
    """Hands out writes and barriers as they may be carried out."""

    def __init__(self) -> None:
        self._partitions: dict[P, _Partition[P, W]] = {}
        self._waiting: dict[str, Write[P, W]] = {}  # the newest by document
        self._under_way: dict[str, Write[P, W]] = {}
        self._aside: dict[str, Write[P, W]] = {}
        self._ready: deque[str] = deque()
        self._barriers: deque[Barrier[P, W]] = deque()

    @property
    def barrier_ready(self) -> bool:
        """Whether `take_barrier` may return one."""
        return bool(self._barriers)

    def offer(self, item: Write[P, W] | Barrier[P, W]) -> list[Write[P, W]]:
        """Take an item in; returns the writes that it makes needless (itself, perhaps), which are done."""
        state = self._partitions.setdefault(item.partition, _Partition())
        if state.barrier is not None:
            state.behind.append(item)
            return []
        if isinstance(item, Barrier):
            state.barrier = item
            ended = self._ended_by(item)
            self._start_barrier(state)
            return ended
        return self._admit(state, item)

    def take(self) -> Write[P, W] | None:
        """The next write that may be sent; it counts as under way until `done`."""
        while self._ready:
            document = self._ready.popleft()
            write = self._waiting.pop(document, None)
            if write is not None:
                self._under_way[document] = write
                return write
        return None

    def take_barrier(self) -> Barrier[P, W] | None:
        """The next barrier whose partition is quiet; it stands until `barrier_done`."""
        while self._barriers:
            barrier = self._barriers.popleft()
            state = self._partitions.get(barrier.partition)
            if state is not None and state.barrier is barrier:
                return barrier
        return None

    def newer_waits(self, write: Write[P, W]) -> bool:
        """Whether trying this write again would be in vain: a newer one of its document waits behind it."""
        return write.document in self._waiting

    def done(self, write: Write[P, W]) -> None:
        """A write under way has ended, well or not."""
        if self._under_way.get(write.document) is write:
            del self._under_way[write.document]
            if write.document in self._waiting:
                self._ready.append(write.document)
        self._closed(write)

    def set_aside(self, write: Write[P, W]) -> list[Write[P, W]]:
        """
        A write under way will be tried again only after a while; nothing else waits for it until `take_back`.

        Returns it when that is needless: a newer one waits, a barrier ends it, or its partition was dropped.
        """
        state = self._partitions.get(write.partition)
        barrier = None if state is None else state.barrier
        ended = write.document in self._waiting or (barrier is not None and write.version < barrier.below)
        self.done(write)
        if state is None or ended:
            return [write]
        self._aside[write.document] = write
        return []

    def take_back(self, write: Write[P, W]) -> bool:
        """A write that was set aside is under way again; False when it needs nothing more."""
        if self._aside.get(write.document) is not write:
            return False
        del self._aside[write.document]
        self._under_way[write.document] = write
        self._partitions[write.partition].open_writes += 1
        return True

    def barrier_done(self, barrier: Barrier[P, W]) -> list[Write[P, W]]:
        """A barrier is carried out: what waited behind it comes in. Returns the writes made needless by it."""
        state = self._partitions.get(barrier.partition)
        if state is None or state.barrier is not barrier:
            return []
        state.barrier, state.running = None, False
        needless: list[Write[P, W]] = []
        while state.behind and state.barrier is None:
            needless.extend(self.offer(state.behind.popleft()))
        return needless

    def drop(self, partition: P) -> None:
        """Forget a partition: what waits is gone; what is under way ends without consequence."""
        if self._partitions.pop(partition, None) is None:
            return
        for writes in (self._waiting, self._aside):
            for document in [name for name, write in writes.items() if write.partition == partition]:
                del writes[document]

    def open_in(self, partition: P) -> int:
        """How many writes and barriers of a partition are not done, but for those that are aside."""
        state = self._partitions.get(partition)
        if state is None:
            return 0
        return state.open_writes + (state.barrier is not None) + len(state.behind)

    def _admit(self, state: _Partition[P, W], write: Write[P, W]) -> list[Write[P, W]]:
        under_way = self._under_way.get(write.document)
        if under_way is not None and under_way.partition == write.partition and under_way.version >= write.version:
            return [write]
        waiting = self._waiting.get(write.document)
        aside = self._aside.get(write.document)
        if any(each is not None and each.version >= write.version for each in (waiting, aside)):
            return [write]
        self._waiting[write.document] = write
        state.open_writes += 1
        if waiting is not None:
            self._closed(waiting)
            return [waiting]
        if under_way is None:
            self._ready.append(write.document)
        return [] if aside is None else [self._aside.pop(write.document)]

    def _ended_by(self, barrier: Barrier[P, W]) -> list[Write[P, W]]:
        """What is aside in a barrier's partition and needs nothing more because of it."""
        ended = [
            each
            for each in self._aside.values()
            if each.partition == barrier.partition and each.version < barrier.below
        ]
        for each in ended:
            del self._aside[each.document]
        return ended

    def _closed(self, write: Write[P, W]) -> None:
        state = self._partitions.get(write.partition)
        if state is not None:
            state.open_writes = max(0, state.open_writes - 1)
            self._start_barrier(state)

    def _start_barrier(self, state: _Partition[P, W]) -> None:
        if state.barrier is not None and not state.running and state.open_writes == 0:
            state.running = True
            self._barriers.append(state.barrier)
