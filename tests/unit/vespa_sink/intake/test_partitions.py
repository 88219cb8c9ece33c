from __future__ import annotations

from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.records import TopicPartition
from schemas.names import TableName
from tests.unit.vespa_sink.events import record
from vespa_sink.intake.partitions import SinkPartition, size_of
from vespa_sink.intake.topics import TableTopic
from vespa_sink.vespa.searches import Doubts

RFIS_2 = TopicPartition("cdc.public.rfis", 2)


def test_time_of_what_has_passed_is_certain_only_when_nothing_is_open() -> None:
    partition = SinkPartition(
        TopicPartition("cdc.public.rfis", 2), TableTopic(TableName("public", "rfis")), Doubts(0.0)
    )
    partition.begin(CommittedPosition(3, None), 0)
    partition.take(record())
    assert partition.passed_ms == 0
    partition.tracker.done(5)
    assert partition.passed_ms == 1_700_000_000_000


def test_record_without_value_has_a_size_too() -> None:
    assert size_of(record(value=None)) == 402
