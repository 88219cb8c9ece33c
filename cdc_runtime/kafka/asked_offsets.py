"""
Edge: the first and the next offset of partitions, asked of their leaders: a part of `admin.KafkaAdmin`.

Every call may be repeated, and waits while a partition of a new topic has no leader yet.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Literal, TypeVar

from confluent_kafka import IsolationLevel
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # public, but not in an __all__

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka.errors import TopicMissing
from schemas.errors import TransientError, Unreachable

Isolation = Literal["committed", "uncommitted"]
_ISOLATION = {"committed": IsolationLevel.READ_COMMITTED, "uncommitted": IsolationLevel.READ_UNCOMMITTED}
_RETRY_PAUSE_S = 0.05
_OFFSETS_AT_ONCE = 1_000
T = TypeVar("T")


class AskedOffsets:
    """The calls about offsets; the client, and what becomes of an answer, are the administrator's."""

    _timeout_s: float

    @property
    def _client(self) -> AdminClient:
        raise NotImplementedError

    def _listed(self) -> dict[str, Any]:
        raise NotImplementedError

    def _result(self, future: Future[Any], action: str, **missing: None) -> Any:  # noqa: ANN401
        raise NotImplementedError

    def end_offsets(
        self, topic_partitions: Iterable[TopicPartition], isolation: Isolation = "committed"
    ) -> dict[TopicPartition, int]:
        """The next offset of each partition: `committed` up to open transactions (LSO), else the high watermark."""
        return self._offsets(topic_partitions, OffsetSpec.latest(), isolation)  # type: ignore[no-untyped-call]

    def begin_offsets(self, topic_partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset that each partition still has."""
        return self._offsets(topic_partitions, OffsetSpec.earliest(), "uncommitted")  # type: ignore[no-untyped-call]

    def _offsets(
        self, topic_partitions: Iterable[TopicPartition], spec: OffsetSpec, isolation: Isolation
    ) -> dict[TopicPartition, int]:
        """Ask until every partition has a leader that answers: one of a new topic has none for a moment."""
        wanted = list(topic_partitions)
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                return {
                    topic_partition: offset
                    for batch in batches(wanted, _OFFSETS_AT_ONCE)
                    for topic_partition, offset in self._offsets_now(batch, spec, isolation).items()
                }
            except (TransientError, TopicMissing) as exc:
                # What librdkafka remembers of leaders may be old, and is not renewed by itself.
                if time.monotonic() >= deadline or not (isinstance(exc, Unreachable) or self._exist(wanted)):
                    raise
            time.sleep(_RETRY_PAUSE_S)

    def _exist(self, topic_partitions: list[TopicPartition]) -> bool:
        """
        Whether the brokers know the partitions that librdkafka found no leaders for.

        It answers from what it remembers, which may be older than a new topic: listing the topics renews that.
        """
        topics = self._listed()
        return all(
            topic_partition.topic in topics and topic_partition.partition in topics[topic_partition.topic].partitions
            for topic_partition in topic_partitions
        )

    def _offsets_now(
        self, topic_partitions: list[TopicPartition], spec: OffsetSpec, isolation: Isolation
    ) -> dict[TopicPartition, int]:
        futures = self._client.list_offsets(
            {KafkaTopicPartition(*each): spec for each in topic_partitions},
            isolation_level=_ISOLATION[isolation],
            request_timeout=self._timeout_s,
        )
        return {
            TopicPartition(topic_partition.topic, topic_partition.partition): int(
                self._result(future, f"give the offsets of {topic_partition.topic}[{topic_partition.partition}]").offset
            )
            for topic_partition, future in futures.items()
        }


def batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    """The items in parts of that size."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
