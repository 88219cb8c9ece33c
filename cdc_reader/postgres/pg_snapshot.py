"""
Which transactions a snapshot sees (rules S1 and V5), from the text of `pg_current_snapshot()`.

A commit reaches the stream before other sessions see it. A read beside the stream is only right when it sees
everything that the stream delivered before it.

Keeps: S1, V5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.errors import ProtocolError

_TEXT = re.compile(r"([0-9]+):([0-9]+):([0-9,]*)")
_HALF = 1 << 31
_WHOLE = 1 << 32


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A `pg_snapshot`: transactions below `xmin` are over, those from `xmax` on not begun; 64-bit xids."""

    xmin: int
    xmax: int
    running: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Snapshot:
        """Read `xmin:xmax:xip,...`; raises `ProtocolError`."""
        if (match := _TEXT.fullmatch(text)) is None:
            raise ProtocolError(f"expected a snapshot like '10:20:10,14', got {text!r}")
        running = frozenset(int(xid) for xid in match[3].split(",") if xid)
        return cls(int(match[1]), int(match[2]), running)

    def widen(self, xid: int) -> int:
        """The 64-bit xid nearest to `xmax` among those whose low half is `xid` (signed 32-bit distance)."""
        distance = (xid - self.xmax) % _WHOLE
        return self.xmax + (distance - _WHOLE if distance >= _HALF else distance)

    def sees(self, xid: int) -> bool:
        """Whether the committed transaction with this 32-bit xid is visible; one at or above `xmax` is not."""
        wide = self.widen(xid)
        return wide < self.xmax and wide not in self.running

    def unseen(self, xids: Iterable[int]) -> set[int]:
        """Those of `xids` that this snapshot does not see yet."""
        return {xid for xid in xids if not self.sees(xid)}
