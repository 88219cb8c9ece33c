"""Transactions, fencing and single records on a real broker."""

from __future__ import annotations

import gc
import random
import time

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka import TopicPartition as KafkaTopicPartition

from cdc_runtime.consuming.dead_letters import Failure, dead_letter
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.errors import Fenced, TopicMissing, TransactionAborted
from cdc_runtime.kafka.positions import read_to_end
from cdc_runtime.kafka.producer import RAW_ERRORS, DeadLetterWriter, IdempotentProducer, TransactionalProducer
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import RecordError, Unreachable
from schemas.keys import partition_of, row_key
from schemas.topics import TopicSpec, table_topic
from tests.waiting import eventually


@pytest.fixture
def transactional(settings):
    made = []

    def make(transactional_id="reader", init=True, **more) -> TransactionalProducer:
        producer = TransactionalProducer(settings, f"{settings.prefix}.{transactional_id}", **more)
        made.append(producer)
        if init:
            producer.init(20)
        return producer

    yield make
    for producer in made:
        producer.close()


@pytest.fixture
def idempotent(settings):
    producer = IdempotentProducer(settings, delivery_timeout_s=20)
    yield producer
    producer.close()


def values(settings, topic):
    return [record.value for record in read_to_end(settings, topic, timeout_s=20)]


def test_a_committed_transaction_is_visible_and_an_aborted_one_is_not(settings, make_topic, transactional):
    topic = make_topic()
    producer = transactional()
    producer.begin()
    producer.produce(topic, b"k", b"1")
    producer.commit()
    assert producer.dead is False
    producer.begin()
    producer.produce(topic, b"k", b"2")
    producer.abort()
    producer = transactional()
    producer.begin()
    producer.produce(topic, b"k", b"3")
    producer.commit()
    assert values(settings, topic) == [b"1", b"3"]


def test_an_aborted_transaction_hides_what_had_reached_the_broker(settings, make_topic, transactional):
    topic = make_topic()
    producer = transactional()
    producer.begin()
    producer.produce(topic, b"k", b"lost")
    producer._producer.flush(20)
    producer.abort()
    assert values(settings, topic) == []


def test_headers_timestamp_and_partition_arrive_as_given(settings, make_topic, transactional):
    topic = make_topic(partitions=3, cleanup_policy="compact")
    producer = transactional()
    producer.begin()
    producer.produce(topic, b"k", None, partition=2, headers=(("a", b"1"), ("b", None)), timestamp_ms=1_600_000_000_123)
    producer.commit()
    assert list(read_to_end(settings, topic, timeout_s=20)) == [
        Record(topic, 2, 0, b"k", None, 1_600_000_000_123, (("a", b"1"), ("b", None)))
    ]


def test_keys_go_to_the_partition_that_our_own_function_names(settings, make_topic, transactional):
    topic = make_topic(partitions=5)
    keys = [row_key([str(number)]) for number in range(200)] + [row_key(["a b", "ä"])]
    producer = transactional()
    producer.begin()
    for key in keys:
        producer.raw_produce(topic, b"v", key)
    producer.commit()
    found = {record.key: record.partition for record in read_to_end(settings, topic, timeout_s=20)}
    assert found == {key: partition_of(key, 5) for key in keys}


@pytest.mark.remedy("another instance has taken over: stop one of the two")
def test_a_second_instance_fences_the_first(settings, make_topic, transactional):
    topic = make_topic()
    first = transactional()
    first.begin()
    first.produce(topic, b"k", b"zombie")
    first._producer.flush(20)
    second = transactional()
    with pytest.raises(Fenced) as caught:
        first.commit()
    assert caught.value.exit_code == 75
    assert caught.value.remedy == "another instance has taken over: stop one of the two"
    assert first.dead is True
    first.close()
    second.begin()
    second.produce(topic, b"k", b"heir")
    second.commit()
    assert values(settings, topic) == [b"heir"]


@pytest.mark.parametrize("call", ["produce", "raw_produce", "begin", "commit"])
def test_an_instance_that_learns_of_its_fence_beside_the_calls_is_fenced_in_each(make_topic, transactional, call):
    topic = make_topic()
    first = transactional()
    first.begin()
    first.produce(topic, b"k", b"zombie")
    first._producer.flush(20)
    transactional()
    first.produce(topic, b"k", b"late")

    def fatal():
        # The broker refuses the record; from now on librdkafka answers calls with _FATAL. No reports are served here.
        try:
            first._producer.produce(topic, b"v", b"k")
        except KafkaException as exc:
            return exc.args[0].code() == KafkaError._FATAL
        return False

    eventually(fatal, what="the fence")
    with pytest.raises(Fenced):
        called(first, call, topic)
    assert first.dead is True


def called(producer, call, topic):
    """The call; `raw_produce` as hot loops do it."""
    if call == "raw_produce":
        with pytest.raises(RAW_ERRORS):
            producer.raw_produce(topic, b"v", b"k")
    if call in ("produce", "raw_produce"):
        producer.produce(topic, b"k", b"v")
    else:
        getattr(producer, call)()


def test_closing_ends_the_open_transaction(admin, make_topic, transactional):
    topic = make_topic()
    producer = transactional()
    producer.begin()
    producer.produce(topic, b"k", b"v")
    producer._producer.flush(20)
    producer.close()
    place = TopicPartition(topic, 0)
    eventually(lambda: admin.end_offsets([place], "committed") == {place: 2}, what="the marker of the abort")


def test_a_dead_instance_refuses_every_call(make_topic, transactional):
    topic = make_topic()
    first = transactional()
    transactional()
    first.begin()
    first.produce(topic, b"k", b"v")
    with pytest.raises(Fenced):
        first.commit()
    for call in (first.begin, first.commit, first.abort, lambda: first.produce("t", b"k", b"v")):
        with pytest.raises(TransactionAborted, match="expected Kafka to tell how the last call ended"):
            call()


def test_a_record_that_the_broker_refuses_aborts_its_transaction_and_the_next_producer_works(
    settings, make_topic, transactional
):
    topic = make_topic(max_message_bytes="1000")
    producer = transactional()
    producer.begin()
    producer.produce(topic, b"k", random.Random(1).randbytes(10_000))
    with pytest.raises(TransactionAborted):
        producer.commit()
    assert producer.dead is True
    producer = transactional()
    producer.begin()
    producer.produce(topic, b"k", b"small")
    producer.commit()
    assert values(settings, topic) == [b"small"]


def test_a_transaction_that_outlives_its_time_is_aborted_by_the_broker(settings, admin, make_topic, transactional):
    topic = make_topic()
    producer = transactional(transaction_timeout_s=1)
    producer.begin()
    producer.produce(topic, b"k", b"late")
    producer._producer.flush(20)
    place = TopicPartition(topic, 0)
    eventually(lambda: admin.end_offsets([place], "committed")[place] == 2, what="the broker to end the transaction")
    with pytest.raises(TransactionAborted):
        producer.commit()
    assert values(settings, topic) == []


def test_a_broker_that_dies_before_the_commit_leaves_an_unknown_outcome_that_a_new_producer_settles(own_kafka):
    settings = KafkaSettings(bootstrap_servers=own_kafka.bootstrap_servers)
    KafkaAdmin(settings).ensure_topics([TopicSpec("rows", 1)])
    producer = TransactionalProducer(settings, "reader", transaction_timeout_s=3)
    producer.init(20)
    producer.begin()
    producer.produce("rows", b"k", b"unknown")
    producer._producer.flush(20)
    own_kafka.kill()
    begun = time.monotonic()
    with pytest.raises(TransactionAborted):
        producer.commit()
    producer.close()
    assert time.monotonic() - begun < 60
    assert producer.dead is True
    own_kafka.restart()
    heir = TransactionalProducer(settings, "reader")
    heir.init(60)
    heir.begin()
    heir.produce("rows", b"k", b"known")
    heir.commit()
    heir.close()
    assert values(settings, "rows") == [b"known"]


def test_closing_does_not_wait_for_a_broker_that_is_away(own_kafka):
    """`Producer.close` would: it ends the open transaction first, however long that takes."""
    settings = KafkaSettings(bootstrap_servers=own_kafka.bootstrap_servers)
    KafkaAdmin(settings).ensure_topics([TopicSpec("rows", 1)])
    producer = TransactionalProducer(settings, "reader", transaction_timeout_s=1)
    producer.init(20)
    producer.begin()
    producer.produce("rows", b"k", b"1")
    producer.commit()
    producer.begin()
    producer.produce("rows", b"k", b"2")
    own_kafka.kill()
    producer.produce("rows", b"k", b"3")
    with pytest.raises(TransactionAborted):
        producer.commit()
    begun = time.monotonic()
    producer.close()
    producer.close()
    assert time.monotonic() - begun < 60
    assert producer.dead is True


def _clients() -> dict[int, Producer]:
    """
    By what they are called; whoever holds them sees to it that no other is called so.

    By type alone: isinstance() asks an object for its class, and a weak proxy that another test left raises then.
    """
    return {id(each): each for each in gc.get_objects() if issubclass(type(each), Producer)}


@pytest.mark.rule("P7")
def test_p7_client_that_is_given_up_lives_no_longer_than_its_close():
    """One that waits for its id on would take it over when a broker answers, and fence the one that came after it."""
    before = _clients()
    producer = TransactionalProducer(KafkaSettings(bootstrap_servers="127.0.0.1:1"), "reader")
    with pytest.raises(Unreachable) as raised:
        producer.init(0.5)
    made = _clients().keys() - before.keys()
    producer.close()
    assert (len(made), made & _clients().keys()) == (1, set())
    assert raised.value is not None  # and with it every frame that it came through


def test_a_broker_that_does_not_answer_makes_init_unreachable():
    producer = TransactionalProducer(KafkaSettings(bootstrap_servers="127.0.0.1:1"), "t")
    with pytest.raises(Unreachable, match="expected Kafka to take over the transactional id"):
        producer.init(1)
    assert producer.dead is True
    producer.close()


def test_more_records_than_the_queue_holds_wait_for_room(settings, make_topic, transactional):
    topic = make_topic()
    producer = transactional()
    producer.begin()
    for number in range(150_000):
        producer.produce(topic, None, b"%d" % number)
    producer.commit()
    assert values(settings, topic) == [b"%d" % number for number in range(150_000)]


def test_the_largest_row_that_a_topic_takes_arrives(settings, admin, transactional):
    topic = f"{settings.prefix}.public.large"
    admin.ensure_topics([table_topic(topic, 1)])
    value = random.Random(1).randbytes(15 * 1024 * 1024)
    producer = transactional()
    producer.begin()
    producer.produce(topic, b"k", value)
    producer.commit()
    (found,) = values(settings, topic)
    assert found == value


def test_group_offsets_are_committed_with_the_transaction_and_not_without(settings, make_topic, transactional):
    topic = make_topic()
    place = TopicPartition(topic, 0)
    consumer = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": settings.prefix})
    producer = transactional()
    try:
        for offset, finish in ((5, producer.commit), (9, producer.abort)):
            producer.begin()
            producer.produce(topic, b"k", b"v")
            producer.send_offsets({place: offset}, consumer.consumer_group_metadata())
            finish()
        (committed,) = consumer.committed([KafkaTopicPartition(topic, 0)], timeout=20)
        assert committed.offset == 5
    finally:
        consumer.close()


def test_single_records_are_durable_when_the_flush_returns(settings, make_topic, idempotent):
    topic = make_topic()
    idempotent.send(topic, b"k", b"1")
    idempotent.send(topic, b"k", b"2", headers=(("h", b"x"),))
    idempotent.flush_or_raise()
    records = list(read_to_end(settings, topic, timeout_s=20))
    assert [(r.value, r.headers) for r in records] == [(b"1", ()), (b"2", (("h", b"x"),))]


def test_a_flush_raises_when_a_record_was_not_stored(settings, make_topic, idempotent):
    topic = make_topic(max_message_bytes="1000")
    idempotent.send(topic, b"k", random.Random(1).randbytes(10_000))
    with pytest.raises(Exception, match="expected Kafka to store 1 records, the first in topic") as caught:
        idempotent.flush_or_raise()
    assert "MSG_SIZE_TOO_LARGE" in str(caught.value)


@pytest.mark.remedy("start the service that owns the topic, or check kafka.prefix")
def test_a_record_for_a_topic_that_does_not_exist_is_an_error(settings, idempotent, make_topic):
    idempotent.send(f"{settings.prefix}.none", b"k", b"v")
    with pytest.raises(TopicMissing) as caught:
        idempotent.flush_or_raise()
    assert caught.value.remedy == "start the service that owns the topic, or check kafka.prefix"
    # What the service that owns it does first.
    make_topic("none")

    again = IdempotentProducer(settings, delivery_timeout_s=20)
    again.send(f"{settings.prefix}.none", b"k", b"v")
    again.flush_or_raise()
    again.close()


def test_a_flush_without_a_broker_is_unreachable():
    producer = IdempotentProducer(KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    producer.send("t", b"k", b"v")
    with pytest.raises(Unreachable, match="got 1 records open"):
        producer.flush_or_raise(0.5)
    producer.close()


def test_a_dead_letter_is_written_with_its_headers_and_the_time_of_writing(settings, make_topic):
    topic = make_topic("dlq")
    record = Record("cdc.public.photos", 1, 7, b"key", b"value", 1_000, (("h", b"x"),))
    failure = Failure(RecordError("expected a date"), "decode")
    writer = DeadLetterWriter(settings, topic)
    writer.write([dead_letter(record, failure, group="g", task="t")])
    writer.close()
    (found,) = read_to_end(settings, topic, timeout_s=20)
    assert (found.key, found.value) == (b"key", b"value")
    assert found.header("h") == b"x"
    assert found.header("__connect.errors.exception.message") == b"expected a date"
    assert found.timestamp_ms > 1_600_000_000_000


def test_a_dead_letter_that_cannot_be_written_is_an_error(settings):
    writer = DeadLetterWriter(settings, f"{settings.prefix}.none")
    record = Record("t", 0, 0, b"k", b"v", 0)
    with pytest.raises(TopicMissing):
        writer.write([dead_letter(record, Failure(RecordError("x"), "decode"), group="g", task="t")])
    writer.close()
