from __future__ import annotations

from cdc_runtime.throttle import Throttle


def _throttle(start: int = 4, maximum: int = 64) -> Throttle:
    return Throttle(start=start, minimum=2, maximum=maximum, uniform=lambda: 0.5)


def _run(throttle: Throttle, latency_of: object, seconds: float = 20.0) -> None:
    """A server that answers `latency_of(in flight)` seconds after each request."""
    assert callable(latency_of)
    now = 0.0
    while now < seconds:
        in_flight = throttle.limit
        now += latency_of(in_flight)
        for _ in range(in_flight):
            throttle.sent(now)
            throttle.succeeded()


def test_limit_begins_with_the_connections_of_the_settings() -> None:
    assert _throttle(start=4).limit == 4


def test_limit_rises_while_more_requests_give_more_answers() -> None:
    throttle = _throttle()
    _run(throttle, lambda in_flight: 0.01)
    assert throttle.limit > 40


def test_limit_stays_low_when_more_requests_only_wait_longer() -> None:
    throttle = _throttle()
    _run(throttle, lambda in_flight: 0.001 * in_flight)
    assert throttle.limit < 16


def test_limit_never_leaves_its_bounds() -> None:
    throttle = _throttle(start=1000)
    assert throttle.limit == 64
    for _ in range(100):
        throttle.throttled(0)
    assert throttle.limit == 2


def test_429_halves_the_limit() -> None:
    throttle = _throttle(start=64)
    throttle.throttled(0)
    assert throttle.limit == 32


def test_429s_of_one_round_halve_the_limit_once() -> None:
    throttle = _throttle(start=64)
    for in_flight in range(63, 40, -1):
        throttle.throttled(in_flight)
    assert throttle.limit == 32


def test_ten_successes_give_one_more_after_a_429() -> None:
    throttle = _throttle(start=64)
    throttle.throttled(0)
    for _ in range(10):
        throttle.succeeded()
    assert throttle.limit == 33
