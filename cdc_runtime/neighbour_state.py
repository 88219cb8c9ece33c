"""
Whether a neighbour counts as there (pure; one for each neighbour). `now` is a monotonic clock in seconds.

Rule 1: it is lost when it has not answered for `silence_s`; a shorter stall is no loss.
Rule 2: one answer brings it back.
Rule 3: time in which nobody looked (this process stood still, or had no processor) is not the neighbour's silence.

Keeps: P15.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# Looks come every second at most; one that is much later was held up with everything else here.
LOOK_S = 1.0
_HELD_UP_S = 5.0


@dataclass(slots=True)
class NeighbourState:
    """`began`: when it was first looked after; until its first answer it is neither there nor lost."""

    silence_s: float
    began: float
    lost: bool = False
    problem: str = ""
    remedy: str | None = None
    _heard: float = field(init=False)
    _looked: float = field(init=False)

    def __post_init__(self) -> None:
        self._heard = self._looked = self.began

    def answered(self, now: float) -> bool:
        """It gave an answer; True when that brings it back."""
        was_lost, self.lost = self.lost, False
        self._heard, self.problem = now, ""
        return was_lost

    def failed(self, problem: str, remedy: str | None = None) -> None:
        """It was asked and gave no answer."""
        self.problem, self.remedy = problem, remedy

    def look(self, now: float) -> bool:
        """Judge it; True when it is lost by this look."""
        if now - self._looked > _HELD_UP_S:
            self._heard = min(now, self._heard + now - self._looked)
        self._looked = now
        if self.lost or now - self._heard < self.silence_s:
            return False
        self.lost = True
        return True

    def silent_s(self, now: float) -> float:
        """How long it has not answered."""
        return now - self._heard

    def __str__(self) -> str:
        return f"no answer for {self.silence_s:g} s{f' ({self.problem})' if self.problem else ''}"
