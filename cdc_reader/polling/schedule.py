"""
When each polled table is read next (pure): never two polls of one at once, and not all at the same time.

Keeps: L1, D8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

_FIRST_RETRY_S = 5.0
_MOST_DOUBLED = 10
JITTER = 0.1  # of the interval: tables that began together drift apart


@dataclass(slots=True)
class _Turn:
    due: float
    failures: int = 0
    running: bool = False


class Schedule:
    """Times in monotonic seconds; `random` returns numbers from 0 to 1.

    `intervals` by table; `rests` are the seconds that are left of them, of those that another session has read.
    """

    def __init__(
        self,
        intervals: Mapping[str, float],
        rests: Mapping[str, float],
        *,
        parallel: int,
        random: Callable[[], float],
        now: float,
    ) -> None:
        self._intervals = intervals
        self._parallel = parallel
        self._random = random
        self._turns = {table: _Turn(now + rests.get(table, 0.0)) for table in intervals}

    def due(self, now: float) -> list[str]:
        """The tables to read now, those that wait longest first."""
        free = self._parallel - sum(turn.running for turn in self._turns.values())
        waiting = [table for table, turn in self._turns.items() if not turn.running and turn.due <= now]
        return sorted(waiting, key=lambda table: self._turns[table].due)[: max(free, 0)]

    def busy(self, table: str) -> bool:
        """Whether it is being read."""
        return self._turns[table].running

    def ended(self, table: str) -> None:
        """What was read was no poll."""
        self._turns[table].running = False

    def soon(self, table: str, now: float) -> None:
        """Read a table as soon as may be."""
        turn = self._turns[table]
        turn.due = min(turn.due, now)

    def began(self, table: str) -> None:
        """A poll began."""
        self._turns[table].running = True

    def succeeded(self, table: str, now: float) -> None:
        """A poll is over."""
        interval = self._intervals[table]
        jitter = interval * JITTER * (2 * self._random() - 1)
        self._turns[table] = _Turn(now + interval + jitter)

    def failed(self, table: str, now: float) -> float:
        """A poll failed; returns in how many seconds it is tried again: soon, but ever later."""
        turn = self._turns[table]
        pause_s = min(_FIRST_RETRY_S * (1 << turn.failures), max(self._intervals[table], _FIRST_RETRY_S))
        self._turns[table] = _Turn(now + pause_s, min(turn.failures + 1, _MOST_DOUBLED))
        return pause_s
