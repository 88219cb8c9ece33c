"""
How much is read ahead: partitions pause at a bound of records and bytes, and resume at half of it.

A stuck partition must not stop the others, so each has a bound of its own below the one for all.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

P = TypeVar("P", bound=Hashable)


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
    paused: bool = False


class Backpressure(Generic[P]):
    """Counts what is open and says which partitions to pause and which to resume."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._partitions: dict[P, _Open] = {}
        self._all = _Open()

    @property
    def records(self) -> int:
        """How many records are open, over all partitions."""
        return self._all.records

    @property
    def bytes(self) -> int:
        """How many bytes they hold."""
        return self._all.bytes

    def taken(self, partition: P, size: int) -> None:
        """A record of `size` bytes was read."""
        opened = self._partitions.setdefault(partition, _Open())
        for counted in (opened, self._all):
            counted.records += 1
            counted.bytes += size

    def done(self, partition: P, size: int) -> None:
        """A record is done; without effect for a partition that was dropped."""
        opened = self._partitions.get(partition)
        if opened is None:
            return
        for counted in (opened, self._all):
            counted.records -= 1
            counted.bytes -= size

    def drop(self, partition: P) -> None:
        """Forget a partition and all that is open in it."""
        opened = self._partitions.pop(partition, None)
        if opened is not None:
            self._all.records -= opened.records
            self._all.bytes -= opened.bytes

    def turn(self) -> tuple[list[P], list[P]]:
        """The partitions to pause and to resume since the last turn."""
        self._all.paused = self._held(self._all, self._bounds.records, self._bounds.bytes)
        pause: list[P] = []
        resume: list[P] = []
        for partition, opened in self._partitions.items():
            hold = self._all.paused or self._held(opened, self._bounds.partition_records, self._bounds.partition_bytes)
            if hold != opened.paused:
                (pause if hold else resume).append(partition)
                opened.paused = hold
        return pause, resume

    @staticmethod
    def _held(opened: _Open, records: int, size: int) -> bool:
        if opened.paused:
            return opened.records > records // 2 or opened.bytes > size // 2
        return opened.records >= records or opened.bytes >= size
