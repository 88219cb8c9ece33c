from __future__ import annotations

import pytest

from cdc_runtime.consuming.offsets import OffsetTracker
from cdc_runtime.consuming.position_age import Commit
from cdc_runtime.consuming.records import TopicPartition
from schemas.names import TableName
from tests.unit.vespa_sink.events import record
from vespa_sink.intake.partitions import AssignedPartition, size_of
from vespa_sink.intake.topics import TableTopic
from vespa_sink.vespa.searches import Doubts

HOUR = 3_600_000
RFIS = TableTopic(TableName("public", "rfis"))


def _assigned(commit: Commit | None = None, first: int = 3) -> AssignedPartition:
    assigned = AssignedPartition(TopicPartition("cdc.public.rfis", 2), RFIS, OffsetTracker(), Doubts(0.0))
    assigned.begin(commit, first, 10 * HOUR)
    assigned.checked = True
    return assigned


def test_new_partition_commits_its_first_offset_at_once() -> None:
    assert _assigned().commit(3, 10 * HOUR) == (3, 10 * HOUR)


@pytest.mark.rule("V7")
def test_v7_nothing_is_committed_before_the_position_is_checked() -> None:
    assigned = _assigned()
    assigned.checked = False
    assert assigned.commit(3, 10 * HOUR) is None


def test_offset_moves_only_behind_records_that_are_done() -> None:
    assigned = _assigned(Commit(3, 9 * HOUR))
    for offset in (3, 4, 5):
        assigned.tracker.taken(offset)
    assigned.tracker.done(4)
    assert assigned.commit(6, 10 * HOUR) is None
    assigned.tracker.done(3)
    assert assigned.commit(6, 10 * HOUR) == (5, 9 * HOUR)


@pytest.mark.rule("V7")
def test_v7_position_with_open_records_is_not_more_current_than_before() -> None:
    assigned = _assigned(Commit(3, 2 * HOUR))
    assigned.tracker.taken(3)
    assigned.tracker.taken(4)
    assigned.last_written_ms = 9 * HOUR
    assigned.tracker.done(3)
    assert assigned.commit(5, 10 * HOUR) == (4, 2 * HOUR)


@pytest.mark.rule("V7")
def test_v7_position_at_the_end_is_current_although_a_marker_stands_behind_it() -> None:
    assigned = _assigned(Commit(3, 2 * HOUR))
    assigned.tracker.taken(3)
    assigned.tracker.done(3)
    assert assigned.commit(5, 10 * HOUR) == (4, 10 * HOUR)


@pytest.mark.rule("V7")
def test_v7_paused_partition_is_not_at_its_end() -> None:
    assigned = _assigned(Commit(3, 2 * HOUR))
    assigned.paused = True
    assert assigned.commit(3, 10 * HOUR) is None


def test_idle_partition_is_committed_anew_once_an_hour() -> None:
    assigned = _assigned(Commit(3, 10 * HOUR))
    assert assigned.commit(3, 11 * HOUR - 1) is None
    assert assigned.commit(3, 11 * HOUR) == (3, 11 * HOUR)
    assigned.is_committed(3, 11 * HOUR)
    assert assigned.commit(3, 11 * HOUR + 1) is None


def test_record_without_value_has_a_size_too() -> None:
    assert size_of(record(value=None)) == 402
