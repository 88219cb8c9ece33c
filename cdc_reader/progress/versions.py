"""
Versions: the numbers by which consumers tell newer from older.

Rule 1: every version handed out is greater than all before it, over every table and mode.
Rule 2: a version is the time in microseconds unless that would break rule 1 (rule V8: clocks run back).

Keeps: V8.
"""

from __future__ import annotations


class Versions:
    """Hands out versions; `last` is the greatest so far."""

    __slots__ = ("last",)

    def __init__(self, last: int) -> None:
        self.last = last

    def next(self, now_us: int) -> int:
        """The next version; `now_us` is the wall clock in microseconds since the Unix epoch."""
        self.last = now_us if now_us > self.last else self.last + 1
        return self.last


def seed(candidates: list[int], *, now_us: int) -> int:
    """The version to begin above: the greatest one known from any source, or just below now (rule V8)."""
    return max([*candidates, now_us - 1])
