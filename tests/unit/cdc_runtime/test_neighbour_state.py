from __future__ import annotations

import pytest

from cdc_runtime.neighbour_state import NeighbourState


def looked_at(state: NeighbourState, begin: float, end: float) -> list[float]:
    """The seconds at which a look each second takes it for lost."""
    return [now for now in (begin + step for step in range(int(end - begin) + 1)) if state.look(now)]


@pytest.mark.rule("P15")
def test_p15_neighbour_is_lost_once_when_it_has_not_answered_for_so_long() -> None:
    state = NeighbourState(20, 100)
    looked_at(state, 101, 105)
    state.answered(105)
    assert looked_at(state, 106, 300) == [125]


@pytest.mark.rule("P15")
def test_p15_stall_of_ten_seconds_is_no_loss() -> None:
    state, lost, looked = NeighbourState(20, 0), [], 0
    for answered in (5, 10, 25, 30):  # asked every 5 s; what was asked at 15 is answered at 25
        lost += looked_at(state, looked + 1, answered)
        assert not state.answered(answered)
        looked = answered
    assert lost == []


@pytest.mark.rule("P15")
def test_p15_one_answer_brings_it_back_once() -> None:
    state = NeighbourState(20, 0)
    looked_at(state, 1, 30)
    assert [state.answered(30), state.answered(31)] == [True, False]
    assert not state.lost
    assert looked_at(state, 31, 60) == [51]


def test_neighbour_that_never_answered_is_lost_after_the_same_time() -> None:
    assert looked_at(NeighbourState(20, 50), 51, 100) == [70]


@pytest.mark.rule("P15")
def test_p15_time_in_which_nobody_looked_is_not_its_silence() -> None:
    state = NeighbourState(20, 0)
    looked_at(state, 1, 10)
    state.answered(10)
    looked_at(state, 11, 15)
    assert not state.look(600)  # this process stood still
    assert looked_at(state, 601, 700) == [615]


def test_reason_says_how_long_and_what_came_last() -> None:
    state = NeighbourState(20, 0)
    assert str(state) == "no answer for 20 s"
    state.failed("cannot connect")
    assert str(state) == "no answer for 20 s (cannot connect)"
    state.answered(1)
    assert str(state) == "no answer for 20 s"
