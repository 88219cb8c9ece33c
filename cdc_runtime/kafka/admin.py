"""
Topics and offsets as the brokers know them: created with explicit settings, compared, waited for.

Leaves to others: what a topic should look like (`schemas.topics`) and what differs (`topic_checks`). Every call
may be repeated. A request holds a bounded number of topics, however many tables there are, and blocks for
`request_timeout_s` at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Literal, TypeVar

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, but not in an __all__
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka.client import ErrorMemory, client_config, make_client
from cdc_runtime.kafka.errors import TopicMissing, kafka_error
from cdc_runtime.settings.models import KafkaSettings
from cdc_runtime.topic_checks import (
    TopicDifference,
    TopicFacts,
    config_for_old_broker,
    creation_batches,
    differences,
)
from schemas.errors import Neighbour, NeighbourMissing, ServerSetting, TransientError, Unreachable
from schemas.topics import TopicSpec

Isolation = Literal["committed", "uncommitted"]
_ISOLATION = {"committed": IsolationLevel.READ_COMMITTED, "uncommitted": IsolationLevel.READ_UNCOMMITTED}
_RETRY_PAUSE_S = 0.05
# A new topic is known to all brokers a moment after its creation was acknowledged.
_CREATION_S = 15.0
# An answer with the settings of so many topics has about 1 MB; a description, and an offset, is smaller.
_DESCRIBED_AT_ONCE = 200
_OFFSETS_AT_ONCE = 1_000
# What asks the broker for its `default.replication.factor`.
_COPIES_OF_THE_BROKER = -1
T = TypeVar("T")


class KafkaAdmin:
    """Administrative calls to one cluster. May be used by several threads."""

    def __init__(self, settings: KafkaSettings, *, request_timeout_s: float = 10.0) -> None:
        self._settings = settings
        self._timeout_s = request_timeout_s
        self._errors = ErrorMemory()
        self._client = make_client(AdminClient, settings, client_config(settings, self._errors))

    def wait_until_reachable(self, start_timeout_s: float, stopping: Callable[[], bool] = lambda: False) -> bool:
        """
        Wait until a broker answers; True when one does, False when `stopping()` came first.

        Raises `AccessDenied` at once when it refuses us, `NeighbourMissing` after `start_timeout_s`.
        """
        deadline = time.monotonic() + start_timeout_s
        while not stopping():
            try:
                self._client.list_topics(timeout=max(0.1, min(1.0, deadline - time.monotonic())))
                return True
            except KafkaException as exc:
                self._client.poll(0)
                problem = self._errors.translate(exc, "answer")
                if not isinstance(problem, TransientError):
                    raise problem from exc
                if time.monotonic() >= deadline:
                    raise NeighbourMissing(
                        expected=f"Kafka at {self._settings.bootstrap_servers} to answer within {start_timeout_s:g} s",
                        found="no answer",
                        neighbour=Neighbour.KAFKA,
                        remedy="start the brokers, or set kafka.bootstrap_servers",
                    ) from exc
        return False

    def ensure_topics(self, specs: Iterable[TopicSpec]) -> list[str]:
        """
        Create the topics that are missing, compare the others; give the names of those created.

        Raises `ServerSetting` that lists every difference, with the commands that mend them.
        """
        wanted = list(specs)
        existing = self.describe_many([spec.name for spec in wanted])
        created = [spec for spec in wanted if spec.name not in existing]
        for batch in creation_batches(created):
            self._create(batch)
        found = [
            difference
            for spec in wanted
            if spec.name in existing
            for difference in differences(spec, existing[spec.name], self._settings.bootstrap_servers)
        ]
        if found:
            raise topics_differ(found)
        return [spec.name for spec in created]

    def topic_differences(self, specs: Iterable[TopicSpec]) -> list[TopicDifference]:
        """What is not as wanted; a topic that is missing is passed over. Changes nothing."""
        wanted = list(specs)
        existing = self.describe_many([spec.name for spec in wanted])
        return [
            difference
            for spec in wanted
            if spec.name in existing
            for difference in differences(spec, existing[spec.name], self._settings.bootstrap_servers)
        ]

    def _create(self, specs: Sequence[TopicSpec]) -> None:
        failed = self._try_create({spec.name: (spec.partitions, spec.config) for spec in specs})
        if failed:
            again = self._try_create(
                {s.name: (s.partitions, config_for_old_broker(s.config)) for s in specs if s.name in failed}
            )
            for name, exc in again.items():
                raise self._errors.translate(exc, f"create topic {name}") from exc
        self._wait_until_usable(specs)

    def _wait_until_usable(self, specs: Sequence[TopicSpec]) -> None:
        """Return when all partitions of new topics have leaders, so that the caller may use them at once."""
        wanted = {spec.name: spec.partitions for spec in specs}
        deadline = time.monotonic() + _CREATION_S
        while leaderless := self._leaderless(wanted):
            if time.monotonic() > deadline:
                raise Unreachable(
                    expected=f"leaders for new topics within {_CREATION_S:g} s",
                    found=f"none for {leaderless!r}",
                    neighbour=Neighbour.KAFKA,
                )
            time.sleep(_RETRY_PAUSE_S)

    def _leaderless(self, wanted: Mapping[str, int]) -> list[str]:
        """Topics of which some partition has no leader yet.

        Asks for the metadata of all topics: this also replaces what librdkafka keeps of a topic that was asked for
        before it existed, and answers from for many seconds otherwise ("no leaders found").
        """
        with self._errors.translating("list topics"):
            known = self._client.list_topics(timeout=self._timeout_s).topics
        return sorted(
            name
            for name, count in wanted.items()
            if name not in known
            or len(known[name].partitions) < count
            or any(partition.leader < 0 for partition in known[name].partitions.values())
        )

    def _try_create(self, topics: Mapping[str, tuple[int, Mapping[str, str]]]) -> dict[str, KafkaException]:
        """Create topics; give those whose settings the broker does not know."""
        copies = self._settings.replication_factor or _COPIES_OF_THE_BROKER
        new = [NewTopic(name, partitions, copies, config=dict(config)) for name, (partitions, config) in topics.items()]
        unknown_settings: dict[str, KafkaException] = {}
        for name, future in self._client.create_topics(new, request_timeout=self._timeout_s).items():
            try:
                future.result()
            except KafkaException as exc:
                error = kafka_error(exc)
                code = error.code() if error is not None else None
                if code == KafkaError.INVALID_CONFIG:
                    unknown_settings[name] = exc
                elif code != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise self._errors.translate(exc, f"create topic {name}") from exc
        return unknown_settings

    def describe(self, topic: str) -> TopicFacts | None:
        """Partitions, settings and id of a topic; None when it does not exist."""
        return self.describe_many([topic]).get(topic)

    def describe_many(self, topics: Sequence[str]) -> dict[str, TopicFacts]:
        """Like `describe`, for many topics, two requests for a batch of them; those that do not exist are left out."""
        facts: dict[str, TopicFacts] = {}
        for batch in _batches(topics, _DESCRIBED_AT_ONCE):
            facts |= self._describe_batch(batch)
        return facts

    def _describe_batch(self, topics: Sequence[str]) -> dict[str, TopicFacts]:
        ids = self._describe_ids(topics)
        if not ids:
            return {}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in ids]
        facts = {}
        for resource, future in self._client.describe_configs(resources, request_timeout=self._timeout_s).items():
            entries = self._result(future, f"describe the settings of topic {resource.name}", missing=None)
            if entries is not None:
                config = {name: str(entry.value) for name, entry in entries.items()}
                topic_id, partitions = ids[resource.name]
                facts[resource.name] = TopicFacts(resource.name, topic_id, partitions, config)
        return facts

    def _describe_ids(self, topics: Sequence[str]) -> dict[str, tuple[str, int]]:
        found = {}
        for batch in _batches(topics, _DESCRIBED_AT_ONCE):
            futures = self._client.describe_topics(TopicCollection(batch), request_timeout=self._timeout_s)
            for name, future in futures.items():
                described = self._result(future, f"describe topic {name}", missing=None)
                if described is not None:
                    found[name] = (str(described.topic_id), len(described.partitions))
        return found

    def topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        """The id (UUID) of each topic that exists: it changes when a topic is deleted and made again."""
        return {name: topic_id for name, (topic_id, _) in self._describe_ids(topics).items()}

    def topic_id(self, topic: str) -> str | None:
        """The id (UUID) of a topic; None when it does not exist."""
        return self.topic_ids([topic]).get(topic)

    def partition_counts(self, topics: Sequence[str]) -> dict[str, int]:
        """The number of partitions of each topic that exists."""
        return {name: count for name, (_, count) in self._describe_ids(topics).items()}

    def topics(self) -> list[str]:
        """The names of all topics, without Kafka's own."""
        with self._errors.translating("list topics"):
            return sorted(name for name in self._client.list_topics(timeout=self._timeout_s).topics if name[:2] != "__")

    def topic_partitions(self, topic: str) -> list[TopicPartition]:
        """All partitions of a topic; raises `TopicMissing`."""
        count = self.partition_counts([topic]).get(topic)
        if count is None:
            raise TopicMissing(expected=f"topic {topic} to exist", found="none")
        return [TopicPartition(topic, partition) for partition in range(count)]

    def wait_for_topics(
        self, topics: Sequence[str], start_timeout_s: float, stopping: Callable[[], bool] = lambda: False
    ) -> bool:
        """Wait until the topics exist; False when `stopping()` came first. Raises `TopicMissing` at the time-out."""
        deadline = time.monotonic() + start_timeout_s
        while not stopping():
            missing = sorted(set(topics) - self._describe_ids(topics).keys())
            if not missing:
                return True
            if time.monotonic() >= deadline:
                raise TopicMissing(
                    expected=f"topics {', '.join(missing)} within {start_timeout_s:g} s",
                    found="none",
                    remedy="start the service that owns them (cdc-reader run), or check kafka.prefix",
                )
            time.sleep(_RETRY_PAUSE_S)
        return False

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
                    for batch in _batches(wanted, _OFFSETS_AT_ONCE)
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
        with self._errors.translating("list topics"):
            topics = self._client.list_topics(timeout=self._timeout_s).topics
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

    def _result(self, future: Future[Any], action: str, **missing: None) -> Any:  # noqa: ANN401
        """The result of a call; with `missing=None`, None for a topic that does not exist."""
        try:
            return future.result()
        except KafkaException as exc:
            self._client.poll(0)
            problem = self._errors.translate(exc, action)
            if isinstance(problem, TopicMissing) and missing:
                return None
            raise problem from exc


def _batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def topics_differ(found: Sequence[TopicDifference]) -> ServerSetting:
    """One error for all differences."""
    return ServerSetting(
        "; ".join(str(difference) for difference in found),
        neighbour=Neighbour.KAFKA,
        remedy="; ".join(dict.fromkeys(difference.remedy for difference in found)),
    )
