"""Lines of cells as a table for eyes (pure)."""

from __future__ import annotations

from collections.abc import Sequence


def lined_up(lines: Sequence[Sequence[str]]) -> list[str]:
    """The cells under each other: the first of each line to the left, numbers to the right."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return [_line(line, widths) for line in lines]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    numbers = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
    return "  ".join((cells[0].ljust(widths[0]), *numbers)).rstrip()
