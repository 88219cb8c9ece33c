"""Rule V7 on real topics: what can still be read behind a position, and what is asked for."""

from __future__ import annotations

import json
import time

import pytest

from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.position_check import Answer, PositionCheck
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka.positions import read_to_end
from cdc_runtime.kafka.producer import TransactionalProducer
from cdc_runtime.reader_requests import Requests
from schemas.names import TableName
from schemas.topics import Topics

TABLE = TableName("public", "rows")
HOUR_MS = 3_600_000


@pytest.fixture
def transactions(settings):
    """Each value is a transaction of its own; None is one that is aborted."""
    producer = TransactionalProducer(settings, f"{settings.prefix}.rows")
    producer.init(20)
    made = [producer]

    def write(topic, *values):
        for value in values:
            producer = made[-1]
            producer.begin()
            producer.produce(topic, b"7", value or b"aborted", partition=0)
            if value is not None:
                producer.commit()
                continue
            producer._producer.flush(20)
            producer.abort()
            producer.close()
            made.append(TransactionalProducer(settings, f"{settings.prefix}.rows"))
            made[-1].init(20)

    yield write
    made[-1].close()


@pytest.fixture
def check(settings, admin, make_topic):
    make_topic("_control")
    return PositionCheck(settings, admin, Requests(settings, "group"), lambda table, partition: True)


def asked(settings):
    commands = read_to_end(settings, Topics(settings.prefix).control)
    return [table for command in commands for table in json.loads(command.value)["tables"]]


@pytest.mark.rule("V7")
def test_v7_only_records_that_can_be_read_are_unread(settings, make_topic, transactions, check):
    rows = TopicPartition(make_topic("rows", delete_retention_ms=str(2 * HOUR_MS)), 0)
    transactions(rows.topic, b"read", None)  # offsets: a record, its marker, one that was aborted, its marker
    old = CommittedPosition(1, int(time.time() * 1000) - 3 * HOUR_MS)
    assert check.check(TABLE, rows, old) is Answer.SOUND
    assert check.check(TABLE, rows, CommittedPosition(1, None)) is Answer.SOUND
    transactions(rows.topic, b"unread")
    young = CommittedPosition(1, int(time.time() * 1000) - HOUR_MS)
    assert check.check(TABLE, rows, young) is Answer.SOUND
    assert asked(settings) == []
    assert check.check(TABLE, rows, old) is Answer.ASKED
    assert check.check(TABLE, rows, CommittedPosition(1, None)) is Answer.ASKED_BEFORE
    assert asked(settings) == ["public.rows"]
