"""
How much is read ahead: partitions pause at bounds of records and bytes, and resume at half of them.

Rule 1: a partition has a bound of its own.
Rule 2: partitions that stand still (nothing of them was done lately) together take half of what may be open, at most;
        those that move share what is left by them, half of it all at most. So what stands still (a type that the index
        does not take, a schema that is not known, a host that hangs) stops nothing else,
        and what begins to stand still leaves the other half free.
Rule 3: a partition of which nothing is open is read on beyond these bounds, a few records at a time, and one at a time
        where all is taken: when they are done, it moves. Only a quarter above the bounds stops it too.

Pure.

Keeps: V14.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

P = TypeVar("P", bound=Hashable)

_MOVES_S = 10.0  # a partition moves for so long after something of it was done
_BEYOND = 1.25
_BATCH = 500
_BATCH_AT_BOUND = 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that may be open: over all partitions, and in one."""

    records: int = 20_000
    bytes: int = 64 * 1024 * 1024
    partition_records: int = 5_000
    partition_bytes: int = 24 * 1024 * 1024


@dataclass(slots=True)
class _Open:
    records: int = 0
    bytes: int = 0
    held: bool = False

    def add(self, records: int, size: int) -> None:
        self.records += records
        self.bytes += size

    def look(self, records: int, size: int) -> bool:
        """Whether it is held at these bounds now, and until half of them."""
        if self.held:
            self.held = self.records > records // 2 or self.bytes > size // 2
        else:
            self.held = self.records >= records or self.bytes >= size
        return self.held


@dataclass(slots=True)
class _Partition:
    open: _Open = field(default_factory=_Open)
    done: bool = False  # something, since the last turn
    moves_until: float = float("-inf")
    paused: bool = False


class Backpressure(Generic[P]):
    """Counts what is open and says which partitions to pause and which to resume."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._partitions: dict[P, _Partition] = {}
        self._moving = _Open()
        self._standing = _Open()

    @property
    def records(self) -> int:
        """How many records are open, over all partitions."""
        return sum(each.open.records for each in self._partitions.values())

    @property
    def batch(self) -> int:
        """How many records to read at once."""
        if self._reaches(1.0):
            return 1
        batch = _BATCH_AT_BOUND if self._moving.held or self._standing.held else _BATCH
        return max(1, min(batch, self._bounds.partition_records // 2))

    def add(self, partition: P) -> None:
        """A partition is read from now on."""
        self._partitions.setdefault(partition, _Partition())

    def taken(self, partition: P, size: int, records: int = 1) -> None:
        """A record of `size` bytes was read, which counts as so many."""
        self._partitions.setdefault(partition, _Partition()).open.add(records, size)

    def done(self, partition: P, size: int, records: int = 1) -> None:
        """A record is done; without effect for a partition that was dropped."""
        found = self._partitions.get(partition)
        if found is not None:
            found.open.add(-records, -size)
            found.done = True

    def holds(self, partition: P) -> bool:
        """Whether a partition was to be paused at the last turn."""
        found = self._partitions.get(partition)
        return found is not None and found.paused

    def drop(self, partition: P) -> None:
        """Forget a partition and all that is open in it."""
        self._partitions.pop(partition, None)

    def turn(self, now: float) -> tuple[list[P], list[P]]:
        """The partitions to pause and to resume since the last turn."""
        self._count(now)
        records, size = self._bounds.records, self._bounds.bytes
        standing = self._standing.look(records // 2, size // 2)
        moving = self._moving.look(
            records - max(self._standing.records, records // 2), size - max(self._standing.bytes, size // 2)
        )
        beyond = self._reaches(_BEYOND)
        pause: list[P] = []
        resume: list[P] = []
        for partition, each in self._partitions.items():
            own = each.open.look(self._bounds.partition_records, self._bounds.partition_bytes)
            shared = moving if now < each.moves_until else standing
            hold = own or (shared if each.open.records else beyond)
            if hold != each.paused:
                (pause if hold else resume).append(partition)
                each.paused = hold
        return pause, resume

    def _count(self, now: float) -> None:
        """What is open in the partitions that move, and in the others."""
        moving, standing = self._moving, self._standing
        moving.records = moving.bytes = standing.records = standing.bytes = 0
        for each in self._partitions.values():
            if each.done:
                each.done, each.moves_until = False, now + _MOVES_S
            (moving if now < each.moves_until else standing).add(each.open.records, each.open.bytes)

    def _reaches(self, share: float) -> bool:
        """Whether all that was open at the last turn is so much of the bounds."""
        records, size = self._moving.records + self._standing.records, self._moving.bytes + self._standing.bytes
        return records >= share * self._bounds.records or size >= share * self._bounds.bytes
