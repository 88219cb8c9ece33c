"""Setting a group's positions back: each keeps the age that it had (rule V7)."""

from __future__ import annotations

from contextlib import closing

import pytest
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as KafkaTopicPartition

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka.group_offsets import set_back


@pytest.fixture
def client(settings):
    consumer = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": f"{settings.prefix}-group"})
    with closing(consumer):
        yield consumer


def committed(client: Consumer, *partitions: TopicPartition) -> list[tuple[int, str | None]]:
    found = client.committed([KafkaTopicPartition(*each) for each in partitions], timeout=20)
    return [(each.offset, each.metadata) for each in found]


@pytest.mark.rule("V7")
def test_v7_position_that_is_set_back_keeps_its_age(settings, make_topic, client):
    rows, others = TopicPartition(make_topic("rows", 2), 1), TopicPartition(make_topic("others"), 0)
    client.commit(
        offsets=[
            KafkaTopicPartition(*rows, 7, "as_of_ms=1700000000000"),
            KafkaTopicPartition(*others, 9, "as_of_ms=1"),
        ],
        asynchronous=False,
    )
    assert set_back(settings, f"{settings.prefix}-group", lambda each: each.topic == rows.topic) == [rows]
    assert committed(client, rows, others) == [(0, "as_of_ms=1700000000000"), (9, "as_of_ms=1")]
    assert sorted(set_back(settings, f"{settings.prefix}-group")) == sorted([rows, others])
    assert committed(client, others) == [(0, "as_of_ms=1")]


def test_group_without_positions_has_none_to_set_back(settings):
    assert set_back(settings, f"{settings.prefix}-nobody") == []
