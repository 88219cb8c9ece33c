"""
Where a timeline was left, from the text of TIMELINE_HISTORY (rule P4).

Keeps: P4.
"""

from __future__ import annotations

import re

from cdc_reader.postgres.lsn import Lsn

_LINE = re.compile(r"^\s*([0-9]+)\s+([0-9A-Fa-f]+/[0-9A-Fa-f]+)")


def switch_point(history: str, timeline: int) -> int | None:
    """The LSN at which the server's history left `timeline`; None when it was never on it."""
    for line in history.splitlines():
        match = _LINE.match(line)
        if match is not None and int(match[1]) == timeline:
            return Lsn.parse(match[2]).value
    return None
