"""What a batch leaves out when its partition goes away in between."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka import consumer as consumers
from cdc_runtime.kafka.consumer import GroupConsumer
from cdc_runtime.kafka.errors import PartitionsLost
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


class ClosingClient:
    """librdkafka's consumer, whose `close` gives partitions back and then returns only when it is let go."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self.let_go = threading.Event()
        self.closed = False

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
