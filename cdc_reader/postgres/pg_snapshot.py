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
_LOW = (1 << 32) - 1


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

    def unseen(self, xids: Iterable[int]) -> set[int]:
        """Those committed transactions that this snapshot does not see yet, by their 64-bit xids.

        `xids` are 32-bit, or 64-bit: of those with the same low half, the one nearest to `xmax` is meant, and no
        server lets xids run 2**31 ahead of a slot. One at or above `xmax` is not visible. Many come at once.
        """
        xmax, running = self.xmax, self.running
        wide = [xmax - _HALF + ((xid - xmax + _HALF) & _LOW) for xid in xids]
        return {xid for xid in wide if xid >= xmax or xid in running}
