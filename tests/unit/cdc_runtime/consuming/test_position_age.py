from __future__ import annotations

import pytest

from cdc_runtime.consuming.position_age import CommittedPosition, PositionAge

HOUR = 3_600_000
NOW = 1_700_000_000_000


def begun(committed: CommittedPosition | None, now_ms: int = NOW) -> PositionAge:
    age = PositionAge()
    age.begin(committed, now_ms)
    return age


TEXTS = {
    "all": (CommittedPosition(5, NOW, "kz1"), "as_of_ms=1700000000000;topic_id=kz1"),
    "of an older release": (CommittedPosition(5, NOW), "as_of_ms=1700000000000"),
    "of results": (CommittedPosition(5, NOW, "kz1", "a,b"), "as_of_ms=1700000000000;topic_id=kz1;results_id=a,b"),
    "of unknown age": (CommittedPosition(5, None, "kz1"), "topic_id=kz1"),
    "nothing": (CommittedPosition(5, None), ""),
}


@pytest.mark.rule("V11")
@pytest.mark.parametrize(("position", "text"), TEXTS.values(), ids=TEXTS)
def test_v11_text_of_a_commit_reads_back(position: CommittedPosition, text: str) -> None:
    assert position.metadata == text
    assert CommittedPosition.read(5, text) == position


@pytest.mark.parametrize(
    "text", [None, "", "as_of_ms=", "as_of_ms=soon", "as_of_ms=0", "1700000000000", "topic_id=", ";=;", "x=1;topic"]
)
def test_text_of_others_says_nothing(text: str | None) -> None:
    assert CommittedPosition.read(5, text) == CommittedPosition(5, None)


def test_position_without_a_commit_begins_now_and_is_committed_at_once() -> None:
    age = begun(None)
    assert (age.as_of_ms, age.due(3)) == (NOW, True)
    age.committed(CommittedPosition(3, NOW))
    assert not age.due(3)


@pytest.mark.rule("V7")
def test_v7_age_that_is_not_known_stays_so_until_something_is_read() -> None:
    age = begun(CommittedPosition(5, None))
    age.look(5, 9, idle=True, now_ms=NOW)
    assert age.as_of_ms is None
    age.written_ms = NOW - HOUR
    age.look(6, 9, idle=False, now_ms=NOW)
    assert age.as_of_ms is None
    age.look(6, 9, idle=True, now_ms=NOW)
    assert age.as_of_ms == NOW - HOUR


@pytest.mark.parametrize(
    ("end_offset", "idle", "as_of_ms"),
    [
        pytest.param(5, True, NOW, id="at the end"),
        pytest.param(6, True, NOW, id="a marker behind it"),
        pytest.param(7, True, NOW - 2 * HOUR, id="short of the end"),
        pytest.param(5, False, NOW - 3 * HOUR, id="at the end, with something open"),
        pytest.param(None, True, NOW - 2 * HOUR, id="the end is not known"),
    ],
)
@pytest.mark.rule("V7")
def test_v7_position_is_as_current_as_now_only_at_its_end(end_offset: int | None, idle: bool, as_of_ms: int) -> None:
    age = begun(CommittedPosition(3, NOW - 3 * HOUR))
    age.written_ms = NOW - 2 * HOUR
    age.look(5, end_offset, idle=idle, now_ms=NOW)
    assert age.as_of_ms == as_of_ms


def test_records_of_the_past_make_a_position_no_older_and_those_of_the_future_no_newer_than_now() -> None:
    age = begun(CommittedPosition(3, NOW - HOUR))
    age.written_ms = NOW - 2 * HOUR
    age.look(4, 9, idle=True, now_ms=NOW)
    assert age.as_of_ms == NOW - HOUR
    age.written_ms = NOW + HOUR
    age.look(5, 9, idle=True, now_ms=NOW)
    assert age.as_of_ms == NOW


@pytest.mark.rule("V7")
def test_v7_position_of_an_idle_partition_is_committed_again_each_hour() -> None:
    age = begun(CommittedPosition(3, NOW))
    age.look(3, 3, idle=True, now_ms=NOW + HOUR - 1)
    assert not age.due(3)
    age.look(3, 3, idle=True, now_ms=NOW + HOUR)
    assert age.due(3)
    age.committed(CommittedPosition(3, NOW + HOUR))
    age.look(3, 3, idle=True, now_ms=NOW + HOUR + 1)
    assert not age.due(3)


def test_position_that_has_moved_is_due() -> None:
    assert begun(CommittedPosition(3, NOW)).due(4)


def test_position_that_cannot_become_more_current_is_not_committed_again() -> None:
    age = begun(CommittedPosition(3, NOW - 9 * HOUR))
    age.look(3, None, idle=False, now_ms=NOW)
    assert not age.due(3)


@pytest.mark.rule("V7")
def test_v7_partition_is_checked_again_each_hour_while_it_is_assigned() -> None:
    age = begun(CommittedPosition(3, NOW))
    assert age.check_due(NOW)
    age.checked(NOW, asked=False)
    assert not age.check_due(NOW + HOUR - 1)
    assert age.check_due(NOW + HOUR)
    assert age.to_check(4) == CommittedPosition(4, NOW)


@pytest.mark.rule("V7")
def test_v7_what_was_asked_for_is_not_asked_for_each_hour() -> None:
    """The snapshot that was asked for holds all deletes before; those after it count from there."""
    age = begun(CommittedPosition(3, None))
    assert age.to_check(3) == CommittedPosition(3, None)
    age.checked(NOW, asked=True)
    assert age.to_check(3) == CommittedPosition(3, NOW)
    assert age.as_of_ms is None
