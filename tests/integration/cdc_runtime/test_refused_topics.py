"""A topic that takes no records any more while a producer runs: the transaction aborts, and the topic is named."""

from __future__ import annotations

import random

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from cdc_runtime.kafka.errors import TopicRefused, TransactionAborted
from cdc_runtime.kafka.positions import read_to_end
from cdc_runtime.kafka.producer import TransactionalProducer

LARGE = random.Random(1).randbytes(5_000)  # batches are compressed


@pytest.fixture
def make_producer(settings):
    made = []

    def make(**more) -> TransactionalProducer:
        made.append(TransactionalProducer(settings, f"{settings.prefix}.reader", **more))
        made[-1].init(30)
        return made[-1]

    yield make
    for producer in made:
        producer.close()


@pytest.fixture
def configure(settings):
    def alter(topic: str, **config: str) -> None:
        entries = [
            ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
            for name, value in config.items()
        ]
        admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        for future in admin.incremental_alter_configs([resource]).values():
            future.result(30)

    return alter


def warmed(producer: TransactionalProducer, *topics: str) -> None:
    """It has written to the topics before."""
    producer.begin()
    for topic in topics:
        producer.produce(topic, b"k", b"1")
    producer.commit()


def refused(producer: TransactionalProducer, topic: str, other: str, value: bytes, *, commits: bool) -> TopicRefused:
    """What ends a transaction of both topics: its commit, or a later record."""
    producer.begin()
    producer.produce(topic, b"k", value)
    producer.produce(other, b"k", b"2")
    with pytest.raises(TopicRefused) as raised:
        _gone_on(producer, other, commits=commits)
    assert producer.dead
    assert isinstance(raised.value, TransactionAborted)
    return raised.value


def _gone_on(producer: TransactionalProducer, topic: str, *, commits: bool) -> None:
    if commits:
        producer.commit()
    while True:
        producer.produce(topic, b"k", b"3")
        producer.make_room()


COMMITS = pytest.mark.parametrize("commits", [True, False], ids=["at the commit", "at a later record"])


@pytest.mark.rule("D8")
@COMMITS
def test_d8_topic_that_takes_smaller_records_is_named(settings, make_topic, make_producer, configure, commits) -> None:
    """Red without `_reason`: a record that cannot be added would be an error that nobody has classified."""
    topic, other = make_topic("rows"), make_topic("others")
    producer = make_producer()
    warmed(producer, topic, other)
    configure(topic, max_message_bytes="1000")
    assert refused(producer, topic, other, LARGE, commits=commits).topic == ""
    producer = make_producer(names_topics=True)
    warmed(producer, topic, other)
    problem = refused(producer, topic, other, LARGE, commits=commits)
    assert problem.topic == topic
    assert str(problem).startswith(f"expected Kafka to take records for topic {topic}, got MSG_SIZE_TOO_LARGE: ")
    assert [record.value for record in read_to_end(settings, other)] == [b"1", b"1"], "nothing of what was aborted"


@pytest.mark.rule("D8")
def test_d8_topic_that_refuses_the_time_of_records_is_named(make_topic, make_producer, configure) -> None:
    topic, other = make_topic("rows"), make_topic("others")
    producer = make_producer(names_topics=True)
    warmed(producer, topic, other)
    configure(topic, message_timestamp_after_max_ms="1", message_timestamp_before_max_ms="1")
    producer.begin()
    producer.produce(topic, b"k", b"2", timestamp_ms=1_000_000_000_000)
    producer.produce(other, b"k", b"2")
    with pytest.raises(TopicRefused) as raised:
        producer.commit()
    assert raised.value.topic == topic


@pytest.mark.rule("D8")
def test_d8_topic_that_is_deleted_aborts_the_transaction(settings, make_topic, make_producer) -> None:
    """The next start of its owner finds which; `UNKNOWN_TOPIC_OR_PART`, or the end of the transaction's time."""
    topic, other = make_topic("rows"), make_topic("others")
    producer = make_producer(transaction_timeout_s=10)
    warmed(producer, topic, other)
    client = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    for future in client.delete_topics([topic]).values():
        future.result(30)
    producer.begin()
    producer.produce(topic, b"k", b"2")
    producer.produce(other, b"k", b"2")
    with pytest.raises(TransactionAborted):
        producer.commit()


@pytest.mark.rule("D8")
def test_d8_partition_that_is_none_names_its_topic(make_topic, make_producer) -> None:
    topic = make_topic("rows", 2)
    producer = make_producer()
    producer.begin()
    producer.produce(topic, b"k", b"1", partition=1)
    producer.commit()
    producer.begin()
    with pytest.raises(TopicRefused) as raised:
        producer.produce(topic, b"k", b"1", partition=2)
    assert raised.value.topic == topic
