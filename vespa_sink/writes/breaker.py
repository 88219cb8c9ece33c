"""
Whether rejections (400, 413) are the documents' fault or the index's. One breaker for each document type.

Rule 1: ten rejections in a row, or 15 % of the last hundred answers, open the breaker: nothing is sent.
Rule 2: a rejected document is held until its window closes: a hundred more answers, or a time. If the breaker is
        closed then, and a probe with every field is accepted, it goes to the dead letters.
Rule 3: while it is open, the probe is sent after growing pauses. Accepted, it closes the breaker, and everything
        that was held is sent once more; what is rejected again after that is the document's own fault.
Rule 4: so nothing is dead-lettered by an index that lacks the type or a field, however slow the traffic.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from cdc_runtime.backoff import Delays

_PROBE_DELAYS = Delays(first_s=0.4, longest_s=30.0)
_PROBE_HOLDS_S = 10.0  # an accepted probe speaks for the index this long


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When to open, and how long a rejected document is held."""

    in_a_row: int = 10
    ratio: float = 0.15
    of_last: int = 100
    window_s: float = 10.0


@dataclass(frozen=True, slots=True)
class RejectedAt:
    """When a document was rejected: by the clock, and by the count of answers."""

    at: float
    answers: int


class Breaker:
    """Counts answers, and says when to send, to probe, and to give a rejected document up."""

    def __init__(self, thresholds: Thresholds, uniform: Callable[[], float]) -> None:
        self.thresholds = thresholds
        self._uniform = uniform
        self._last: deque[bool] = deque(maxlen=thresholds.of_last)
        self._in_a_row = 0
        self._answers = 0
        self._openings = 0
        self._probe_at = float("-inf")
        self._sound_at = float("-inf")
        self.open = False

    def accepted(self) -> None:
        """A document was written, or was already there in a newer version."""
        self._count(rejected=False)
        self._in_a_row = 0
        self._openings = 0

    def rejected(self, now: float) -> RejectedAt:
        """A document was rejected for the first time; keep what is returned with it."""
        self._count(rejected=True)
        self._in_a_row += 1
        failures = sum(self._last)
        if self._in_a_row >= self.thresholds.in_a_row or failures >= self.thresholds.ratio * self.thresholds.of_last:
            self._trip(now)
        return RejectedAt(now, self._answers)

    def window_closed(self, rejected_at: RejectedAt, now: float) -> bool:
        """Whether the time to judge a rejected document has come (meaningless while the breaker is open)."""
        enough = self._answers - rejected_at.answers >= self.thresholds.of_last
        return enough or now - rejected_at.at >= self.thresholds.window_s

    def known_sound(self, now: float) -> bool:
        """Whether a probe was accepted lately, so that a rejected document can be given up."""
        return not self.open and now - self._sound_at < _PROBE_HOLDS_S

    def probe_due(self, now: float) -> bool:
        """Whether it is time to probe an open breaker."""
        return self.open and now >= self._probe_at

    def probe_wait_s(self, now: float) -> float:
        """Seconds until the next probe of an open breaker."""
        return max(0.0, self._probe_at - now)

    def probe_accepted(self, now: float) -> None:
        """The index has the type and every field: close, and start counting from nothing."""
        self._sound_at = now
        if self.open:
            self.open = False
            self._last.clear()
            self._in_a_row = 0

    def probe_rejected(self, now: float) -> None:
        """The index lacks something: open, or stay so."""
        self._sound_at = float("-inf")
        self._trip(now)

    def probe_failed(self, now: float) -> None:
        """The probe got no answer that says anything: ask again later."""
        if self.open:
            self._probe_at = now + self._pause()

    def _trip(self, now: float) -> None:
        self._openings += 1
        self._probe_at = now + self._pause()
        self.open = True

    def _pause(self) -> float:
        return _PROBE_DELAYS.after_s(self._openings, self._uniform)

    def _count(self, *, rejected: bool) -> None:
        self._answers += 1
        self._last.append(rejected)
