"""The fetcher's topics on the shared broker, each test's own, and a member that writes to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as KafkaTopicPartition

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.settings.models import KafkaSettings
from file_fetcher.references.changes import Ended, Holds, Waits
from file_fetcher.references.local import ReferenceStore
from file_fetcher.references.rebuild import bring_up_to_date
from file_fetcher.references.retries import Retry
from file_fetcher.settling.publisher import ResultPublisher
from file_fetcher.settling.writes import Write
from schemas.tombstones import HEADER_VERSION
from schemas.topics import Topics, failure_topic, state_topic

GROUP = "files"
COUNT = 3


def committed_offset(bootstrap_servers: str, group: str, topic: str) -> int:
    """What a group has committed in partition 0, once no transaction that reaches it is open."""
    asking = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": group})
    try:
        (found,) = asking.committed([KafkaTopicPartition(topic, 0)], timeout=60)
    finally:
        asking.close()
    return int(found.offset)


@pytest.fixture
def settings(kafka, topic_prefix) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=kafka, prefix=topic_prefix)


@pytest.fixture
def admin(settings) -> KafkaAdmin:
    return KafkaAdmin(settings)


@pytest.fixture
def topics(settings, admin) -> Topics:
    """The names; the topics exist, with `COUNT` partitions each."""
    names = Topics(settings.prefix)
    admin.ensure_topics([state_topic(names.file_refs, COUNT), failure_topic(names.retry(GROUP), COUNT)])
    return names


@pytest.fixture
def publisher(settings) -> Iterator[ResultPublisher]:
    one = ResultPublisher(settings, f"{settings.prefix}.files.a", 20)
    yield one
    one.close()


@pytest.fixture
def say(publisher, topics) -> Callable[..., None]:
    """Write what happened in one transaction, as a member does."""

    def write(*changes: Holds | Ended | Waits, partition: int = 0) -> None:
        publisher.publish([written(topics, change, partition) for change in changes], {}, None)

    return write


def written(topics: Topics, change: Holds | Ended | Waits, partition: int = 0) -> Write:
    """The record that says it; `partition` is only for an end, which does not know its own."""
    if isinstance(change, Holds):
        record = change.record
        return Write(topics.file_refs, record.partition % COUNT, record.record_id.encode(), record.to_json())
    if isinstance(change, Ended):
        headers = ((HEADER_VERSION, str(change.row_version).encode()),)
        return Write(topics.file_refs, partition, change.record_id.encode(), None, headers)
    retry: Retry = change.retry
    return Write(topics.retry(GROUP), retry.partition % COUNT, retry.key, retry.value, retry.headers())


@pytest.fixture
def store(tmp_path) -> Iterator[ReferenceStore]:
    one = ReferenceStore(tmp_path / "store")
    yield one
    one.close()


@pytest.fixture
def catch_up(settings, topics, admin, store) -> Callable[..., None]:
    def read(*partitions: int, into: ReferenceStore = store) -> None:
        bring_up_to_date(into, settings, topics, GROUP, partitions or range(COUNT), of=COUNT, admin=admin)

    return read


@pytest.fixture
def other_member(settings) -> Iterator[Producer]:
    """Another producer, with a transaction open."""
    producer = Producer(
        {"bootstrap.servers": settings.bootstrap_servers, "transactional.id": f"{settings.prefix}.files.b"}
    )
    producer.init_transactions(20)
    producer.begin_transaction()
    yield producer
    producer.purge()
    producer.close()
