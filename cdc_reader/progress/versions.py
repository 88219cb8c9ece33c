"""
Versions: the numbers by which consumers tell newer from older.

Rule 1: every version given out is greater than all before it, over every table and mode.
Rule 2: a version is the time in microseconds unless that would break rule 1 (rule V8: clocks run back).
"""

from __future__ import annotations


class Versions:
    """Gives out versions; `last` is the greatest given out so far."""

    __slots__ = ("last",)

    def __init__(self, last: int) -> None:
        self.last = last

    def next(self, now_us: int) -> int:
        """The next version; `now_us` is the wall clock in microseconds since the Unix epoch."""
        self.last = now_us if now_us > self.last else self.last + 1
        return self.last


def seed(candidates: list[int], *, now_us: int) -> int:
    """The version to begin above: the greatest one known from any place, or just below now (rule V8)."""
    return max([*candidates, now_us - 1])
