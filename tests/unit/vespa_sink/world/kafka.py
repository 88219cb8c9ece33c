"""Kafka in memory: topics, the group's offsets, directories, and a consumer whose partitions come and go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

from cdc_runtime.consuming.dead_letters import DeadLetter, Failure, dead_letter
from cdc_runtime.consuming.records import Record, TopicPartition
from schemas.errors import RowferryError
from schemas.names import TableName
from schemas.tables import TableEntry
from tests.unit.vespa_sink.world.clock import JumpingLoop

LETTERS = TopicPartition("cdc._dlq.rowferry-vespa-sink", 0)


class FakeKafka:
    """
    All that is behind the clients.

    `rebalances` happen in the next poll, as librdkafka has them. `letter_problems` are raised by the next dead letters,
    one each. `retention_ms`: how long topics keep tombstones. `lives`: how often a topic was
    made; it is not there when that is 0. `aborted`: offsets behind the last record that hold none.
    """

    def __init__(self, loop: JumpingLoop) -> None:
        self.loop = loop
        self.log: dict[TopicPartition, list[Record]] = defaultdict(list)
        self.committed: dict[TopicPartition, tuple[int, str | None]] = {}
        self.rebalances: list[Callable[[Any], None]] = []
        self.schemas: dict[bytes, dict[str, Any]] = {}
        self.tables: dict[TableName, TableEntry] = {}
        self.letters: list[DeadLetter] = []
        self.letter_problems: list[RowferryError] = []
        self.snapshots: list[tuple[str, str]] = []
        self.rereads: list[tuple[str, tuple[str, ...], str]] = []
        self.occasions: set[tuple[TableName, str]] = set()
        self.request_problems: list[RowferryError] = []
        self.retention_ms = 7 * 24 * 3600 * 1000
        self.refreshes = 0
        self.lives: dict[str, int] = defaultdict(lambda: 1)
        self.consumer: FakeConsumer | None = None
        self.aborted: dict[TopicPartition, int] = defaultdict(int)
        self.tails = 0

    def make_again(self, topic: str, *, forget: bool = True) -> None:
        """Delete a topic and make it again; `forget`: the group's positions go with it, as the broker has it."""
        self.lives[topic] += 1
        for each in [place for place in self.log if place.topic == topic]:
            self.log[each] = []
            if forget:
                self.committed.pop(each, None)

    def write(
        self,
        topic_partition: TopicPartition,
        key: bytes | None,
        value: bytes | None,
        timestamp_ms: int,
        headers: tuple[tuple[str, bytes | None], ...] = (),
    ) -> Record:
        """Append a record."""
        log = self.log[topic_partition]
        record = Record(*topic_partition, len(log), key, value, timestamp_ms, headers)
        log.append(record)
        return record

    def next_offset(self, topic_partition: TopicPartition) -> int | None:
        """What the group has committed."""
        found = self.committed.get(topic_partition)
        return None if found is None else found[0]


class FakeConsumer:
    """
    A `GroupConsumer`: used by the thread that the member gives it.

    `deaf`: partitions of which it hands nothing out until they are begun again, or assigned anew.
    """

    def __init__(self, kafka: FakeKafka, listener: Any) -> None:
        self._kafka = kafka
        self._listener = listener
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self.deaf: set[TopicPartition] = set()
        kafka.consumer = self

    def poll_batch(self, max_records: int, wait_s: float) -> list[Record]:
        while self._kafka.rebalances:
            self._kafka.rebalances.pop(0)(self)
        records = []
        out_of_range = [each for each, position in self._positions.items() if position > len(self._kafka.log[each])]
        self._positions.update(dict.fromkeys(out_of_range, 0))  # to the earliest
        for topic_partition in [each for each in self._positions if each not in self._paused | self.deaf]:
            position = self._positions.pop(topic_partition)  # the next poll begins with the others
            new = self._kafka.log[topic_partition][position:][: max_records - len(records)]
            self._positions[topic_partition] = position + len(new)
            records += new
        if not records:
            self._kafka.loop.sleep_in_thread(wait_s)
        return records

    def assign(self, topic_partitions: Sequence[TopicPartition]) -> None:
        for each in topic_partitions:
            self._positions[each] = self._kafka.next_offset(each) or 0
            self._paused.discard(each)
        self._listener.on_assign(topic_partitions)

    def revoke(self, topic_partitions: Sequence[TopicPartition]) -> None:
        self._listener.on_revoke(topic_partitions)
        self._forget(topic_partitions)

    def lose(self, topic_partitions: Sequence[TopicPartition]) -> None:
        self._listener.on_lost(topic_partitions)
        self._forget(topic_partitions)

    def commit(
        self,
        offsets: Mapping[TopicPartition, int],
        *,
        synchronous: bool = True,
        metadata: Mapping[TopicPartition, str] | None = None,
    ) -> None:
        texts = metadata or {}
        self._kafka.committed.update({each: (offset, texts.get(each)) for each, offset in offsets.items()})

    def committed_with_metadata(
        self, topic_partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, tuple[int, str | None]]:
        committed = self._kafka.committed
        return {each: committed[each] for each in topic_partitions if each in committed}

    def known_end(self, topic_partition: TopicPartition) -> int | None:
        return len(self._kafka.log[topic_partition])

    def group_metadata(self) -> object:
        return "generation 7"

    def pause(self, topic_partitions: Iterable[TopicPartition]) -> None:
        self._paused |= set(topic_partitions)

    def resume(self, topic_partitions: Iterable[TopicPartition]) -> None:
        self._paused -= set(topic_partitions)

    def begin_again(self, topic_partition: TopicPartition, next_offset: int) -> None:
        self._positions[topic_partition] = next_offset
        self._paused.discard(topic_partition)
        self.deaf.discard(topic_partition)

    def close(self) -> None:
        self.revoke(list(self._positions))

    def _forget(self, topic_partitions: Iterable[TopicPartition]) -> None:
        for each in topic_partitions:
            self._positions.pop(each, None)


class FakeAdmin:
    """What the sink asks of the brokers."""

    def __init__(self, kafka: FakeKafka) -> None:
        self._kafka = kafka

    def topic_partitions(self, topic: str) -> list[TopicPartition]:
        return [LETTERS] if topic == LETTERS.topic else []

    def begin_offsets(self, topic_partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(topic_partitions, 0)

    def end_offsets(self, topic_partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return {each: len(self._kafka.log[each]) + self._kafka.aborted[each] for each in topic_partitions}

    def topic_lives(self, topics: Iterable[str]) -> dict[str, tuple[str, int]]:
        lives = self._kafka.lives
        return {each: (f"{each} {lives[each]}", 100) for each in topics if lives[each]}

    def describe(self, topic: str) -> object:
        return SimpleNamespace(config={"delete.retention.ms": str(self._kafka.retention_ms)})


class FakeTail:
    """The records of partitions from somewhere to the end."""

    def __init__(self, kafka: FakeKafka, topic: str, start: Mapping[int, int]) -> None:
        kafka.tails += topic != LETTERS.topic
        self._kafka = kafka
        self._next = {TopicPartition(topic, partition): offset for partition, offset in start.items()}

    def read_to_end(self, timeout_s: float = 0.0) -> Iterator[Record]:
        for place, offset in self._next.items():
            records = self._kafka.log[place][offset:]
            self._next[place] = offset + len(records)
            yield from records

    def close(self) -> None:
        """Nothing is open."""


class FakeDirectory:
    """A directory that has read what was published when it was refreshed last."""

    def __init__(self, kafka: FakeKafka, published: dict[Any, Any]) -> None:
        self._kafka = kafka
        self._published = published
        self._known = dict(published)

    def refresh(self, timeout_s: float = 0.0) -> bool:
        self._kafka.refreshes += 1
        changed = self._known != self._published
        self._known = dict(self._published)
        return changed

    def poll(self) -> bool:
        return False

    def get(self, name: Any) -> Any:
        return self._known.get(name)

    def close(self) -> None:
        """Nothing is open."""


class FakeLetterQueue:
    """Where dead letters go: tried each second until they are stored."""

    def __init__(self, kafka: FakeKafka) -> None:
        self._kafka = kafka

    def submit(self, record: Record, failure: Failure, on_trouble: Callable[[str | None], None]) -> Future[None]:
        stored: Future[None] = Future()
        self._try(dead_letter(record, failure, group="group", task="task"), stored, on_trouble)
        return stored

    def _try(self, letter: DeadLetter, stored: Future[None], on_trouble: Callable[[str | None], None]) -> None:
        if self._kafka.letter_problems:
            on_trouble(str(self._kafka.letter_problems.pop(0)))
            self._kafka.loop.call_later(1.0, self._try, letter, stored, on_trouble)
            return
        on_trouble(None)
        self._kafka.letters.append(letter)
        self._kafka.write(LETTERS, letter.key, letter.value, 0, letter.headers)
        stored.set_result(None)


class FakeRequests:
    """What is asked of the reader; each table once an hour."""

    def __init__(self, kafka: FakeKafka) -> None:
        self._kafka = kafka

    def snapshot(self, table: TableName, reason: str, occasion: str = "") -> bool:
        if self._kafka.request_problems:
            raise self._kafka.request_problems.pop(0)
        asked = (table, occasion) not in self._kafka.occasions
        if asked:
            self._kafka.occasions.add((table, occasion))
            self._kafka.snapshots.append((str(table), reason))
        return asked

    def reread(self, table: TableName, keys: Sequence[str], reason: str) -> None:
        if self._kafka.request_problems:
            raise self._kafka.request_problems.pop(0)
        self._kafka.rereads.append((str(table), tuple(keys), reason))
