"""Whether state lies where it should: one record that does not is one row's trouble."""

from __future__ import annotations

from contextlib import suppress

import pytest

from file_fetcher.references.placements import Misplaced, Placements

# The number now, of before, and the partitions of rows.
GROWN = {
    "doubled": (6, 3, range(12)),
    "two more": (5, 3, range(12)),
    "one before": (4, 1, range(6)),
    "fewer, by a setting": (2, 3, range(12)),
    "as many as rows have": (12, 6, range(12)),
}


def _seen(of: int, pairs: list[tuple[int, int]]) -> Placements:
    placements = Placements(of)
    for pair in pairs:
        with suppress(Misplaced):
            placements.saw(*pair)
    return placements


@pytest.mark.rule("F2")
@pytest.mark.parametrize(("of", "before", "rows"), GROWN.values(), ids=GROWN)
def test_f2_partitions_that_were_added_are_told_with_the_number_of_before(of: int, before: int, rows: range) -> None:
    found = [(row, row % before) for row in rows if row % before < of]
    assert _seen(of, found).other_number == before


@pytest.mark.rule("P14")
@pytest.mark.parametrize("wrong", [(4, 0), (5, 1), (1, 0), (10**6, 2), (-4, 0)])
def test_p14_state_that_lies_elsewhere_is_one_rows_trouble(wrong: tuple[int, int]) -> None:
    placements = _seen(3, [(row, row) for row in range(3)])
    with pytest.raises(Misplaced, match="expected the state of row partition"):
        placements.saw(*wrong)
    assert placements.other_number is None


def test_p14_records_that_no_number_puts_right_are_their_own_trouble() -> None:
    assert _seen(6, [(4, 1), (5, 1), (1, 0), (3, 3)]).other_number is None


def test_f2_state_that_lies_right_says_nothing() -> None:
    assert _seen(6, [(row, row % 6) for row in range(24)]).other_number is None
