"""
Kafka in memory: transactional ids that fence, transactions that happen, abort, or happen though the producer raises.

The producers, the administrator and the reads have the methods of `cdc_runtime.kafka` that the reader calls; the same
tests run on them and on the real ones (`tests.integration.cdc_reader.test_fakes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cdc_runtime.consuming.records import Headers, Record, TopicPartition
from cdc_runtime.kafka.errors import Fenced, TopicRefused, TransactionAborted
from schemas.errors import RowferryError, Unreachable
from schemas.keys import partition_of
from schemas.topics import TopicSpec

HAPPENS, ABORTS, UNHEARD = "happens", "aborts", "unheard"


class Broker:
    """Topics by partition, of committed records. `fates`: what becomes of the next transactions."""

    def __init__(self) -> None:
        self.log: dict[TopicPartition, list[Record]] = {}
        self.ids: dict[str, str] = {}
        self.fates: list[str] = []
        self.epochs: dict[str, int] = {}
        self.down = False
        self.refused: dict[str, RowferryError] = {}
        self.denied: dict[str, RowferryError] = {}  # topics that we may not write to
        self.refusing: set[str] = set()  # topics whose partitions take no records
        self.commits = 0
        self.hides = False  # behind another producer's open transaction, which a look does not wait for
        self.added: list[Record] = []  # to a transaction or outside of one, in the order of the calls

    def create(self, topic: str, partitions: int) -> None:
        if topic not in self.ids:
            self.ids[topic] = f"id-{len(self.ids)}-{self.commits}"
            self.log.update({TopicPartition(topic, partition): [] for partition in range(partitions)})

    def delete(self, topic: str) -> None:
        del self.ids[topic]
        self.log = {each: records for each, records in self.log.items() if each.topic != topic}

    def partitions(self, topic: str) -> list[TopicPartition]:
        return [each for each in self.log if each.topic == topic]

    def records(self, topic: str) -> list[Record]:
        return [record for each in self.partitions(topic) for record in self.log[each]]

    def placed(self, record: Record) -> Record:
        """The record in the partition of its key, where it asks for none."""
        if record.partition >= 0:
            return record
        return record._replace(partition=partition_of(record.key or b"", len(self.partitions(record.topic))))

    def write(self, records: Iterable[Record]) -> None:
        for record in records:
            log = self.log[record.topic_partition]
            log.append(record._replace(offset=len(log)))

    def readable(self, value: bytes | None) -> bool:
        """P10: whether a consumer finds the schema of this event, where it is one."""
        keys = [record.key for topic in self.ids if topic.endswith("._schemas") for record in self.records(topic)]
        return value is None or value[:2] != b"\xc3\x01" or value[2:10] in keys

    def alive(self) -> None:
        if self.down:
            raise Unreachable("expected Kafka to answer, got no answer")


def _record(broker: Broker, topic: str, key: Any, value: Any, more: Mapping[str, Any]) -> Record:
    partition = more.get("partition")
    headers: Headers = tuple(more.get("headers") or ())
    assert topic in broker.ids, f"topic {topic} was not created before it was written to"
    made = Record(topic, -1 if partition is None else partition, 0, key, value, more.get("timestamp_ms", 0), headers)
    broker.added.append(placed := broker.placed(made))
    return placed


class TransactionalProducer:
    """One at a time by transactional id: `init` fences the others."""

    def __init__(self, broker: Broker, transactional_id: str, *, names_topics: bool = False) -> None:
        self._broker, self._id, self._names = broker, transactional_id, names_topics
        self._epoch = -1
        self._open: list[Record] | None = None
        self.dead = False

    def raw_produce(self, topic: str, value: bytes | None, key: bytes | None, *, timestamp: int) -> None:
        self.produce(topic, key, value, timestamp_ms=timestamp)

    def init(self, timeout_s: float) -> None:
        self._broker.alive()
        self._epoch = self._broker.epochs[self._id] = self._broker.epochs.get(self._id, 0) + 1

    def begin(self) -> None:
        self._alive()
        assert self._open is None, "expected a commit before the next begin"
        self._open = []

    def produce(self, topic: str, key: bytes | None, value: bytes | None, **more: Any) -> None:
        self._alive()
        assert self._open is not None, "expected a begin before a record"
        assert self._broker.readable(value), "an event before its schema is durable"
        self._refused()
        self._open.append(_record(self._broker, topic, key, value, more))

    def _refused(self) -> None:
        """A record that a topic does not take is known of with what comes next."""
        for record in self._open or ():
            if record.topic in self._broker.refusing:
                self.dead = True
                refused = TopicRefused(expected="Kafka to take records", found="MSG_SIZE_TOO_LARGE: too large")
                refused.topic = record.topic if self._names else ""
                raise refused

    def poll(self) -> None:
        self._alive()

    def commit(self, timeout_s: float | None = None) -> None:
        self._alive()
        assert self._open is not None, "expected a begin before the commit"
        self._refused()
        fate = self._broker.fates.pop(0) if self._broker.fates else HAPPENS
        written, self._open = self._open, None
        if fate != ABORTS:
            self._broker.write(written)
            self._broker.commits += 1
        if fate != HAPPENS:
            self.dead = True
            raise TransactionAborted("expected a commit, got none")

    def close(self) -> None:
        self.dead, self._open = True, None

    def _alive(self) -> None:
        if self.dead or self._broker.down:
            raise TransactionAborted(
                "expected Kafka to tell how the last call ended, got no answer: a new producer goes on"
            )
        if self._epoch != self._broker.epochs.get(self._id):
            self.dead = True
            raise Fenced("expected to be the only producer of this transactional id, got another")


class IdempotentProducer:
    """Records are durable when `flush_or_raise` returns; before, nobody reads them."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._sent: list[Record] = []

    def send(self, topic: str, key: bytes | None, value: bytes | None, **more: Any) -> None:
        self._sent.append(_record(self._broker, topic, key, value, more))

    def flush_or_raise(self, timeout_s: float | None = None) -> None:
        self._broker.alive()
        self._broker.write(self._sent)
        self._sent = []

    def close(self) -> None:
        self._sent = []


class Admin:
    """`cdc_runtime.kafka.admin.KafkaAdmin`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def wait_until_reachable(self, start_timeout_s: float, stopping: object = None) -> bool:
        self._broker.alive()
        return True

    def ensure_topics(self, specs: Iterable[TopicSpec]) -> list[str]:
        self._broker.alive()
        made = [spec for spec in specs if spec.name not in self._broker.ids]
        for spec in made:
            self._broker.create(spec.name, spec.partitions)
        return [spec.name for spec in made]

    def ensure_each(self, specs: Iterable[TopicSpec]) -> dict[str, RowferryError]:
        wanted = list(specs)
        refused = {spec.name: self._broker.refused[spec.name] for spec in wanted if spec.name in self._broker.refused}
        self.ensure_topics(spec for spec in wanted if spec.name not in refused)
        return refused

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        return {topic: self._broker.ids[topic] for topic in topics if topic in self._broker.ids}

    def partition_counts(self, topics: Iterable[str]) -> dict[str, int]:
        return {topic: len(self._broker.partitions(topic)) for topic in topics if topic in self._broker.ids}

    def topics(self) -> list[str]:
        return list(self._broker.ids)

    def topic_lives(self, topics: Iterable[str]) -> dict[str, tuple[str, int]]:
        self._broker.alive()
        counts = self.partition_counts(topics)
        return {topic: (topic_id, counts[topic]) for topic, topic_id in self.topic_ids(counts).items()}

    def topic_differences(self, specs: Iterable[TopicSpec]) -> list[str]:
        self._broker.alive()
        return [str(self._broker.refused[spec.name]) for spec in specs if spec.name in self._broker.refused]

    def denied(self, topics: Iterable[str]) -> dict[str, RowferryError]:
        return {topic: self._broker.denied[topic] for topic in topics if topic in self._broker.denied}


class Tail:
    """`cdc_runtime.kafka.tail.Tail` from given offsets on."""

    def __init__(self, broker: Broker, topic: str, start: Mapping[int, int]) -> None:
        self.topic, self._broker, self._next = topic, broker, dict(start)

    def poll(self, wait_s: float = 0.0) -> list[Record]:
        found: list[Record] = []
        for partition, start in self._next.items():
            new = self._broker.log[TopicPartition(self.topic, partition)][start:]
            self._next[partition] += len(new)
            found += new
        return found

    def close(self) -> None:
        """It is no client."""


def read_to_end(broker: Broker, topic: str) -> Iterator[Record]:
    broker.alive()
    yield from broker.records(topic)


def read_committed(broker: Broker, topic: str) -> Iterator[Record]:
    broker.alive()
    yield from [] if broker.hides else broker.records(topic)


def last_records(broker: Broker, topic: str) -> dict[int, Record]:
    return {each.partition: broker.log[each][-1] for each in broker.partitions(topic) if broker.log[each]}
