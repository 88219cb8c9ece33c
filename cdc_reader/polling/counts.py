"""What polls have read and found, as the metrics show it: how many rows are read for a change that is found."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from schemas.names import TableName


@dataclass(slots=True)
class Polled:
    """Since it was taken last. `ended`: polls by how they ended; `at_us`: when the last one that read all began."""

    rows: int = 0
    changes: int = 0
    ended: dict[str, int] | None = None
    at_us: int | None = None


class PollCounts:
    """By `str(TableName)`."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, Polled] = defaultdict(Polled)

    def read(self, table: TableName, rows: int) -> None:
        """Rows, or keys, were read."""
        self._counts[str(table)].rows += rows

    def over(self, table: TableName, state: str, *, changes: int, at_us: int | None) -> None:
        """A poll has ended so; it began at `at_us`, where it has read all."""
        counts = self._counts[str(table)]
        counts.changes += changes
        counts.ended = {**(counts.ended or {}), state: (counts.ended or {}).get(state, 0) + 1}
        counts.at_us = at_us if at_us is not None else counts.at_us

    def take(self) -> dict[str, Polled]:
        """What was done since the last call."""
        counts, self._counts = self._counts, defaultdict(Polled)
        return dict(counts)
