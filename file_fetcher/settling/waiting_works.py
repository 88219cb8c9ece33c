"""
The finished works that wait for a transaction (pure).

Rule 1: the works of a transaction that did not happen come first, and together: their offsets are done already, and
        must not be committed without their effects.
Rule 2: a transaction stays well within its time: works that lead to many writes are shared out among several.
Rule 3: what waits for a partition that is no longer ours is forgotten.

Keeps: F1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

from cdc_runtime.consuming.records import TopicPartition
from file_fetcher.settling.settlement import Settlement
from file_fetcher.work import Work

# About a second's work; a transaction has 20.
_MOST_WRITES = 20_000


class WaitingWorks:
    """Works in the order in which they are settled."""

    def __init__(self) -> None:
        self._again: list[Work] = []
        self._later: list[Work] = []

    def __bool__(self) -> bool:
        return bool(self._again or self._later)

    @property
    def unsettled(self) -> bool:
        """Whether there are works whose transaction did not happen."""
        return bool(self._again)

    def add(self, works: Iterable[Work]) -> None:
        """Works have finished."""
        self._later += works

    def drop(self, partitions: set[TopicPartition]) -> None:
        """Forget what waits for these partitions."""
        self._again = [work for work in self._again if work.topic_partition not in partitions]
        self._later = [work for work in self._later if work.topic_partition not in partitions]

    def begin(self, settle: Callable[[Work], Settlement]) -> list[tuple[Work, Settlement]]:
        """The works of the next transaction, each with what it leads to: they count as tried until it has happened."""
        batch: list[tuple[Work, Settlement]] = []
        size = 0
        for work in chain(self._again, self._later):
            settlement = settle(work)
            size += settlement.size
            if size > _MOST_WRITES and batch and len(batch) >= len(self._again):
                break
            batch.append((work, settlement))
        self._later = [*self._again, *self._later][len(batch) :]
        self._again = [work for work, _ in batch]
        return batch

    def happened(self) -> None:
        """The transaction was committed."""
        self._again = []
