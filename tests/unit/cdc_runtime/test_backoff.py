"""Waits grow to their bound, spread, and begin again after a success."""

from __future__ import annotations

import pytest

from cdc_runtime.backoff import Backoff, Delays

_PLAIN = Delays(first_s=0.1, longest_s=15.0, jitter=(1.0, 1.0))


def _most() -> float:
    return 1.0


def _least() -> float:
    return 0.0


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0.1), (1, 0.1), (2, 0.2), (5, 1.6), (8, 12.8), (9, 15.0), (5000, 15.0)]
)
def test_a_wait_doubles_up_to_its_bound(failures, seconds):
    assert _PLAIN.bound_s(failures) == pytest.approx(seconds)


def test_a_factor_of_three_gives_the_waits_of_a_transfer():
    delays = Delays(first_s=0.1, longest_s=2.0, factor=3.0, jitter=(1.0, 1.0))
    assert [delays.after_s(count, _most) for count in (1, 2, 3, 4, 5)] == pytest.approx([0.1, 0.3, 0.9, 2.0, 2.0])


@pytest.mark.parametrize(
    ("jitter", "least", "most"),
    [((0.5, 1.0), 0.2, 0.4), ((0.5, 1.5), 0.2, 0.6), ((1.0, 1.0), 0.4, 0.4)],
)
def test_jitter_is_a_range_of_parts(jitter, least, most):
    delays = Delays(first_s=0.1, longest_s=15.0, jitter=jitter)
    assert delays.after_s(3, _least) == pytest.approx(least)
    assert delays.after_s(3, _most) == pytest.approx(most)


def test_failures_in_a_row_are_counted():
    backoff = Backoff(Delays(first_s=0.2, longest_s=1.0), _most)
    assert [backoff.failed() for _ in range(5)] == pytest.approx([0.2, 0.4, 0.8, 1.0, 1.0])
    assert backoff.failures == 5


def test_after_a_success_the_next_failure_counts_as_the_first():
    backoff = Backoff(Delays(first_s=0.2, longest_s=1.0), _most)
    for _ in range(4):
        backoff.failed()
    backoff.succeeded()
    assert backoff.failed() == pytest.approx(0.2)
