from __future__ import annotations

import pytest

from file_fetcher.failures import Blocked, Cancelled, Failed, Later, Skipped, Throttled
from file_fetcher.fetching.retry_policy import Try, after, left_alone
from file_fetcher.work import Again, Not

DELAYS_S = (5.0, 30.0, 300.0)
ORIGIN = "s3:photos"


def _none() -> float:
    return 0.0


def _all() -> float:
    return 1.0


def test_later_waits_longer_each_time_and_fails_in_the_end() -> None:
    problem = Later("not_found", "no such object")
    assert [after(problem, Try(attempt, ORIGIN, 1_000), DELAYS_S, _none) for attempt in range(4)] == [
        Again(1, 6_000, "not_found", ORIGIN),
        Again(2, 31_000, "not_found", ORIGIN),
        Again(3, 301_000, "not_found", ORIGIN),
        Not(True, "not_found", "no such object", ORIGIN),
    ]


def test_pause_is_a_fifth_longer_at_most() -> None:
    problem = Later("network", "no answer")
    assert after(problem, Try(1, ORIGIN, 0), DELAYS_S, _all) == Again(2, 36_000, "network", ORIGIN)


def test_throttled_counts_as_an_attempt() -> None:
    assert after(Throttled("throttled", "slow down"), Try(0, ORIGIN, 0), DELAYS_S, _none) == Again(
        1, 5_000, "throttled", ORIGIN
    )


@pytest.mark.parametrize("attempt", [0, 3, 100])
def test_blocked_uses_up_no_attempt_and_never_fails(attempt: int) -> None:
    problem = Blocked("bad_credentials", "refused")
    assert after(problem, Try(attempt, ORIGIN, 0), DELAYS_S, _none) == Again(attempt, 5_000, "bad_credentials", ORIGIN)


def test_blocked_waits_even_where_no_pauses_are_set() -> None:
    assert after(Blocked("network", "refused"), Try(0, ORIGIN, 0), (), _none) == Again(0, 1_000, "network", ORIGIN)


@pytest.mark.parametrize("attempt", [0, 3])
def test_skipped_and_failed_are_final_at_any_attempt(attempt: int) -> None:
    assert after(Skipped("empty", "0 bytes"), Try(attempt, ORIGIN, 0), DELAYS_S, _none) == Not(
        False, "empty", "0 bytes", ORIGIN
    )
    assert after(Failed("no_such_bucket", "none"), Try(attempt, ORIGIN, 0), DELAYS_S, _none) == Not(
        True, "no_such_bucket", "none", ORIGIN
    )


def test_without_pauses_the_first_failure_is_the_last() -> None:
    assert after(Later("not_found", "none"), Try(0, ORIGIN, 0), (), _none) == Not(True, "not_found", "none", ORIGIN)


def test_place_that_is_left_alone_uses_up_no_attempt() -> None:
    assert left_alone(Try(2, ORIGIN, 1_000), "network", 4.0, _none) == Again(2, 6_000, "network", ORIGIN)
    assert left_alone(Try(2, ORIGIN, 1_000), "network", 0.0, _none) == Again(2, 2_000, "network", ORIGIN)


def test_cancelled_has_no_outcome() -> None:
    with pytest.raises(TypeError):
        after(Cancelled(), Try(0, ORIGIN, 0), DELAYS_S, _none)
