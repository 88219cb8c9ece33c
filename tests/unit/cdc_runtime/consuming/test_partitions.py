from __future__ import annotations

import pytest

from cdc_runtime.consuming.partitions import AssignedPartition
from cdc_runtime.consuming.records import Record, TopicPartition

PARTITION = TopicPartition("cdc.public.rfis", 2)


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
    assert ready().subject == "cdc.public.rfis[2]"
