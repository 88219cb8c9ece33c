"""Polled tables take turns: none twice at once, none at the same time for ever, a failed one soon again."""

from __future__ import annotations

import pytest

from cdc_reader.polling.schedule import Schedule


def schedule(parallel: int = 1, random: float = 0.5, **intervals: float) -> Schedule:
    return Schedule(intervals or {"a": 100.0, "b": 100.0}, {}, parallel=parallel, random=lambda: random, now=0.0)


def test_what_another_session_has_read_waits_for_the_rest_of_its_interval() -> None:
    turns = Schedule({"a": 100.0, "b": 100.0}, {"a": 30.0}, parallel=2, random=lambda: 0.5, now=5.0)
    assert (turns.due(5.0), turns.due(35.0)) == (["b"], ["b", "a"])


@pytest.mark.rule("L1")
def test_l1_one_poll_of_a_table_at_once_and_as_many_as_may_run() -> None:
    turns = schedule()
    assert turns.due(0.0) == ["a"]
    turns.began("a")
    assert turns.due(0.0) == []
    turns.succeeded("a", 7.0)
    assert turns.due(7.0) == ["b"]
    assert not turns.busy("a")
    two = schedule(parallel=2, a=100.0)
    two.began("a")
    assert (two.due(0.0), two.busy("a")) == ([], True)


def test_those_that_wait_longest_come_first() -> None:
    turns = schedule(parallel=2)
    turns.succeeded("a", 5.0)
    turns.succeeded("b", 3.0)
    assert (turns.due(102.0), turns.due(103.0), turns.due(105.0)) == ([], ["b"], ["b", "a"])


def test_jitter_moves_the_next_poll_by_a_tenth() -> None:
    for random, due in ((0.0, 90.0), (1.0, 110.0)):
        turns = schedule(random=random, a=100.0)
        turns.succeeded("a", 0.0)
        assert (turns.due(due - 0.01), turns.due(due)) == ([], ["a"])


def test_d8_a_failed_poll_is_tried_soon_and_ever_later() -> None:
    turns = schedule(a=12.0)
    assert [turns.failed("a", 0.0) for _ in range(4)] == [5.0, 10.0, 12.0, 12.0]
    turns.succeeded("a", 0.0)
    assert turns.failed("a", 0.0) == 5.0
    assert [schedule(a=1.0).failed("a", 0.0)] == [5.0]


def test_what_is_asked_for_comes_soon() -> None:
    turns = schedule(a=100.0)
    turns.succeeded("a", 0.0)
    turns.soon("a", 4.0)
    assert turns.due(4.0) == ["a"]
    turns.began("a")
    turns.ended("a")
    assert turns.due(4.0) == ["a"]
