from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from file_fetcher.concurrency import Concurrency


def test_it_starts_where_it_is_told_and_never_above_the_most() -> None:
    assert Concurrency(8, 64).limit == 8
    assert Concurrency(8, 4).limit == 4


def test_a_round_of_successes_at_the_limit_adds_one() -> None:
    concurrency = Concurrency(4, 64)
    for _ in range(4):
        concurrency.succeeded(4)
    assert concurrency.limit == 4  # 4.87: each counts a little less than a quarter
    concurrency.succeeded(4)
    assert concurrency.limit == 5


def test_success_below_the_limit_adds_nothing() -> None:
    concurrency = Concurrency(4, 64)
    for _ in range(100):
        concurrency.succeeded(3)
    assert concurrency.limit == 4


def test_trouble_takes_a_third_once_a_second() -> None:
    concurrency = Concurrency(30, 64)
    for now in (0.0, 0.5, 0.9):
        concurrency.throttled(now)
    assert concurrency.limit == 20
    concurrency.throttled(1.0)
    assert concurrency.limit == 13


@given(st.lists(st.booleans(), max_size=200), st.integers(1, 20), st.integers(1, 20))
def test_limit_stays_between_one_and_the_most(steps: list[bool], start: int, most: int) -> None:
    concurrency = Concurrency(start, most)
    for now, well in enumerate(steps):
        if well:
            concurrency.succeeded(concurrency.limit)
        else:
            concurrency.throttled(float(now))
        assert 1 <= concurrency.limit <= most
