"""Results, state and offsets in one transaction on a real broker (rule F1)."""

from __future__ import annotations

import random

import pytest
from confluent_kafka import Consumer

from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.errors import Fenced, TransactionAborted
from cdc_runtime.kafka.positions import read_to_end
from cdc_runtime.kafka.producer import TransactionalProducer
from cdc_runtime.settings.models import KafkaSettings
from file_fetcher.settling import publisher as publisher_module
from file_fetcher.settling.publisher import ResultPublisher
from file_fetcher.settling.writes import Write
from schemas.topics import TopicSpec
from tests.integration.file_fetcher.references.conftest import committed_offset
from tests.waiting import eventually


@pytest.fixture
def results(settings, admin) -> str:
    topic = f"{settings.prefix}._files"
    admin.ensure_topics([TopicSpec(topic, 3, {"max.message.bytes": "100000"})])
    return topic


@pytest.fixture
def group(settings, admin):
    """A member of a consumer group that reads `rows`."""
    rows = f"{settings.prefix}.rows"
    admin.ensure_topics([TopicSpec(rows, 1)])
    made = []

    def join() -> Consumer:
        consumer = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": settings.prefix})
        made.append(consumer)
        consumer.subscribe([rows])
        eventually(lambda: consumer.poll(0.05) or consumer.assignment(), what="a partition of the group")
        return consumer

    yield join
    for consumer in made:
        consumer.close()


def values(settings, topic):
    return [record.value for record in read_to_end(settings, topic, timeout_s=20)]


def committed(settings) -> int:
    """The offset that the group has committed."""
    return committed_offset(settings.bootstrap_servers, settings.prefix, f"{settings.prefix}.rows")


def refused(topic: str) -> Write:
    """A record that the broker does not take."""
    return Write(topic, 0, b"k", random.Random(1).randbytes(1_000_000))


def test_f1_writes_and_offsets_become_visible_together(settings, results, publisher, group):
    member = group()
    offsets = {TopicPartition(f"{settings.prefix}.rows", 0): 5}
    publisher.publish(
        [Write(results, 1, b"a", b"1", (("h", b"x"),)), Write(results, 2, b"b", None)],
        offsets,
        member.consumer_group_metadata(),
    )
    found = [record._replace(timestamp_ms=0) for record in read_to_end(settings, results, timeout_s=20)]
    assert sorted(found) == [
        Record(results, 1, 0, b"a", b"1", 0, (("h", b"x"),)),
        Record(results, 2, 0, b"b", None, 0),
    ]
    assert committed(settings) == 5


def test_f1_an_aborted_transaction_shows_nothing_and_the_next_one_works(settings, results, publisher, group):
    member = group()
    topic_partition = TopicPartition(f"{settings.prefix}.rows", 0)
    publisher.publish([], {topic_partition: 5}, member.consumer_group_metadata())
    with pytest.raises(TransactionAborted):
        publisher.publish(
            [Write(results, 0, b"a", b"1"), refused(results)], {topic_partition: 9}, member.consumer_group_metadata()
        )
    assert values(settings, results) == []
    assert committed(settings) == 5
    publisher.publish([Write(results, 0, b"a", b"2")], {topic_partition: 9}, member.consumer_group_metadata())
    assert values(settings, results) == [b"2"]
    assert committed(settings) == 9


def test_f1_offsets_of_a_member_that_the_group_no_longer_knows_abort_the_transaction(
    settings, results, publisher, group
):
    gone = group()
    metadata = gone.consumer_group_metadata()
    gone.close()
    group()
    with pytest.raises(TransactionAborted):
        publisher.publish([Write(results, 0, b"a", b"1")], {TopicPartition(f"{settings.prefix}.rows", 0): 5}, metadata)
    assert values(settings, results) == []
    assert committed(settings) < 0


def test_writes_that_fail_while_they_are_made_leave_nothing(settings, results, publisher):
    def writes():
        yield Write(results, 0, b"a", b"1")
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        publisher.publish(writes(), {}, None)
    publisher.publish([Write(results, 0, b"a", b"2")], {}, None)
    assert values(settings, results) == [b"2"]


def test_many_writes_are_made_while_they_are_sent(settings, results, publisher):
    publisher.publish((Write(results, n % 3, b"%d" % n, b"v") for n in range(120_000)), {}, None)
    assert len(values(settings, results)) == 120_000


def test_a_process_that_is_started_again_ends_its_own_open_transaction(settings, admin, results, publisher):
    killed = TransactionalProducer(settings, f"{settings.prefix}.files.a")
    killed.init(20)
    killed.begin()
    killed.produce(results, b"a", b"1", partition=0)
    killed._producer.flush(20)
    topic_partition = TopicPartition(results, 0)
    assert admin.end_offsets([topic_partition]) == {topic_partition: 0}
    publisher.ready()
    publisher.ready()
    # The record and the marker of the abort.
    eventually(
        lambda: admin.end_offsets([topic_partition]) == {topic_partition: 2}, what="the end of the open transaction"
    )
    killed.close()


def test_a_second_process_with_the_same_id_stops_the_first(settings, results, publisher):
    publisher.ready()
    second = ResultPublisher(settings, f"{settings.prefix}.files.a", 20)
    second.publish([Write(results, 0, b"a", b"2")], {}, None)
    with pytest.raises(Fenced):
        publisher.publish([Write(results, 0, b"a", b"1")], {}, None)
    second.close()
    assert values(settings, results) == [b"2"]


def test_without_a_broker_nothing_happens_and_the_caller_may_try_again():
    publisher = ResultPublisher(KafkaSettings(bootstrap_servers="127.0.0.1:1"), "t", 0.5)
    for call in (publisher.ready, lambda: publisher.publish([Write("t", 0, b"a", b"1")], {}, None)):
        with pytest.raises(TransactionAborted, match="expected Kafka to take over the transactional id"):
            call()
    publisher.close()


def test_nothing_to_write_needs_no_broker():
    publisher = ResultPublisher(KafkaSettings(bootstrap_servers="127.0.0.1:1"), "t", 0.5)
    publisher.publish([], {}, None)
    publisher.close()


def test_a_broker_that_dies_leaves_an_outcome_that_the_next_call_settles(own_kafka, monkeypatch):
    monkeypatch.setattr(publisher_module, "_TRANSACTION_TIMEOUT_S", 3.0)
    settings = KafkaSettings(bootstrap_servers=own_kafka.bootstrap_servers)
    KafkaAdmin(settings).ensure_topics([TopicSpec("results", 1)])
    publisher = ResultPublisher(settings, "files", 60)
    publisher.publish([Write("results", 0, b"a", b"1")], {}, None)

    def writes():
        yield Write("results", 0, b"a", b"2")
        own_kafka.kill()
        yield Write("results", 0, b"a", b"3")

    with pytest.raises(TransactionAborted):
        publisher.publish(writes(), {}, None)
    own_kafka.restart()
    publisher.publish([Write("results", 0, b"a", b"4")], {}, None)
    publisher.close()
    assert values(settings, "results") == [b"1", b"4"]
