"""A client that librdkafka has left without any broker is replaced: it would never connect again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from confluent_kafka import TopicPartition as KafkaTopicPartition

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka import consumer as consumers
from cdc_runtime.kafka import tail as tails
from cdc_runtime.kafka.broker_watch import BrokerWatch
from cdc_runtime.kafka.consumer import GroupConsumer
from cdc_runtime.kafka.tail import Tail
from cdc_runtime.settings.models import KafkaSettings
from tests.waiting import eventually

SETTINGS = KafkaSettings(bootstrap_servers="127.0.0.1:1")


def _told(*sources: str) -> str:
    """As librdkafka tells: without spaces, brokers before topics."""
    brokers = {f"b{n}": {"name": f"b{n}", "source": source} for n, source in enumerate(sources)}
    return json.dumps({"name": "c", "brokers": brokers, "topics": {}}, separators=(",", ":"))


BEGUN, LEARNED = _told("internal", "configured"), _told("internal", "learned", "logical")
NONE = _told("internal", "logical")


@pytest.mark.parametrize(
    ("told", "lost"),
    [
        ([], False),
        ([BEGUN], False),
        ([LEARNED, LEARNED], False),
        ([LEARNED, NONE], False),
        ([LEARNED, NONE, NONE], True),
        ([LEARNED, NONE, BEGUN, NONE], False),
    ],
)
def test_client_is_lost_that_has_no_broker_twice_in_a_row(told: list[str], *, lost: bool) -> None:
    watch = BrokerWatch()
    for each in told:
        watch(each)
    assert watch.lost is lost


class Client:
    """librdkafka's consumer: what it was asked, and its statistics when a test says so."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.tell: Callable[[str], None] = config["stats_cb"]
        self.held: list[KafkaTopicPartition] = []
        self.callbacks: dict[str, Callable[..., None]] = {}
        self.assigned: list[tuple[int, int]] = []
        self.closed = False

    def subscribe(self, topics: Sequence[str], **callbacks: Callable[..., None]) -> None:
        self.callbacks = callbacks

    def assign(self, places: Sequence[KafkaTopicPartition]) -> None:
        self.assigned = [(each.partition, each.offset) for each in places]

    def assignment(self) -> list[KafkaTopicPartition]:
        return self.held

    def resume(self, places: object) -> None:
        """Nothing is paused."""

    def poll(self, wait_s: float) -> None:
        """Nothing comes."""

    def close(self) -> None:
        if self.callbacks and self.held:
            self.callbacks["on_revoke"](self, self.held)
        self.closed = True


class Member:
    """Notes what becomes of its partitions."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[TopicPartition]]] = []

    def on_assign(self, partitions: list[TopicPartition]) -> None:
        self.calls.append(("assign", partitions))

    def on_revoke(self, partitions: list[TopicPartition]) -> None:
        self.calls.append(("revoke", partitions))

    def on_lost(self, partitions: list[TopicPartition]) -> None:
        self.calls.append(("lost", partitions))


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[Client]:
    made: list[Client] = []

    def make(_: object, __: object, config: dict[str, Any]) -> Client:
        made.append(Client(config))
        return made[-1]

    for module in (consumers, tails):
        monkeypatch.setattr(module, "make_client", make)
    return made


PLACES = [KafkaTopicPartition("t", 0), KafkaTopicPartition("t", 1)]
HELD = [TopicPartition("t", 0), TopicPartition("t", 1)]


def _lose(client: Client) -> None:
    for _ in range(2):
        client.tell(NONE)


@pytest.mark.rule("P13")
def test_p13_member_without_brokers_begins_anew_and_what_it_held_is_lost(clients: list[Client]) -> None:
    member = Member()
    consumer = GroupConsumer(SETTINGS, "g", ["t"], member)
    (first,) = clients
    first.callbacks["on_assign"](first, PLACES)
    first.held = PLACES
    first.tell(LEARNED)
    consumer.poll_batch(10, 0)
    assert clients == [first]
    _lose(first)
    consumer.poll_batch(10, 0)
    _, second = clients
    # What the old one still calls back is nobody's.
    eventually(lambda: first.closed)
    second.callbacks["on_assign"](second, PLACES)
    assert member.calls == [("assign", HELD), ("lost", HELD), ("assign", HELD)]
    consumer.poll_batch(10, 0)
    assert clients == [first, second]


@pytest.mark.rule("P13")
def test_p13_tail_without_brokers_reads_on_where_it_was(clients: list[Client]) -> None:
    tail = Tail(SETTINGS, "t", {0: 5, 1: 9}, admin=object())  # type: ignore[arg-type]
    tail.next_offsets[0] = 7
    _lose(clients[0])
    tail.poll()
    assert [client.assigned for client in clients] == [[(0, 5), (1, 9)], [(0, 7), (1, 9)]]
    assert clients[0].closed
