from __future__ import annotations

import pytest

from tests.waiting import eventually, eventually_async


def test_first_true_value_is_returned() -> None:
    answers = iter([None, 0, "", "yes", "no"])
    assert eventually(lambda: next(answers), 5) == "yes"


def test_deadline_names_what_was_awaited_and_what_came_last() -> None:
    with pytest.raises(AssertionError, match=r"^expected rows within 0\.05 s, last got \[\]$"):
        eventually(lambda: [], 0.05, "rows")


async def test_condition_may_be_awaited() -> None:
    answers = iter([0, 7])

    async def ask() -> int:
        return next(answers)

    assert await eventually_async(ask, 5) == 7


async def test_awaited_condition_has_a_deadline_too() -> None:
    async def never() -> bool:
        return False

    with pytest.raises(AssertionError, match=r"^expected a condition within 0\.05 s, last got False$"):
        await eventually_async(never, 0.05)
