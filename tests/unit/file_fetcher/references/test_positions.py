"""When reading may go on from a position."""

from __future__ import annotations

import pytest

from file_fetcher.references.positions import Extent, ReadPosition, usable

_DAY_MS = 86_400_000
_NOW_MS = 1_800_000_000_000


@pytest.mark.parametrize(
    ("position", "good"),
    {
        "in the middle": (ReadPosition("id", 50, _NOW_MS), True),
        "at the beginning": (ReadPosition("id", 10, _NOW_MS), True),
        "at the end": (ReadPosition("id", 90, _NOW_MS), True),
        "none": (None, False),
        "of a topic that was made again": (ReadPosition("old", 50, _NOW_MS), False),
        "before the first record": (ReadPosition("id", 9, _NOW_MS), False),
        "behind the last record": (ReadPosition("id", 91, _NOW_MS), False),
        "three days ago": (ReadPosition("id", 50, _NOW_MS - 3 * _DAY_MS), True),
        "longer ago": (ReadPosition("id", 50, _NOW_MS - 3 * _DAY_MS - 1), False),
        "by a clock that was ahead": (ReadPosition("id", 50, _NOW_MS + 4 * _DAY_MS), False),
    }.values(),
)
def test_a_position_is_usable_while_tombstones_behind_it_still_exist(position, good):
    assert usable(position, Extent("id", 10, 90), _NOW_MS) is good
