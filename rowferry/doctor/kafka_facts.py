"""Edge: what the doctor needs to know of Kafka."""

from __future__ import annotations

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.client import ErrorMemory, client_config, make_client
from cdc_runtime.settings.models import KafkaSettings
from rowferry.doctor.facts import KafkaFacts
from rowferry.status.pipeline import read_stored
from schemas.topics import Topics, TopicSpec, directory_topic, failure_topic, offsets_topic, state_topic, table_topic

_TIMEOUT_S = 10.0
_OFFSETS_RETENTION = "offsets.retention.minutes"


def read_kafka_facts(settings: KafkaSettings, source: str, fetcher_group: str) -> KafkaFacts:
    """Ask the brokers; topics that do not exist yet are no difference. Raises `Unreachable`, `AccessDenied`."""
    admin = KafkaAdmin(settings)
    stored = read_stored(settings, source)
    topics = Topics(settings.prefix)
    specs = [directory_topic(name) for name in (topics.schemas, topics.tables, topics.control)]
    specs.append(offsets_topic(topics.offsets(source)))
    specs += (table_topic(entry.topic, entry.partitions) for entry in stored.entries)
    specs += _of_files(settings, admin, fetcher_group)
    existing = admin.partition_counts([spec.name for spec in specs])
    there: list[TopicSpec] = [spec for spec in specs if spec.name in existing]
    return KafkaFacts(
        offsets_retention_minutes=_broker_setting(settings, _OFFSETS_RETENTION),
        differences=tuple(admin.topic_differences(there)),
        topics=len(there),
        entries=stored.entries,
        version=None if stored.position is None else stored.position.version,
    )


def _of_files(settings: KafkaSettings, admin: KafkaAdmin, group: str) -> list[TopicSpec]:
    """The fetcher's topics: all have as many partitions as its memory, whatever the settings say today (rule F2)."""
    topics = Topics(settings.prefix)
    partitions = admin.partition_counts([topics.file_refs]).get(topics.file_refs, settings.partitions)
    states = (topics.file_refs, topics.files, topics.file_rows)
    return [*(state_topic(name, partitions) for name in states), failure_topic(topics.retry(group), partitions)]


def _broker_setting(settings: KafkaSettings, name: str) -> int | None:
    """A number among the settings of one broker; None where our rights do not allow to ask."""
    errors = ErrorMemory()
    client = make_client(AdminClient, settings, client_config(settings, errors))
    with errors.translating("list the brokers"):
        brokers = client.list_topics(timeout=_TIMEOUT_S).brokers
    resource = ConfigResource(ResourceType.BROKER, str(min(brokers)))
    future = client.describe_configs([resource], request_timeout=_TIMEOUT_S)[resource]
    try:
        entry = future.result().get(name)
    except KafkaException:
        return None
    return int(entry.value) if entry is not None and entry.value is not None else None
