from __future__ import annotations

from typing import Any

import pytest

from file_fetcher.parsers.ranges import MOST_RUNS, Runs
from file_fetcher.references.changes import Holds
from file_fetcher.settling.settlement import settle
from file_fetcher.settling.spreadsheet_rows import in_closed_gap, surplus
from file_fetcher.work import ParsedRow
from schemas.file_results import FileRow
from tests.unit.file_fetcher.rows import OWN_TOPICS, TOPICS, done, got, reference, row, work

SURPLUS: dict[str, tuple[list[Any], list[Any], list[Any]]] = {
    "nothing before": ([], [("S", 1, 3)], []),
    "nothing now": ([("S", 1, 2)], [], [("S", 1), ("S", 2)]),
    "same": ([("S", 1, 3)], [("S", 1, 3)], []),
    "shorter": ([("S", 1, 4)], [("S", 1, 2)], [("S", 3), ("S", 4)]),
    "holes": ([("S", 1, 5)], [("S", 1, 1), ("S", 3, 3), ("S", 5, 9)], [("S", 2), ("S", 4)]),
    "other sheet": ([("S", 1, 1), ("T", 1, 1)], [("T", 1, 2)], [("S", 1)]),
}


@pytest.mark.parametrize(("old", "new", "expected"), SURPLUS.values(), ids=SURPLUS)
def test_surplus_is_what_only_the_old_has(old: Any, new: Any, expected: Any) -> None:
    assert list(surplus(old, new)) == expected


GAPS: dict[str, tuple[list[Any], list[Any], Any, list[int]]] = {
    "no gap": ([("S", 1, 9)], [("S", 1, 9)], ("S", 3, 4), []),
    "closed": ([("S", 1, 4), ("S", 6, 9)], [("S", 1, 9)], ("S", 3, 8), [4, 6, 7]),
    "between runs": ([("S", 1, 9)], [("S", 1, 3), ("S", 8, 9)], ("S", 3, 8), []),
    "nothing was there": ([("S", 1, 3)], [("S", 1, 9)], ("S", 3, 8), []),
    "other sheet": ([("T", 1, 9)], [("S", 1, 9)], ("S", 3, 8), []),
}


@pytest.mark.parametrize(("old", "new", "gap", "expected"), GAPS.values(), ids=GAPS)
def test_rows_that_were_in_a_gap_that_is_closed(old: Any, new: Any, gap: Any, expected: list[int]) -> None:
    assert list(in_closed_gap(old, new, gap)) == expected


def test_row_in_a_gap_that_was_closed_is_gone() -> None:
    old, new = Runs(), Runs()
    for number in (1, 2):
        old.add("S", number)
    numbers = range(1, 2 * MOST_RUNS + 2, 2)  # one run too many: the first gap is closed
    for number in numbers:
        new.add("S", number)
    assert new.ranges()[0] == ("S", 1, 3)
    outcome = got(new.ranges(), open_rows=lambda: (ParsedRow("S", number, {"A": "x"}) for number in numbers))
    first = settle(done(work(row(10, reference("a.csv"))), got(old.ranges())), None, OWN_TOPICS, 1)
    (held,) = (each.record for each in first.changes if isinstance(each, Holds))
    settlement = settle(done(work(row(11, reference("b.csv"))), outcome), held, OWN_TOPICS, 2)
    rows = [FileRow.from_json(each.value or b"") for each in settlement.all_writes() if each.topic == TOPICS.file_rows]
    assert [(each.row_number, each.version) for each in rows if each.gone] == [(2, 11 * 4096)]
    assert [each.row_number for each in rows if not each.gone] == list(numbers)
    assert settlement.size >= len(rows)
