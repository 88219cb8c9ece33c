from __future__ import annotations

from typing import Any

import pytest

from file_fetcher.settlement import surplus

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
