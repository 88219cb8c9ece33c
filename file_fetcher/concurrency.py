"""How many downloads at once (pure): one more for each round without trouble, a third less for each round with it."""

from __future__ import annotations

_LESS = 2 / 3
_PAUSE_S = 1.0  # one answer per round of requests counts, or a burst of refusals would stop everything


class Concurrency:
    """`limit` is how many may be under way. `now` is a monotonic clock in seconds."""

    def __init__(self, start: int, most: int) -> None:
        self._limit = float(min(start, most))
        self._most = most
        self._lowered_at = float("-inf")

    @property
    def limit(self) -> int:
        """Most downloads under way now."""
        return int(self._limit)

    def succeeded(self, under_way: int) -> None:
        """A download has ended well while so many were under way."""
        if under_way >= self.limit:
            self._limit = min(float(self._most), self._limit + 1 / self._limit)

    def throttled(self, now: float) -> None:
        """A store has asked for fewer requests, or did not answer in time."""
        if now - self._lowered_at >= _PAUSE_S:
            self._limit, self._lowered_at = max(1.0, self._limit * _LESS), now
