"""A pipeline of its own (prefix) for each test, on the shared broker."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import Producer

from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.settings.models import KafkaSettings
from schemas.topics import TopicSpec


@pytest.fixture
def settings(kafka, topic_prefix) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=kafka, prefix=topic_prefix)


@pytest.fixture
def admin(settings) -> KafkaAdmin:
    return KafkaAdmin(settings)


@pytest.fixture
def make_topic(settings, admin) -> Callable[..., str]:
    def make(name: str = "rows", partitions: int = 1, **config: str) -> str:
        topic = f"{settings.prefix}.{name}"
        admin.ensure_topics(
            [TopicSpec(topic, partitions, {key.replace("_", "."): value for key, value in config.items()})]
        )
        return topic

    return make


@pytest.fixture
def plain_transaction(settings):
    """A producer of another program: nothing of ours in it."""
    made = []

    def make(transactional_id: str) -> Producer:
        producer = Producer({"bootstrap.servers": settings.bootstrap_servers, "transactional.id": transactional_id})
        producer.init_transactions(20)
        producer.begin_transaction()
        made.append(producer)
        return producer

    yield make
    for producer in made:
        producer.purge()
        producer.close()
