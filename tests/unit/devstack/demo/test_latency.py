from __future__ import annotations

import pytest

from devstack.demo.latency import Latency, milliseconds, pause_s


def test_no_times_have_no_latency() -> None:
    assert Latency.of([]) is None


@pytest.mark.parametrize(
    ("seconds", "latency"),
    [
        ([0.5], Latency(1, 0.5, 0.5)),
        ([0.3, 0.1, 0.2], Latency(3, 0.2, 0.3)),
        ([number / 1000 for number in range(1, 101)], Latency(100, 0.05, 0.099)),
        ([number / 1000 for number in range(1, 102)], Latency(101, 0.051, 0.1)),
    ],
    ids=["one", "three", "a hundred", "a hundred and one"],
)
def test_ranks_are_times_that_were_measured(seconds: list[float], latency: Latency) -> None:
    assert Latency.of(seconds) == latency


def test_latency_is_told_in_milliseconds() -> None:
    assert str(Latency(1234, 0.01234, 1.5)) == "p50 12.3 ms, p99 1,500 ms (1,234 rows)"


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0.0 ms"), (0.0999, "99.9 ms"), (0.1, "100 ms")])
def test_short_times_have_a_decimal(seconds: float, text: str) -> None:
    assert milliseconds(seconds) == text


@pytest.mark.parametrize(("waited_s", "expected_s"), [(0.0, 0.005), (0.1, 0.005), (1.0, 0.05), (60.0, 0.25)])
def test_what_is_slow_is_looked_at_seldom(waited_s: float, expected_s: float) -> None:
    assert pause_s(waited_s) == expected_s


def test_latency_tells_what_it_is_of() -> None:
    assert str(Latency.of([0.2], "files")) == "p50 200 ms, p99 200 ms (1 files)"
