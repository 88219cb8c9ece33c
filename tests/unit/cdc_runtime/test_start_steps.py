from __future__ import annotations

from collections.abc import Callable

import pytest

from cdc_runtime import start_steps
from cdc_runtime.drain import Drain
from cdc_runtime.start_steps import StartEnded, keep_trying
from schemas.errors import AccessDenied, Neighbour, NeighbourMissing, Unreachable

ABSENT = Unreachable("expected Kafka to answer, got nothing", neighbour=Neighbour.KAFKA, remedy="start it")


class Clock:
    def __init__(self, drain: Drain, *, stops_at: float | None = None) -> None:
        self.now = 100.0
        self._drain, self._stops_at = drain, stops_at

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        if self._stops_at is not None and self.now >= self._stops_at:
            self._drain.stop()
        return self._drain.stopping


@pytest.fixture
def drain() -> Drain:
    return Drain(60)


@pytest.fixture
def clock(drain: Drain, monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock(drain)
    monkeypatch.setattr(start_steps, "time", made)
    monkeypatch.setattr(drain, "wait", made.wait)
    return made


def absent_until(clock: Clock, there_at: float) -> Callable[[], str]:
    def step() -> str:
        if clock.now < there_at:
            raise ABSENT
        return f"there at {clock.now:g}"

    return step


@pytest.mark.rule("P15")
def test_p15_step_is_tried_until_the_neighbour_is_there(drain: Drain, clock: Clock) -> None:
    assert keep_trying(absent_until(clock, 159.5), 60, drain) == "there at 159.5"


@pytest.mark.rule("P15")
def test_p15_start_ends_with_the_neighbour_when_the_time_is_over_and_not_before(drain: Drain, clock: Clock) -> None:
    with pytest.raises(NeighbourMissing) as caught:
        keep_trying(absent_until(clock, 10_000), 60, drain)
    assert clock.now == 160
    assert (caught.value.neighbour, caught.value.remedy) == (Neighbour.KAFKA, "start it")
    assert str(caught.value) == "expected Kafka to answer, got nothing (waited 60 s)"


def test_step_that_returns_nothing_is_over(drain: Drain, clock: Clock) -> None:
    assert keep_trying(lambda: None, 60, drain) is None


def test_what_does_not_pass_ends_the_start_at_once(drain: Drain, clock: Clock) -> None:
    def step() -> None:
        raise AccessDenied("no")

    with pytest.raises(AccessDenied):
        keep_trying(step, 60, drain)
    assert clock.now == 100


def test_end_that_is_asked_for_ends_the_start(drain: Drain, clock: Clock) -> None:
    clock._stops_at = 120
    with pytest.raises(StartEnded):
        keep_trying(absent_until(clock, 10_000), 60, drain)
    assert clock.now == 120
