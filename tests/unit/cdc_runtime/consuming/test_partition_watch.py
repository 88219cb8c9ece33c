"""Partitions are compared with logs that were asked for a moment ago."""

from __future__ import annotations

import pytest

from cdc_runtime.consuming.partition_watch import as_asked, look
from cdc_runtime.consuming.partitions import AssignedPartition
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.consuming.topic_lives import Log

PLACE = TopicPartition("cdc.public.rfis", 2)


def read_up_to(offset: int) -> AssignedPartition:
    partition = AssignedPartition(PLACE, ready=True, topic_id="id")
    partition.tracker.taken(offset)
    return partition


@pytest.mark.rule("V11")
def test_v11_what_is_read_while_the_log_is_asked_for_is_not_lost() -> None:
    partition = read_up_to(6)
    asked = as_asked([partition])
    logs = {PLACE: Log("id", 0, 7)}
    partition.tracker.taken(9)
    assert look(asked, logs, 0.0).anew == []


@pytest.mark.rule("V11")
def test_v11_log_that_ends_before_what_was_next_then_begins_anew() -> None:
    partition = read_up_to(6)
    ((found, anew),) = look(as_asked([partition]), {PLACE: Log("id", 0, 6)}, 0.0).anew
    assert (found, anew.reason) == (partition, "the log ends at offset 6, before the position 7")
