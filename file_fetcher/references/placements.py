"""
Whether records of `_file_refs` lie where their rows' partitions say (pure).

Rule: a row's partition p has its state in partition p modulo their number (rule F2). One record elsewhere is one
row's trouble. Many of them mean that the number was another one when they were written: partitions were added, and
what older records say would be hidden.

Keeps: D6, F2, P14.
"""

from __future__ import annotations

from itertools import chain
from math import gcd

from schemas.errors import RecordError

_LEAST = 2
_SHARE = 0.1  # of what was read
_MOST = 10_000


class Misplaced(RecordError):
    """State that lies in another partition than its row's partition says."""


class Placements:
    """What was read, with a number `of` partitions."""

    def __init__(self, of: int) -> None:
        self._of = of
        self._read = self._misplaced = self._differences = self._last = 0

    def saw(self, row_partition: int, partition: int) -> None:
        """The state of a row's partition was found in this one; raises `Misplaced`."""
        self._read += 1
        self._differences = gcd(self._differences, row_partition - partition)
        self._last = max(self._last, partition)
        if row_partition % self._of != partition:
            self._misplaced += 1
            raise Misplaced(
                f"expected the state of row partition {row_partition} in partition {row_partition % self._of} "
                f"of {self._of}, got it in {partition}"
            )

    @property
    def other_number(self) -> int | None:
        """The number with which all that was read lies where it should; None where `of` is right."""
        if self._misplaced < max(_LEAST, self._read * _SHARE):
            return None
        fewer, more = range(self._of - 1, self._last, -1), range(max(self._of, self._last) + 1, _MOST)
        return next((each for each in chain(fewer, more) if self._differences % each == 0), None)
