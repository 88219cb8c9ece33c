"""The transition table of transactions, line by line."""

from __future__ import annotations

import pytest

from file_fetcher.settling.transaction_states import (
    Failures,
    InDoubt,
    Pausing,
    Ready,
    State,
    at,
    certain,
    doubts,
    failed,
    happened,
)

ONCE, TWICE = Failures(1, "no answer"), Failures(2, "still none")
TIMES: dict[str, tuple[State, float, State]] = {
    "ready stays": (Ready(), 9.0, Ready()),
    "a pause lasts": (Pausing(10.0, frozenset({1}), ONCE), 9.9, Pausing(10.0, frozenset({1}), ONCE)),
    "a pause ends in doubt": (Pausing(10.0, frozenset({1}), ONCE), 10.0, InDoubt(frozenset({1}), ONCE)),
    "a pause without doubt ends": (Pausing(10.0, frozenset(), ONCE), 10.0, Ready(ONCE)),
    "doubt does not end by itself": (InDoubt(frozenset({1}), ONCE), 99.0, InDoubt(frozenset({1}), ONCE)),
}


@pytest.mark.parametrize(("before", "now", "after"), TIMES.values(), ids=TIMES)
def test_time_ends_pauses_alone(before: State, now: float, after: State) -> None:
    assert at(before, now) == after


@pytest.mark.rule("F1")
def test_f1_what_failed_is_in_doubt_of_all_that_it_wrote_to() -> None:
    """Red when a transaction that failed leaves no doubt (`failed` without its partitions)."""
    assert failed(Ready(), "no answer", [1, 2, 1], until=10.0) == Pausing(10.0, frozenset({1, 2}), ONCE)


def test_doubt_lasts_until_memory_was_read_again() -> None:
    doubtful = InDoubt(frozenset({1}), ONCE)
    assert failed(doubtful, "still none", (), until=20.0) == Pausing(20.0, frozenset({1}), TWICE)
    assert certain(doubtful) == Ready(ONCE)


def test_failures_are_counted_until_a_transaction_happens() -> None:
    assert failed(Ready(ONCE), "still none", [], until=20.0).failures == TWICE
    assert happened() == Ready(Failures(0, ""))


def test_memory_is_in_doubt_during_a_pause_as_well() -> None:
    partitions = frozenset({1})
    states: list[State] = [Ready(ONCE), Pausing(1.0, partitions, ONCE), InDoubt(partitions, ONCE)]
    assert [doubts(state) for state in states] == [frozenset(), partitions, partitions]
