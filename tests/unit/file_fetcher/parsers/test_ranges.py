from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from file_fetcher.parsers.ranges import MOST_RUNS, Runs


def collected(*rows: tuple[str, int]):
    runs = Runs()
    for sheet, number in rows:
        runs.add(sheet, number)
    return runs.ranges()


def test_rows_in_a_row_are_a_run():
    assert collected(("A", 2), ("A", 3), ("A", 4)) == (("A", 2, 4),)


def test_empty_rows_and_other_sheets_part_runs():
    rows = (("A", 2), ("A", 5), ("A", 6), ("B", 2), ("B", 3))
    assert collected(*rows) == (("A", 2, 2), ("A", 5, 6), ("B", 2, 3))


def test_no_rows_are_no_runs():
    assert collected() == ()


def test_smallest_gaps_are_closed_when_runs_are_too_many():
    far = [("A", number * 100) for number in range(1, MOST_RUNS + 1)]
    assert collected(*far, ("A", MOST_RUNS * 100 + 2))[-1] == ("A", MOST_RUNS * 100, MOST_RUNS * 100 + 2)


@given(st.sets(st.tuples(st.sampled_from("AB"), st.integers(1, 5_000)), max_size=1_500))
def test_every_row_is_in_one_of_a_few_runs(rows):
    ranges = collected(*sorted(rows))
    assert len(ranges) <= MOST_RUNS
    inside = [sum(sheet == held and first <= number <= last for held, first, last in ranges) for sheet, number in rows]
    assert inside == [1] * len(rows)
