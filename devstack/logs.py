"""The line of a server's log that says why it ended."""

from __future__ import annotations

import re
from pathlib import Path

_TELLING = re.compile(r"FATAL|PANIC|ERROR|Exception|[Ee]rror:|No space left")
_TAIL_BYTES = 65_536
_WIDTH = 300


def size(log: Path) -> int:
    """Where the next start's lines will begin."""
    return log.stat().st_size if log.exists() else 0


def last_words(log: Path, start: int = 0) -> str:
    """The last line behind ``start`` that tells of an error, or else the last line at all."""
    if not log.exists():
        return "no log"
    with log.open("rb") as file:
        file.seek(max(start, size(log) - _TAIL_BYTES))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.search(line)]
    chosen = (telling or lines or ["an empty log"])[-1]
    return chosen if len(chosen) <= _WIDTH else chosen[: _WIDTH - 3] + "..."
