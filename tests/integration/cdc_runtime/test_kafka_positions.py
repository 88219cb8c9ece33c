"""Reading to the true end (rule P1), following a topic, and the last record of a partition."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest
from confluent_kafka import TopicPartition as KafkaTopicPartition

from cdc_runtime.kafka.errors import TopicMissing
from cdc_runtime.kafka.positions import last_record, last_records, read_committed, read_to_end
from cdc_runtime.kafka.producer import IdempotentProducer, TransactionalProducer
from cdc_runtime.kafka.tail import Tail
from schemas.errors import TransientError
from tests.waiting import eventually


@pytest.fixture
def write(settings):
    producer = IdempotentProducer(settings)

    def send(topic, *values, partition=0):
        for value in values:
            producer.send(topic, value[:1], value, partition=partition)
        producer.flush_or_raise()

    yield send
    producer.close()


@pytest.fixture
def aborted(settings):
    """Writes records of a transaction that is then aborted: they take offsets, and are never seen."""
    producer = TransactionalProducer(settings, f"{settings.prefix}.aborted")
    producer.init(20)

    def send(topic, count):
        producer.begin()
        for _ in range(count):
            producer.produce(topic, b"k", b"aborted")
        producer._producer.flush(20)
        producer.abort()

    yield send
    producer.close()


def values(records):
    return [record.value for record in records]


def test_look_at_what_is_committed_ends_before_an_open_transaction(
    settings, make_topic, write, aborted, plain_transaction
):
    topic = make_topic()
    write(topic, b"before")
    aborted(topic, 2)
    other = plain_transaction(f"{settings.prefix}.other")
    other.produce(topic, b"open")
    other.flush(20)
    write(topic, b"behind")
    assert values(read_committed(settings, topic)) == [b"before"]
    other.abort_transaction()
    assert values(read_committed(settings, topic)) == [b"before", b"behind"]


@pytest.mark.rule("P1")
def test_p1_records_behind_another_producers_open_transaction_are_waited_for(
    settings, make_topic, write, plain_transaction
):
    topic = make_topic()
    other = plain_transaction(f"{settings.prefix}.other")
    other.produce(topic, b"open")
    other.flush(20)
    write(topic, b"position")
    found: list[bytes | None] = []
    reading = threading.Thread(target=lambda: found.extend(values(read_to_end(settings, topic, timeout_s=30))))
    reading.start()
    reading.join(1)
    assert reading.is_alive(), "the read ended before the committed record could be seen"
    other.abort_transaction(20)
    reading.join(30)
    assert found == [b"position"]


@pytest.mark.rule("P1")
@pytest.mark.remedy("another producer has a transaction open: stop it, or wait for its time-out")
def test_p1_the_wait_for_an_open_transaction_is_bounded(settings, make_topic, write, plain_transaction):
    topic = make_topic()
    other = plain_transaction(f"{settings.prefix}.other")
    other.produce(topic, b"open")
    other.flush(20)
    write(topic, b"position")
    begun = time.monotonic()
    with pytest.raises(TransientError, match="got an open transaction") as caught:
        list(read_to_end(settings, topic, timeout_s=1))
    assert time.monotonic() - begun < 60
    assert str(caught.value.remedy).startswith("another producer has a transaction open: stop it, or wait for its time")
    # The tool wants brokers and a topic; devstack has no jar of it.
    tool = f"kafka-transactions.sh --bootstrap-server {settings.bootstrap_servers} find-hanging --topic {topic} "
    assert tool in str(caught.value.remedy)
    other.abort_transaction(20)  # as every producer does that is stopped in order

    assert values(read_to_end(settings, topic, timeout_s=20)) == [b"position"]


def test_the_end_is_found_behind_markers_and_aborted_records(settings, make_topic, write, aborted):
    topic = make_topic()
    write(topic, b"first")
    aborted(topic, 10)
    assert values(read_to_end(settings, topic, timeout_s=20)) == [b"first"]


def test_an_empty_topic_has_its_end_at_once(settings, make_topic):
    assert list(read_to_end(settings, make_topic(partitions=3), timeout_s=20)) == []


def test_all_partitions_are_read_or_only_those_asked_for(settings, make_topic, write):
    topic = make_topic(partitions=3)
    for partition, value in enumerate((b"a", b"b", b"c")):
        write(topic, value, partition=partition)
    assert sorted(values(read_to_end(settings, topic, timeout_s=20))) == [b"a", b"b", b"c"]
    assert values(read_to_end(settings, topic, [1], timeout_s=20)) == [b"b"]


def test_a_topic_whose_first_records_were_deleted_is_read_from_where_it_begins(settings, make_topic, write, admin):
    topic = make_topic()
    write(topic, b"a", b"b", b"c")
    for future in admin._client.delete_records([KafkaTopicPartition(topic, 0, 2)]).values():
        future.result(20)
    assert values(read_to_end(settings, topic, timeout_s=20)) == [b"c"]
    for future in admin._client.delete_records([KafkaTopicPartition(topic, 0, 3)]).values():
        future.result(20)
    assert values(read_to_end(settings, topic, timeout_s=20)) == []
    assert last_record(settings, topic, 0) is None


def test_a_missing_topic_is_an_error(settings):
    with pytest.raises(TopicMissing):
        list(read_to_end(settings, f"{settings.prefix}.none", timeout_s=20))


def test_the_last_record_is_found_behind_many_aborted_ones(settings, make_topic, write, aborted):
    topic = make_topic(partitions=2)
    write(topic, b"old", b"last")
    aborted(topic, 300)
    record = last_record(settings, topic, 0)
    assert record is not None
    assert (record.offset, record.value) == (1, b"last")
    assert last_record(settings, topic, 1) is None


def test_the_last_records_of_all_partitions_come_together(settings, make_topic, write):
    topic = make_topic(partitions=3)
    write(topic, *[b"%d" % number for number in range(50)], partition=0)
    write(topic, b"x", partition=2)
    assert {p: r.value for p, r in last_records(settings, topic).items()} == {0: b"49", 2: b"x"}


def test_a_tail_goes_on_where_it_was_and_does_not_wait(settings, make_topic, write):
    topic = make_topic()
    write(topic, b"a", b"b", b"c")
    with closing(Tail(settings, topic, {0: 1})) as tail:
        assert values(tail.read_to_end(20)) == [b"b", b"c"]
        assert tail.next_offsets == {0: 3}
        assert tail.poll() == []
        write(topic, b"d")
        assert values(eventually(tail.poll, what="the new record")) == [b"d"]
        assert list(tail.read_to_end(20)) == []


def test_a_tail_reads_up_to_the_end_of_the_moment_of_asking(settings, make_topic, write):
    topic = make_topic()
    with closing(Tail(settings, topic)) as tail:
        assert list(tail.read_to_end(20)) == []
        write(topic, b"a")
        assert values(tail.read_to_end(20)) == [b"a"]
        write(topic, b"b", b"c")
        assert values(tail.read_to_end(20)) == [b"b", b"c"]
