"""What a batch leaves out when its partition goes away in between."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition
from structlog.testing import capture_logs

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka import consumer as consumers
from cdc_runtime.kafka.consumer import GroupConsumer
from cdc_runtime.kafka.errors import Fenced, PartitionsLost, TopicDenied, TopicMissing
from cdc_runtime.kafka.tail import Tail
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import FatalError, TransientError, Unreachable


class Member:
    def __init__(self) -> None:
        self.calls: list[tuple[str, list[TopicPartition]]] = []
        self.problem: Exception | None = None

    def on_assign(self, places):
        self.calls.append(("assign", places))

    def on_revoke(self, places):
        self.calls.append(("revoke", places))
        if self.problem is not None:
            raise self.problem

    def on_lost(self, places):
        self.calls.append(("lost", places))


class Message:
    def __init__(self, topic: str, partition: int, offset: int) -> None:
        self._at = (topic, partition, offset)

    def topic(self):
        return self._at[0]

    def partition(self):
        return self._at[1]

    def offset(self):
        return self._at[2]

    def error(self):
        return None

    def headers(self):
        return None

    def key(self):
        return b"k"

    def value(self):
        return b"v"

    def timestamp(self):
        return (1, 1000)


class Client:
    """librdkafka's consumer, as far as a batch needs it: a rebalance comes in the middle of the batch."""

    def __init__(self, consumer: Any, revoked: list[TopicPartition]) -> None:
        self._consumer, self._revoked = consumer, revoked

    def poll(self, _: float):
        return Message("t", 0, 5)

    def consume(self, *_: object):
        self._consumer._revoked(self, self._revoked)
        return [Message("t", 1, 9)]

    def assignment(self) -> list[KafkaTopicPartition]:
        return []

    def unsubscribe(self) -> None:
        pass

    def close(self) -> None:
        pass


def consumer_with(member: Member, revoked: list[TopicPartition]) -> Any:
    consumer: Any = GroupConsumer(KafkaSettings(bootstrap_servers="127.0.0.1:1"), "g", ["t"], member)
    consumer.close()
    consumer._consumer = Client(consumer, revoked)
    return consumer


def test_a_record_whose_partition_was_given_back_while_the_batch_was_filled_is_left_out():
    consumer = consumer_with(Member(), [TopicPartition("t", 0)])
    assert [(r.partition, r.offset) for r in consumer.poll_batch(10, 0)] == [(1, 9)]


def test_records_of_other_partitions_stay_in_the_batch():
    consumer = consumer_with(Member(), [TopicPartition("t", 2)])
    assert [(r.partition, r.offset) for r in consumer.poll_batch(10, 0)] == [(0, 5), (1, 9)]


@pytest.mark.parametrize("kind", [PartitionsLost, Unreachable, TransientError])
def test_partitions_given_back_without_their_commit_are_told_as_lost(kind):
    member = Member()
    member.problem = kind("expected Kafka to commit offsets")
    consumer = consumer_with(member, [TopicPartition("t", 0)])
    assert [r.partition for r in consumer.poll_batch(10, 0)] == [1]
    assert member.calls == [("revoke", [TopicPartition("t", 0)]), ("lost", [TopicPartition("t", 0)])]


class BrokenClient:
    """librdkafka's consumer when it lets an error out of a call: at once, or behind a first record."""

    def __init__(self, code: int, *, fatal: bool, first: Message | None) -> None:
        self._error, self._first = KafkaException(KafkaError(code, "told", fatal=fatal)), first

    def poll(self, _: float):
        if self._first is None:
            raise self._error
        return self._first

    def consume(self, *_: object):
        raise self._error


TOLD = {
    "fenced": (KafkaError._FENCED, True, Fenced),
    "fatal": (KafkaError._FATAL, True, FatalError),
    "denied": (KafkaError.TOPIC_AUTHORIZATION_FAILED, False, TopicDenied),
    "unknown topic": (KafkaError.UNKNOWN_TOPIC_OR_PART, False, TopicMissing),
    "out of range": (KafkaError.OFFSET_OUT_OF_RANGE, False, FatalError),
    "away": (KafkaError._ALL_BROKERS_DOWN, False, Unreachable),
}


@pytest.mark.parametrize("first", [None, Message("t", 0, 5)], ids=["poll", "consume"])
@pytest.mark.parametrize(("code", "fatal", "kind"), TOLD.values(), ids=TOLD)
def test_reading_lets_only_our_errors_out(first, code, fatal, kind):
    client = BrokenClient(code, fatal=fatal, first=first)
    consumer = consumer_with(Member(), [])
    consumer._consumer = client
    with pytest.raises(kind) as caught:
        consumer.poll_batch(10, 0)
    assert type(caught.value) is kind
    tail: Any = Tail(KafkaSettings(bootstrap_servers="127.0.0.1:1"), "t", {0: 0})
    tail.close()
    tail._consumer = client
    with pytest.raises(kind) as caught:
        tail.poll()
    assert type(caught.value) is kind


class DeniedMessage(Message):
    def error(self):
        return KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)


@pytest.mark.rule("D8")
def test_d8_topic_of_a_table_that_may_not_be_read_is_told_and_one_of_all_tables_ends():
    consumer = consumer_with(Member(), [])
    client: Any = consumer._consumer
    client.poll = lambda _: DeniedMessage("cdc.public.t", 0, -1)
    with capture_logs() as logs:
        assert consumer.poll_batch(1, 0) == []
    assert [(each["event"], each["topic"]) for each in logs] == [("topic may not be read", "cdc.public.t")]
    assert "--topic cdc. --resource-pattern-type prefixed" in logs[0]["remedy"]
    client.poll = lambda _: DeniedMessage("cdc._tables", 0, -1)
    with pytest.raises(TopicDenied):
        consumer.poll_batch(1, 0)


class TopicMissingMessage(Message):
    def error(self):
        return KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, "Subscribed topic not available")


def test_topic_that_was_never_there_is_awaited_and_one_that_is_gone_is_a_warning():
    consumer = consumer_with(Member(), [])
    client: Any = consumer._consumer
    client.poll, client.resume = lambda _: TopicMissingMessage("t", -1, -1), lambda _: None
    with capture_logs() as logs:
        assert consumer.poll_batch(1, 0) == []
        consumer._assigned(client, [KafkaTopicPartition("t", 0)])
        assert consumer.poll_batch(1, 0) == []
    assert [(each["event"], each["log_level"], each["topic"]) for each in logs] == [
        ("no such topic yet, it is read once it is made", "info", "t"),
        ("consumer reported", "warning", "t"),
    ]


class PausedClient:
    """librdkafka's consumer: it keeps a pause over revoke and assign."""

    def __init__(self, paused: set[TopicPartition]) -> None:
        self.paused = paused

    def resume(self, places: Any) -> None:
        self.paused -= {TopicPartition(each.topic, each.partition) for each in places}


@pytest.mark.rule("V12")
def test_v12_partition_that_is_assigned_is_not_paused_whatever_it_was_before():
    member, others = Member(), TopicPartition("t", 1)
    consumer = consumer_with(member, [])
    consumer._consumer = client = PausedClient({TopicPartition("t", 0), others})
    consumer._assigned(client, [KafkaTopicPartition("t", 0, -1001)])
    assert client.paused == {others}
    assert member.calls == [("assign", [TopicPartition("t", 0)])]


class LeavingClient:
    """librdkafka's consumer: `close` leaves the group only where it holds something."""

    def __init__(self, *held: KafkaTopicPartition) -> None:
        self.held = list(held)
        self.calls: list[str] = []

    def assignment(self) -> list[KafkaTopicPartition]:
        return self.held

    def unsubscribe(self) -> None:
        self.calls.append("leave")

    def close(self) -> None:
        self.calls += ["leave", "close"] if self.held else ["close"]


@pytest.mark.rule("V12")
@pytest.mark.parametrize("held", [[], [KafkaTopicPartition("t", 0, 5)]], ids=["nothing", "something"])
def test_v12_member_leaves_the_group_whether_or_not_it_holds_something(held):
    consumer = consumer_with(Member(), [])
    consumer._consumer = client = LeavingClient(*held)
    consumer.close()
    assert client.calls == ["leave", "close"]


class ClosingClient:
    """librdkafka's consumer, whose `close` gives partitions back and then returns only when it is let go."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self.let_go = threading.Event()
        self.closed = False

    def assignment(self) -> list[KafkaTopicPartition]:
        return [KafkaTopicPartition("t", 0, 0)]

    def close(self) -> None:
        self._consumer._revoked(self, [TopicPartition("t", 0)])
        self.let_go.wait(20)
        self.closed = True


@pytest.fixture
def closing(monkeypatch):
    monkeypatch.setattr(consumers, "_CLOSE_TIMEOUT_S", 0.2)
    member = Member()
    consumer = consumer_with(member, [])
    consumer._consumer = client = ClosingClient(consumer)
    yield consumer, client, member
    client.let_go.set()


def test_a_client_that_never_closes_is_left_behind(closing):
    consumer, client, member = closing
    consumer.close()
    assert not client.closed
    assert member.calls == [("revoke", [TopicPartition("t", 0)])]


def test_the_owner_has_its_time_to_give_partitions_back(closing, monkeypatch):
    consumer, client, member = closing
    given = threading.Event()
    looks = []

    class Patient(threading.Thread):
        def join(self, timeout=None):
            looks.append(timeout)
            super().join(timeout)
            if len(looks) == 10:  # ten looks of 0.1 s: far beyond the time-out
                given.set()

    monkeypatch.setattr(consumers.threading, "Thread", Patient)
    member.on_revoke = lambda places: given.wait(20)
    client.let_go.set()
    consumer.close()
    assert given.is_set()


def test_what_the_owner_raises_while_it_closes_is_raised(closing):
    consumer, client, member = closing
    client.let_go.set()
    member.problem = FatalError("fenced")
    with pytest.raises(FatalError, match="fenced"):
        consumer.close()
