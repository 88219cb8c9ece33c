from __future__ import annotations

import pytest

from vespa_sink.intake.topics import ListingTopic
from vespa_sink.writes.breaker import Breaker, RefusedAt, Thresholds

pytestmark = pytest.mark.rule("V13")
A, B = ListingTopic.TABLES, ListingTopic.FILES


def _breaker(**changed: float) -> Breaker:
    return Breaker(Thresholds(**changed), lambda: 1.0)  # type: ignore[arg-type]


def test_ten_refused_documents_of_a_table_open_it_and_no_other() -> None:
    breaker = _breaker()
    breaker.refused(B, 1.0)
    for _ in range(9):
        breaker.refused(A, 1.0)
    assert not breaker.is_open(A)
    breaker.refused(A, 1.0)
    assert list(breaker.open_tables()) == [A]
    assert (breaker.is_open(A), breaker.is_open(B)) == (True, False)


def test_table_of_which_some_pass_stays_closed_whatever_is_refused() -> None:
    breaker = _breaker()
    for _ in range(100):
        for _ in range(9):
            breaker.refused(A, 1.0)
        breaker.accepted(A)
    assert not breaker.is_open(A)


def test_one_accepted_document_closes_its_table() -> None:
    breaker = _breaker()
    for _ in range(10):
        breaker.refused(A, 1.0)
        breaker.refused(B, 1.0)
    breaker.accepted(A)
    assert list(breaker.open_tables()) == [B]


def test_documents_that_need_nothing_more_do_not_keep_a_table_open() -> None:
    breaker = _breaker()
    marks = [breaker.refused(A, 1.0) for _ in range(10)]
    breaker.left(A, marks[0])
    assert not breaker.is_open(A)
    breaker.accepted(A)
    breaker.refused(A, 2.0)
    breaker.left(A, marks[1])
    breaker.left(A, marks[2])
    for _ in range(9):
        breaker.refused(A, 2.0)
    assert breaker.is_open(A), "what was refused before one was accepted is not counted twice"


def test_refusal_is_final_after_a_rollout_while_others_of_its_table_pass() -> None:
    breaker = _breaker(rollout_s=300)
    mark = breaker.refused(A, 5.0)
    assert mark == RefusedAt(5.0, 0)
    breaker.accepted(A)
    assert not breaker.final(A, mark, 304.9)
    assert breaker.final(A, mark, 305.0)


def test_refusal_is_not_final_because_others_passed_before_it_or_in_another_table() -> None:
    breaker = _breaker(rollout_s=300)
    breaker.accepted(A)
    mark = breaker.refused(A, 5.0)
    breaker.accepted(B)
    assert not breaker.final(A, mark, 1000.0)


def test_refusal_of_a_table_that_has_no_others_is_final_when_a_probe_was_accepted_lately() -> None:
    breaker = _breaker(rollout_s=300)
    mark = breaker.refused(A, 5.0)
    breaker.probe_accepted(300.0)
    assert not breaker.final(A, mark, 304.9)
    assert breaker.final(A, mark, 309.9)
    assert not breaker.final(A, mark, 310.1)


def test_nothing_of_an_open_table_is_final() -> None:
    breaker = _breaker(rollout_s=300)
    marks = [breaker.refused(A, 5.0) for _ in range(10)]
    breaker.probe_accepted(1000.0)
    assert not breaker.final(A, marks[0], 1000.0)


def test_refused_probe_opens_every_table_of_which_nothing_passes() -> None:
    breaker = _breaker()
    breaker.refused(A, 1.0)
    breaker.refused(B, 1.0)
    breaker.accepted(B)
    breaker.probe_refused(2.0)
    assert list(breaker.open_tables()) == [A]
    breaker.probe_accepted(3.0)
    assert list(breaker.open_tables()) == []


def test_refused_probe_opens_nothing_while_all_tables_pass() -> None:
    breaker = _breaker()
    breaker.refused(A, 1.0)
    breaker.accepted(A)
    breaker.probe_refused(2.0)
    breaker.refused(A, 3.0)
    assert not breaker.is_open(A)


def test_index_is_asked_only_while_nothing_of_a_table_with_refused_documents_passes() -> None:
    breaker = _breaker()
    assert not breaker.probe_due(1.0)
    breaker.refused(A, 1.0)
    assert breaker.probe_due(1.0)
    breaker.probe_accepted(1.0)
    assert not breaker.probe_due(10.9)
    assert breaker.probe_due(11.1)
    breaker.accepted(A)
    assert not breaker.probe_due(11.1)


def test_probes_come_after_growing_pauses_up_to_half_a_minute() -> None:
    breaker = _breaker()
    breaker.refused(A, 0.0)
    now = 0.0
    for pause in (0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0):
        assert breaker.probe_due(now)
        breaker.probe_refused(now)
        assert not breaker.probe_due(now + pause - 0.01)
        now += pause + 0.01


def test_probe_without_an_answer_changes_nothing_but_the_next_time() -> None:
    breaker = _breaker()
    breaker.refused(A, 1.0)
    breaker.probe_failed(5.0)
    assert not breaker.is_open(A)
    assert not breaker.probe_due(5.1)
    assert breaker.probe_due(5.5)


def test_open_table_is_tried_after_growing_pauses_but_not_while_the_index_lacks_something() -> None:
    breaker = _breaker()
    for _ in range(10):
        breaker.refused(A, 0.0)
    assert breaker.to_try(0.3) == []
    assert breaker.to_try(0.5) == [A]
    breaker.tried(A, 0.5)
    assert breaker.to_try(1.2) == []
    assert breaker.to_try(1.4) == [A]
    breaker.probe_refused(1.4)
    assert breaker.to_try(100.0) == []
    breaker.probe_accepted(100.0)
    assert breaker.to_try(100.0) == [A]
