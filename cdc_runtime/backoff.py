"""
How long to wait after a failure: longer after each one in a row, up to a bound, and never at the same moment as others.

Pure: who waits brings the randomness (`uniform` returns numbers from 0 to 1) and does the waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_MOST_STEPS = 64  # far beyond any bound; a power of more would not fit into a float


@dataclass(frozen=True, slots=True)
class Delays:
    """The waits after 1, 2, 3 ... failures in a row; each is multiplied by a random number from the range `jitter`."""

    first_s: float
    longest_s: float
    factor: float = 2.0
    jitter: tuple[float, float] = (0.5, 1.0)

    def bound_s(self, failures: int) -> float:
        """The wait before jitter; `failures` counts from 1."""
        return min(self.longest_s, self.first_s * float(self.factor ** min(max(0, failures - 1), _MOST_STEPS)))

    def after_s(self, failures: int, uniform: Callable[[], float]) -> float:
        """The wait; `failures` counts from 1."""
        least, most = self.jitter
        return self.bound_s(failures) * (least + (most - least) * uniform())


# For a neighbour that is away: tried soon at first, and still often once it is away for long.
NEIGHBOUR_DELAYS = Delays(first_s=0.1, longest_s=15.0)


class Backoff:
    """Counts the failures in a row of one thing, and says how long to leave it alone after each."""

    def __init__(self, delays: Delays, uniform: Callable[[], float]) -> None:
        self._delays = delays
        self._uniform = uniform
        self.failures = 0

    def failed(self) -> float:
        """One more failure: the seconds to wait until the next try."""
        self.failures += 1
        return self._delays.after_s(self.failures, self._uniform)

    def succeeded(self) -> None:
        """It works: the next failure counts as the first."""
        self.failures = 0
