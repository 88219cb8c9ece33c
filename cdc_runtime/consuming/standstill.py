"""
Whether a partition that is held moves (rule V12).

It stands still when something of it is unread or open, and nothing of it was read or done for `STANDS_AFTER_S`. That is
told when it begins, and every `TOLD_AGAIN_S`.

Pure; times are seconds of a monotonic clock.

Keeps: V12.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

# With a look each `LOOK_S` it is told within a minute.
STANDS_AFTER_S = 45.0
LOOK_S = 10.0
TOLD_AGAIN_S = 600.0


@dataclass(slots=True)
class Standstill:
    """How long one partition has stood where it is; `nothing_before`: up to this offset nothing can be read of it."""

    nothing_before: int = -1
    _at: Hashable = None
    _since_s: float = 0.0
    _told_s: float | None = None

    def look(self, at: Hashable, now_s: float, *, idle: bool) -> bool:
        """Whether it stands still; `at`: where it is, in whatever it moves; `idle`: nothing is left to do."""
        if idle or at != self._at:
            self._at, self._since_s, self._told_s = at, now_s, None
        return now_s - self._since_s >= STANDS_AFTER_S

    def stood_s(self, now_s: float) -> float:
        """For how long."""
        return now_s - self._since_s

    def tell(self, now_s: float) -> bool:
        """Whether it is to be told now that it stands still; then it counts as told."""
        if self._told_s is not None and now_s - self._told_s < TOLD_AGAIN_S:
            return False
        self._told_s = now_s
        return True
