"""
Topics and offsets as the brokers know them: created with explicit settings, compared, waited for.

Leaves to others: what a topic should look like (`schemas.topics`) and what differs (`topic_checks`). Every call
may be repeated. A request holds a bounded number of topics, however many tables there are, and blocks for
`request_timeout_s` at most.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, but not in an __all__
    AclOperation,
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from cdc_runtime.bounded_calls import CALLS
from cdc_runtime.call_bounds import Call, bound_of
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka.asked_offsets import AskedOffsets, batches
from cdc_runtime.kafka.client import ErrorMemory, answer, client_config, make_client
from cdc_runtime.kafka.errors import TopicMissing, denies_topic, kafka_error, translate
from cdc_runtime.kafka.idle_clients import Served
from cdc_runtime.kafka.listener_probe import misfit
from cdc_runtime.settings.models import KafkaSettings
from cdc_runtime.topic_checks import (
    TopicDifference,
    TopicFacts,
    config_for_old_broker,
    creation_batches,
    differences,
)
from schemas.errors import (
    AccessDenied,
    Neighbour,
    NeighbourMissing,
    RowferryError,
    ServerSetting,
    TransientError,
    Unreachable,
)
from schemas.topics import TopicSpec

_RETRY_PAUSE_S = 0.05
# A new topic is known to all brokers a moment after its creation was acknowledged.
_CREATION_S = 15.0
# An answer with the settings of so many topics has about 1 MB; a description is smaller.
_DESCRIBED_AT_ONCE = 200
# What asks the broker for its `default.replication.factor`.
_COPIES_OF_THE_BROKER = -1


class KafkaAdmin(AskedOffsets):
    """Administrative calls to one cluster. May be used by several threads."""

    def __init__(self, settings: KafkaSettings, *, request_timeout_s: float = 10.0) -> None:
        self._settings = settings
        self._timeout_s = request_timeout_s
        self._list = Call("list_topics", Neighbour.KAFKA, bound_of(request_timeout_s))
        self._errors = ErrorMemory()
        self._lock = threading.Lock()
        self._current = self._made()
        self._unanswered = False

    def _made(self) -> AdminClient:
        client = make_client(AdminClient, self._settings, client_config(self._settings, self._errors))
        self._served = Served(client.poll, self._errors)
        return client

    @property
    def _client(self) -> AdminClient:
        """A new one behind a call without answer: the old one may have lost all brokers for good (`broker_watch`)."""
        with self._lock:
            if self._unanswered:
                self._unanswered = False
                self._current = self._made()
            return self._current

    def wait_until_reachable(self, start_timeout_s: float, stopping: Callable[[], bool] = lambda: False) -> bool:
        """
        Wait until a broker answers; True when one does, False when `stopping()` came first.

        Raises at once `AccessDenied` when it refuses us, `SettingsError` and `ServerSetting` when it speaks another
        protocol or has a certificate that we do not trust; `NeighbourMissing` after `start_timeout_s`.
        """
        deadline = time.monotonic() + start_timeout_s
        while not stopping():
            try:
                with CALLS.held(self._list):
                    self._client.list_topics(timeout=max(0.1, min(1.0, deadline - time.monotonic())))
                return True
            except KafkaException as exc:
                self._served.serve(0)
                problem = self._errors.translate(exc, "answer")
                # What librdkafka calls away, or untrusted, may say more to who asks.
                refused = isinstance(problem, AccessDenied)
                found = (
                    misfit(self._settings, refused=refused) if refused or isinstance(problem, TransientError) else None
                )
                if found is not None or not isinstance(problem, TransientError):
                    raise found or problem from exc
                if time.monotonic() >= deadline:
                    raise NeighbourMissing(
                        expected=f"Kafka at {self._settings.bootstrap_servers} to answer within {start_timeout_s:g} s",
                        found="no answer",
                        neighbour=Neighbour.KAFKA,
                        remedy="start the brokers, or set kafka.bootstrap_servers",
                    ) from exc
        return False

    def ask(self, timeout_s: float) -> None:
        """Return when a broker answers; raises `Unreachable` after `timeout_s`, and what it answers that is wrong.

        Asks for the brokers alone: an answer of the same size however many topics there are.
        """
        answer = self._client.describe_cluster(request_timeout=max(timeout_s, _RETRY_PAUSE_S))
        self._result(answer, "answer")

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
        if found := self._differences(wanted, existing):
            raise topics_differ(found)
        return [spec.name for spec in created]

    def ensure_each(self, specs: Iterable[TopicSpec]) -> dict[str, RowferryError]:
        """
        The same for topics that stand each for itself: what cannot be had is returned, by topic, with its remedy.

        Raises `TransientError` when no broker answers.
        """
        wanted = list(specs)
        existing = self.describe_many([spec.name for spec in wanted])
        found = {spec.name: self._differences([spec], existing) for spec in wanted}
        failed: dict[str, RowferryError] = {name: topics_differ(each) for name, each in found.items() if each}
        for batch in creation_batches([spec for spec in wanted if spec.name not in existing]):
            failed |= self._create_each(batch)
        return failed

    def _create_each(self, specs: Sequence[TopicSpec]) -> dict[str, RowferryError]:
        try:
            self._create(specs)
        except TransientError:
            raise
        except RowferryError as exc:
            if len(specs) == 1:
                return {specs[0].name: exc}
            # The answer names the first that failed: each by itself, those that were made are there by then.
            return {name: problem for spec in specs for name, problem in self._create_each([spec]).items()}
        return {}

    def topic_differences(self, specs: Iterable[TopicSpec]) -> list[TopicDifference]:
        """What is not as wanted; a topic that is missing is passed over. Changes nothing."""
        wanted = list(specs)
        existing = self.describe_many([spec.name for spec in wanted])
        return self._differences(wanted, existing)

    def _differences(self, wanted: Iterable[TopicSpec], existing: Mapping[str, TopicFacts]) -> list[TopicDifference]:
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
        known = self._listed()
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
                answer(future, self._timeout_s, f"create topic {name}")
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
        for batch in batches(topics, _DESCRIBED_AT_ONCE):
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
        for batch in batches(topics, _DESCRIBED_AT_ONCE):
            futures = self._client.describe_topics(TopicCollection(batch), request_timeout=self._timeout_s)
            for name, future in futures.items():
                described = self._result(future, f"describe topic {name}", missing=None)
                if described is not None:
                    found[name] = (str(described.topic_id), len(described.partitions))
        return found

    def denied(self, topics: Iterable[str]) -> dict[str, RowferryError]:
        """The topics that we may not write to, each with the error that a record for it would meet."""
        found: dict[str, RowferryError] = {}
        for batch in batches(sorted(topics), _DESCRIBED_AT_ONCE):
            futures = self._client.describe_topics(
                TopicCollection(batch), include_authorized_operations=True, request_timeout=self._timeout_s
            )
            for name, future in futures.items():
                action = f"write to topic {name}"
                try:
                    described = self._result(future, action, missing=None)
                except AccessDenied as exc:
                    if not denies_topic(exc.__cause__):
                        raise
                    found[name] = exc
                    continue
                # A broker without an authorizer allows everything, one of long ago says nothing.
                allowed = described.authorized_operations if described is not None else None
                if allowed and AclOperation.WRITE not in allowed:
                    found[name] = translate(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED), action)
        return found

    def topic_lives(self, topics: Sequence[str]) -> dict[str, tuple[str, int]]:
        """The id and the number of partitions of each topic that exists."""
        return self._describe_ids(topics)

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
        return sorted(name for name in self._listed() if name[:2] != "__")

    def _listed(self) -> dict[str, Any]:
        try:
            with self._errors.translating("list topics"), CALLS.held(self._list):
                return self._client.list_topics(timeout=self._timeout_s).topics
        except Unreachable:
            self._unanswered = True
            raise

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

    def _result(self, future: Future[Any], action: str, **missing: None) -> Any:  # noqa: ANN401
        """The result of a call; with `missing=None`, None for a topic that does not exist."""
        try:
            return answer(future, self._timeout_s, action)
        except KafkaException as exc:
            self._served.serve(0)
            problem = self._errors.translate(exc, action)
            if isinstance(problem, TopicMissing) and missing:
                return None
            error = kafka_error(exc)
            self._unanswered |= error is not None and error.code() == KafkaError._TIMED_OUT
            raise problem from exc
        except Unreachable:
            self._unanswered = True
            raise


def topics_differ(found: Sequence[TopicDifference]) -> ServerSetting:
    """One error for all differences."""
    return ServerSetting(
        "; ".join(str(difference) for difference in found),
        neighbour=Neighbour.KAFKA,
        remedy="; ".join(dict.fromkeys(difference.remedy for difference in found)),
    )
