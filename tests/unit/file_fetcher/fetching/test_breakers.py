from __future__ import annotations

from file_fetcher.fetching.breakers import Breaker


def _open(at: float = 0.0) -> Breaker:
    """A breaker that was opened at that time, for five seconds."""
    breaker = Breaker(3, 5.0)
    assert breaker.failed(at, "network", wholly=True)
    return breaker


def test_failures_in_a_row_open_it() -> None:
    breaker = Breaker(3, 5.0)
    assert [breaker.failed(0.0, "network", wholly=False) for _ in range(3)] == [False, False, True]
    assert (breaker.is_open, breaker.reason, breaker.allows(4.9)) == (True, "network", False)


def test_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(2, 5.0)
    for _ in range(4):
        assert not breaker.failed(0.0, "network", wholly=False)
        assert not breaker.succeeded()
    assert breaker.allows(0.0)


def test_one_failure_that_is_of_the_whole_place_opens_it() -> None:
    assert Breaker(5, 5.0).failed(0.0, "bad_credentials", wholly=True)


def test_after_its_time_one_try_is_let_through() -> None:
    breaker = _open()
    assert breaker.wait_s(1.0) == 4.0
    assert [breaker.allows(now) for now in (4.9, 5.0, 5.0, 60.0)] == [False, True, False, False]


def test_probe_that_succeeds_closes_it() -> None:
    breaker = _open()
    breaker.allows(5.0)
    assert breaker.succeeded()
    assert (breaker.is_open, breaker.reason, breaker.wait_s(5.0), breaker.allows(5.0)) == (False, "", 0.0, True)


def test_probe_that_fails_doubles_the_time_up_to_five_minutes() -> None:
    breaker, now, waits = _open(), 0.0, []
    for _ in range(8):
        now += breaker.wait_s(now)
        assert breaker.allows(now)
        assert not breaker.failed(now, "network", wholly=False)
        waits.append(breaker.wait_s(now))
    assert waits == [10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]


def test_time_is_short_again_after_a_success() -> None:
    breaker = _open()
    breaker.allows(5.0)
    breaker.failed(5.0, "network", wholly=False)
    breaker.allows(15.0)
    breaker.succeeded()
    breaker.failed(20.0, "network", wholly=True)
    assert breaker.wait_s(20.0) == 5.0


def test_failure_of_what_was_under_way_when_it_opened_prolongs_nothing() -> None:
    breaker = _open()
    assert not breaker.failed(4.0, "network", wholly=True)
    assert breaker.wait_s(4.0) == 1.0


def test_probe_that_was_not_carried_out_leaves_room_for_the_next() -> None:
    breaker = _open()
    assert breaker.allows(5.0)
    breaker.gave_up()
    assert [breaker.allows(5.0), breaker.allows(5.0)] == [True, False]
