from __future__ import annotations

import pytest

from vespa_sink.writes.outage import Outage, wait_after


def _most() -> float:
    return 1.0


def test_few_failures_do_not_stop_the_others() -> None:
    outage = Outage(_most)
    for at in (1.0, 2.0):
        outage.failed(at, at + 0.1)
    assert not outage.lasting
    assert outage.allowed(50, 2.2)


def test_failures_in_a_row_leave_one_request_after_each_pause() -> None:
    outage = Outage(_most)
    for at in (1.0, 2.0, 3.0):
        outage.failed(at, at)
    assert outage.lasting
    assert outage.wait_s(3.0) == pytest.approx(0.1)
    assert not outage.allowed(0, 3.05)
    assert outage.allowed(0, 3.11)
    assert not outage.allowed(1, 3.11)
    outage.failed(3.2, 3.2)
    assert outage.wait_s(3.2) == pytest.approx(0.2)


def test_requests_sent_before_a_failure_are_part_of_it() -> None:
    outage = Outage(_most)
    for _ in range(50):
        outage.failed(1.0, 2.0)
    assert not outage.lasting


def test_any_answer_ends_the_outage() -> None:
    outage = Outage(_most)
    for at in (1.0, 2.0, 3.0):
        outage.failed(at, at)
    outage.answered()
    assert outage.allowed(50, 3.0)
    assert outage.wait_s(3.0) == 0


WAITS = {
    "no answer": (0, [0.1, 0.2, 0.4, 6.4, 15.0]),
    "in trouble": (503, [0.1, 0.2, 0.4, 6.4, 15.0]),
    "throttled": (429, [0.1, 0.2, 0.4, 1.0, 1.0]),
    "full": (507, [5.0, 5.0, 5.0, 6.4, 15.0]),
}


@pytest.mark.parametrize(("status", "waits"), WAITS.values(), ids=WAITS)
def test_wait_grows_with_each_try_up_to_the_bound_of_its_answer(status: int, waits: list[float]) -> None:
    assert [wait_after(status, attempt, _most) for attempt in (1, 2, 3, 7, 20)] == pytest.approx(waits)
