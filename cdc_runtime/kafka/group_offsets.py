"""
Edge: sets the positions of a consumer group back, each with the age that it had.

What was applied once stays applied when it is read again. So the last known age goes on with every position: without
it a consumer takes the position for too old, and asks for the tables to be read again.

Keeps: V7.
"""

from __future__ import annotations

from collections.abc import Callable

from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.admin import AdminClient

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka.client import ErrorMemory, client_config, make_client
from cdc_runtime.settings.models import KafkaSettings

_TIMEOUT_S = 30.0


def set_back(
    settings: KafkaSettings, group: str, wanted: Callable[[TopicPartition], bool] = lambda _: True
) -> list[TopicPartition]:
    """
    Set the positions of a group without members to the start of their partitions; returns those partitions.

    `wanted` chooses among the partitions that have a position. Raises `TransientError`, also while the group has
    members, and `AccessDenied`.
    """
    errors = ErrorMemory()
    with errors.translating(f"set the positions of group {group} back"):
        client = make_client(AdminClient, settings, client_config(settings, errors))
        asked = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=_TIMEOUT_S)
        chosen = [
            KafkaTopicPartition(each.topic, each.partition, 0, each.metadata or "")
            for each in asked[group].result().topic_partitions
            if each.offset >= 0 and wanted(TopicPartition(each.topic, each.partition))
        ]
        if chosen:
            changed = client.alter_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(group, chosen)], request_timeout=_TIMEOUT_S
            )
            changed[group].result()
    return [TopicPartition(each.topic, each.partition) for each in chosen]
