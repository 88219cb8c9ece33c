"""Edge: what the doctor needs to know of Kafka."""

from __future__ import annotations

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

from cdc_runtime.bounded_calls import CALLS
from cdc_runtime.call_bounds import Call, bound_of
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.client import ErrorMemory, answer, client_config, make_client
from cdc_runtime.settings.models import KafkaSettings
from rowferry.doctor.facts import KafkaFacts
from rowferry.status.pipeline import read_stored
from schemas.errors import Neighbour
from schemas.topics import (
    Topics,
    TopicSpec,
    directory_topic,
    failure_topic,
    offsets_topic,
    schemas_topic,
    state_topic,
    table_topic,
)

_TIMEOUT_S = 10.0
_OFFSETS_RETENTION = "offsets.retention.minutes"


def read_kafka_facts(settings: KafkaSettings, source: str, fetcher_group: str) -> KafkaFacts:
    """Ask the brokers; topics that do not exist yet are no difference. Raises `Unreachable`, `AccessDenied`."""
    admin = KafkaAdmin(settings)
    stored = read_stored(settings, source)
    topics = Topics(settings.prefix)
    specs = [schemas_topic(topics.schemas), *(directory_topic(name) for name in (topics.tables, topics.control))]
    specs.append(offsets_topic(topics.offsets(source)))
    specs += (table_topic(entry.topic, entry.partitions) for entry in stored.entries if entry.topic)
    specs += _of_files(settings, admin, fetcher_group)
    existing = admin.partition_counts([spec.name for spec in specs])
    there: list[TopicSpec] = [spec for spec in specs if spec.name in existing]
    return KafkaFacts(
        offsets_retention_minutes=_broker_setting(settings, _OFFSETS_RETENTION),
        differences=tuple(admin.topic_differences(there)),
        topics=len(there),
        entries=stored.entries,
        version=None if stored.position is None else stored.position.version,
        position=stored.position,
        partitions=existing,
        topic_names=tuple(admin.topics()),
    )


def _of_files(settings: KafkaSettings, admin: KafkaAdmin, group: str) -> list[TopicSpec]:
    """The fetcher's topics: as many partitions are used as the fewest have, whatever the settings say (rule F2)."""
    topics = Topics(settings.prefix)
    states = (topics.file_refs, topics.files, topics.file_rows)
    partitions = min(admin.partition_counts(states).values(), default=settings.partitions)
    return [*(state_topic(name, partitions) for name in states), failure_topic(topics.retry(group), partitions)]


def _broker_setting(settings: KafkaSettings, name: str) -> int | None:
    """A number among the settings of one broker; None where our rights do not allow to ask."""
    errors = ErrorMemory()
    client = make_client(AdminClient, settings, client_config(settings, errors))
    listing = Call("list_topics", Neighbour.KAFKA, bound_of(_TIMEOUT_S))
    with errors.translating("list the brokers"), CALLS.held(listing):
        brokers = client.list_topics(timeout=_TIMEOUT_S).brokers
    resource = ConfigResource(ResourceType.BROKER, str(min(brokers)))
    future = client.describe_configs([resource], request_timeout=_TIMEOUT_S)[resource]
    try:
        entry = answer(future, _TIMEOUT_S, "describe a broker").get(name)
    except KafkaException:
        return None
    return int(entry.value) if entry is not None and entry.value is not None else None
