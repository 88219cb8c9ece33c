from __future__ import annotations

from vespa_sink.writes.breaker import Breaker, RejectedAt, Thresholds


def _breaker(**changed: float) -> Breaker:
    return Breaker(Thresholds(**changed), lambda: 1.0)  # type: ignore[arg-type]


def test_ten_rejections_in_a_row_open_it() -> None:
    breaker = _breaker()
    for _ in range(9):
        breaker.rejected(1.0)
    assert not breaker.open
    breaker.rejected(1.0)
    assert breaker.open


def test_success_between_begins_the_row_anew() -> None:
    breaker = _breaker()
    for _ in range(9):
        breaker.rejected(1.0)
    breaker.accepted()
    breaker.rejected(1.0)
    assert not breaker.open


def test_fifteen_of_the_last_hundred_open_it() -> None:
    breaker = _breaker()
    for _ in range(14):
        breaker.rejected(1.0)
        for _ in range(5):
            breaker.accepted()
    assert not breaker.open
    breaker.rejected(1.0)
    assert breaker.open


def test_old_rejections_do_not_count() -> None:
    breaker = _breaker()
    for _ in range(100):
        breaker.rejected(1.0)
        for _ in range(9):
            breaker.accepted()
    assert not breaker.open


def test_window_closes_after_a_hundred_answers_or_its_time() -> None:
    breaker = _breaker(window_s=10)
    held = breaker.rejected(5.0)
    assert held == RejectedAt(5.0, 1)
    for _ in range(99):
        breaker.accepted()
    assert not breaker.window_closed(held, 14.9)
    assert breaker.window_closed(held, 15.0)
    breaker.accepted()
    assert breaker.window_closed(held, 5.1)


def test_index_is_known_to_be_sound_for_a_while_after_an_accepted_probe() -> None:
    breaker = _breaker()
    assert not breaker.known_sound(1.0)
    breaker.probe_accepted(1.0)
    assert breaker.known_sound(10.9)
    assert not breaker.known_sound(11.1)


def test_rejected_probe_opens_it_although_few_documents_were_rejected() -> None:
    breaker = _breaker()
    breaker.rejected(1.0)
    breaker.probe_accepted(1.0)
    breaker.probe_rejected(2.0)
    assert breaker.open
    assert not breaker.known_sound(2.0)


def test_probes_of_an_open_breaker_come_after_growing_pauses_up_to_half_a_minute() -> None:
    breaker = _breaker(in_a_row=1)
    now, pauses = 0.0, []
    breaker.rejected(now)
    for _ in range(9):
        pauses.append(round(breaker.probe_wait_s(now), 1))
        assert not breaker.probe_due(now + pauses[-1] / 2)
        now += breaker.probe_wait_s(now)
        assert breaker.probe_due(now)
        breaker.probe_rejected(now)
    assert pauses == [0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


def test_accepted_probe_closes_it_and_counts_anew() -> None:
    breaker = _breaker()
    for _ in range(10):
        breaker.rejected(1.0)
    breaker.probe_accepted(2.0)
    assert not breaker.open
    for _ in range(9):
        breaker.rejected(2.0)
    assert not breaker.open


def test_probe_without_an_answer_changes_nothing_but_the_next_time() -> None:
    breaker = _breaker(in_a_row=1)
    breaker.rejected(1.0)
    breaker.probe_failed(5.0)
    assert breaker.open
    assert not breaker.probe_due(5.1)
