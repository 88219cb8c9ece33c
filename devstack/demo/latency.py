"""What a set of measured times says: how many, and by when half and nearly all were over (pure)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.005, 0.25


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from commit to arrival, over all that were seen; `of_what`: rows, or files."""

    count: int
    p50_s: float
    p99_s: float
    of_what: str = "rows"

    @classmethod
    def of(cls, seconds: Sequence[float], of_what: str = "rows") -> Latency | None:
        """The summary of measured times; None without any."""
        if not seconds:
            return None
        ordered = sorted(seconds)
        return cls(len(ordered), _rank(ordered, 0.50), _rank(ordered, 0.99), of_what)

    def __str__(self) -> str:
        return f"p50 {milliseconds(self.p50_s)}, p99 {milliseconds(self.p99_s)} ({self.count:,} {self.of_what})"


def pause_s(longest_wait_s: float) -> float:
    """How long to wait before looking again: looking is a load, and a twentieth of what is measured is exact enough."""
    return min(max(_SHORTEST_PAUSE_S, longest_wait_s / 20), _LONGEST_PAUSE_S)


def milliseconds(seconds: float) -> str:
    """A time for eyes."""
    return f"{seconds * 1000:,.1f} ms" if seconds < 0.1 else f"{seconds * 1000:,.0f} ms"


def _rank(ordered: Sequence[float], share: float) -> float:
    """The least value that so many are not above: always one that was measured."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
