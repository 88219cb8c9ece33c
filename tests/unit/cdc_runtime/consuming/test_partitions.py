from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from cdc_runtime.consuming.partitions import AssignedPartition, Partitions
from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.records import Record, TopicPartition

PARTITION, OTHER = TopicPartition("cdc.public.rfis", 2), TopicPartition("cdc.public.rfis", 3)
HOUR = 3_600_000
NOW = 1_700_000_000_000


def record(offset: int) -> Record:
    return Record(PARTITION.topic, PARTITION.partition, offset, b"7", b"x", 0)


def ready(*offsets: int) -> AssignedPartition:
    partition = AssignedPartition(PARTITION, ready=True)
    partition.backlog.extend(record(offset) for offset in offsets)
    return partition


def test_partition_waits_until_it_is_ready_while_it_is_blocked_and_behind_what_waits() -> None:
    partition = AssignedPartition(PARTITION)
    assert partition.waits
    partition.ready = True
    assert not partition.waits
    partition.block(record(5), "its schema is not known")
    assert partition.waits
    partition.blocked = ""
    assert partition.waits
    partition.backlog.clear()
    assert not partition.waits


@pytest.mark.rule("P10")
def test_p10_record_that_blocks_stands_before_what_came_after_it() -> None:
    partition = ready(6, 7)
    partition.block(record(5), "its schema is not known")
    taken: list[int] = []

    def admit(each: Record) -> bool:
        if each.offset == 7:
            partition.block(each, "its table is not known")
            return False
        taken.append(each.offset)
        return True

    assert not partition.let_in(admit)
    assert (taken, partition.blocked) == ([5, 6], "its table is not known")
    assert [each.offset for each in partition.backlog] == [7]


def test_partition_lets_in_all_that_waits() -> None:
    partition = ready(5, 6)
    partition.blocked = "its schema is not known"
    assert partition.let_in(lambda _: True)
    assert (partition.blocked, partition.waits) == ("", False)


def test_partition_may_stop_without_being_blocked() -> None:
    partition = ready(5, 6)
    assert partition.let_in(lambda _: False)
    assert [each.offset for each in partition.backlog] == [6]


def test_partition_that_is_dropped_has_nothing_left() -> None:
    partition = ready(5)
    partition.drop()
    assert (partition.dropped, list(partition.backlog)) == (True, [])


def test_partition_is_named_after_its_topic() -> None:
    assert str(ready().subject) == "cdc.public.rfis[2]"


def held(partition: TopicPartition = PARTITION, next_offset: int = 3) -> AssignedPartition:
    made = AssignedPartition(partition, ready=True)
    made.begin(CommittedPosition(next_offset, NOW - HOUR), NOW)
    return made


def of(*partitions: AssignedPartition) -> Partitions[AssignedPartition]:
    return Partitions({each.topic_partition: each for each in partitions})


def position(partition: AssignedPartition, end_offset: int | None) -> CommittedPosition | None:
    partition.look(end_offset, NOW)
    return partition.position


def test_record_that_is_delivered_again_is_not_taken_again() -> None:
    partition = held()
    assert (partition.take(record(3)), partition.take(record(3)), partition.take(record(2))) == (True, False, False)


@pytest.mark.rule("V11")
def test_v11_offsets_that_run_back_wait_for_a_look_at_the_log() -> None:
    partition = held()
    assert [partition.deliver(record(offset)) for offset in (3, 4, 5)] == [True, True, True]
    partition.take(record(5))
    assert (partition.deliver(record(0)), partition.deliver(record(1))) == (False, False)
    partition.backlog.extend([record(0), record(1)])
    assert (partition.waits, partition.let_in(lambda _: pytest.fail("expected it to wait"))) == (True, True)
    partition.doubted = False
    assert (partition.let_in(lambda _: True), partition.deliver(record(2)), partition.waits) == (True, True, False)


@pytest.mark.rule("V11")
def test_v11_records_below_the_position_that_came_before_it_was_known_wait_too() -> None:
    partition = AssignedPartition(PARTITION, ready=True)
    partition.deliver(record(0))
    partition.backlog.append(record(0))
    partition.begin(CommittedPosition(3, NOW), NOW)
    assert partition.doubted


def test_partition_without_a_position_begins_at_the_first_offset_that_it_still_has() -> None:
    partition = AssignedPartition(PARTITION, ready=True)
    partition.begin(None, NOW, first_offset=7)
    assert partition.position == CommittedPosition(7, NOW)


def test_partition_without_a_position_begins_at_its_first_record_where_no_offset_is_known() -> None:
    partition = AssignedPartition(PARTITION, ready=True)
    partition.begin(None, NOW)
    assert (partition.position, partition.take(record(9))) == (None, True)
    assert partition.position == CommittedPosition(9, NOW)


@pytest.mark.rule("V7")
def test_v7_nothing_is_committed_before_the_position_was_checked() -> None:
    partition = AssignedPartition(PARTITION)
    partition.begin(None, NOW, first_offset=7)
    assert (partition.position, of(partition).due()) == (None, {})


@pytest.mark.rule("V7")
@pytest.mark.parametrize(
    "how", [{"blocked": "its schema is not known"}, {"paused": True}, {"backlog": deque([record(4)])}], ids=str
)
def test_v7_partition_that_waits_is_not_at_its_end(how: dict[str, Any]) -> None:
    """Nothing is fetched of it, so what is known of its end is of long ago."""
    partition = held()
    for name, value in how.items():
        setattr(partition, name, value)
    assert position(partition, 3) == CommittedPosition(3, NOW - HOUR)
    assert position(held(), 3) == CommittedPosition(3, NOW)


@pytest.mark.rule("V7")
def test_v7_position_with_open_records_is_not_more_current_than_before() -> None:
    partition = held()
    partition.take(record(3))
    partition.take(record(4))
    partition.tracker.done(3)
    assert position(partition, 5) == CommittedPosition(4, NOW - HOUR)


def test_only_what_moved_since_the_last_commit_is_due() -> None:
    partitions = of(held(PARTITION), held(OTHER))
    assert partitions.due() == {}
    partitions[PARTITION].take(record(3))
    partitions.done(PARTITION, 3)
    assert partitions.due() == {PARTITION: CommittedPosition(4, NOW - HOUR)}
    partitions.committed(partitions.due())
    assert partitions.due() == {}


@pytest.mark.rule("V7")
def test_v7_position_that_has_not_moved_is_due_when_its_age_is_stale() -> None:
    partitions = of(held(PARTITION), held(OTHER))
    partitions.look({PARTITION: 3, OTHER: None}.get, NOW)
    assert partitions.due() == {PARTITION: CommittedPosition(3, NOW)}


def test_what_ends_for_a_partition_that_is_not_ours_has_no_consequence() -> None:
    partitions = of(held(PARTITION))
    partitions.done(OTHER, 3)
    partitions.committed({OTHER: CommittedPosition(4, NOW)})
    assert partitions.due() == {}
