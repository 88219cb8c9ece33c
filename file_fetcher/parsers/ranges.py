"""
Which rows of a file's sheets were read, as few runs of numbers.

Rule: every row that was added is in a run. There are at most `MOST_RUNS`: past that the smallest gaps are closed, so
      that a sheet with thousands of empty rows does not fill the fetcher's state. Numbers in a closed gap had no row.
"""

from __future__ import annotations

from schemas.file_state import RowRange

MOST_RUNS = 200


class Runs:
    """Collects row numbers, which rise within a sheet."""

    def __init__(self) -> None:
        self._runs: list[RowRange] = []

    def add(self, sheet: str, number: int) -> None:
        """A row was read."""
        last_sheet, first, last = self._runs[-1] if self._runs else (None, 0, 0)
        if last_sheet == sheet and first <= number <= last + 1:
            self._runs[-1] = (sheet, first, max(number, last))
        else:
            self._runs.append((sheet, number, number))

    def ranges(self) -> tuple[RowRange, ...]:
        """The runs, in the order in which they were read."""
        surplus = len(self._runs) - MOST_RUNS
        if surplus <= 0:
            return tuple(self._runs)
        gaps = sorted(
            (after[1] - before[2], index)
            for index, (before, after) in enumerate(zip(self._runs, self._runs[1:], strict=False), 1)
            if before[0] == after[0] and after[1] > before[2]
        )
        closed = {index for _, index in gaps[:surplus]}
        joined: list[RowRange] = []
        for index, run in enumerate(self._runs):
            if index in closed:
                joined[-1] = (run[0], joined[-1][1], run[2])
            else:
                joined.append(run)
        return tuple(joined)
