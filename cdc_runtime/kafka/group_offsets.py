"""
Edge: the positions of a consumer group: of which topics it has some; and sets them back, each with the age that it had.

What was applied once stays applied when it is read again. So the last known age goes on with every position: without
it a consumer takes the position for too old, and asks for the tables to be read again.

Keeps: V7.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.admin import AdminClient

from cdc_runtime.bounded_calls import CALLS
from cdc_runtime.call_bounds import Call, bound_of
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka.client import ErrorMemory, answer, client_config, make_client
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import FatalError, Neighbour, Unreachable

_TIMEOUT_S = 30.0
_FIRST_SLICE_S = 1.0
_ASKED_AT_ONCE = 1_000


def committed_topics(settings: KafkaSettings, group: str) -> frozenset[str]:
    """The topics that a group has positions of, none for one that is not there. Raises `Unreachable` and the like."""
    return frozenset(each.topic for each in _positions(settings, group))


def _positions(settings: KafkaSettings, group: str) -> list[KafkaTopicPartition]:
    """
    What a group has committed, of all partitions that may be seen.

    Asked as a consumer that never joins: where an administrator asks for whatever a group has, librdkafka reads through
    a null pointer as soon as the broker answers that it is not the coordinator, as at first (confluentinc/librdkafka
    issue 5040).
    """
    errors = ErrorMemory()
    config = client_config(settings, errors, group_id=group, enable_auto_commit=False)
    found: list[KafkaTopicPartition] = []
    with closing(make_client(Consumer, settings, config)) as client:
        with errors.translating("list topics"):
            topics = client.list_topics(timeout=_TIMEOUT_S).topics
        places = [KafkaTopicPartition(name, at) for name, topic in topics.items() for at in topic.partitions]
        for start in range(0, len(places), _ASKED_AT_ONCE):
            asked = committed_now(client, errors, places[start : start + _ASKED_AT_ONCE], group)
            found += (each for each in asked if each.offset >= 0)
    return found


class GroupInUse(FatalError):
    """A group has members, which go on from where they are, whatever is committed for them."""

    exit_code = 75


def committed_now(
    client: Consumer, errors: ErrorMemory, places: list[KafkaTopicPartition], group: str, timeout_s: float = _TIMEOUT_S
) -> list[KafkaTopicPartition]:
    """
    What the group has committed, asked by a client that nobody polls. Raises our errors.

    That we may not look at the group is said only to who polls; the call itself would wait in vain. So it waits a
    little, then longer: a broker that is slow is asked anew each time.
    """
    deadline, action = time.monotonic() + timeout_s, f"list the positions of group {group}"
    slice_s = _FIRST_SLICE_S
    while True:
        try:
            with CALLS.held(Call("committed", Neighbour.KAFKA, bound_of(slice_s))):
                return client.committed(places, timeout=slice_s)
        except KafkaException as exc:
            told = client.poll(0)
            error = None if told is None else told.error()
            problem = errors.translate(exc if error is None else error, action)
            if not isinstance(problem, Unreachable) or time.monotonic() >= deadline:
                raise problem from exc
            slice_s *= 2


def set_back(
    settings: KafkaSettings, group: str, wanted: Callable[[TopicPartition], bool] = lambda _: True
) -> list[TopicPartition]:
    """
    Set the positions of a group without members to the start of their partitions; returns those partitions.

    `wanted` chooses among the partitions that have a position. Raises `GroupInUse` while the group has members,
    `TransientError` and `AccessDenied`.
    """
    chosen = [
        KafkaTopicPartition(each.topic, each.partition, 0, each.metadata or "")
        for each in _positions(settings, group)
        if wanted(TopicPartition(each.topic, each.partition))
    ]
    if not chosen:
        return []
    errors = ErrorMemory()
    action = f"set the positions of group {group} back"
    with errors.translating(action):
        client = make_client(AdminClient, settings, client_config(settings, errors))
        _check_empty(client, group)
        changed = client.alter_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, chosen)], request_timeout=_TIMEOUT_S
        )
        answer(changed[group], _TIMEOUT_S, action)
    return [TopicPartition(each.topic, each.partition) for each in chosen]


def _check_empty(client: AdminClient, group: str) -> None:
    """Kafka takes positions of partitions that no member holds, and says that all is done."""
    described = client.describe_consumer_groups([group], request_timeout=_TIMEOUT_S)
    found = answer(described[group], _TIMEOUT_S, f"describe group {group}")
    if found.members:
        hosts = sorted({str(member.host).lstrip("/") for member in found.members})
        raise GroupInUse(
            f"expected group {group!r} without members, got {len(found.members)} (at {', '.join(hosts)})",
            neighbour=Neighbour.KAFKA,
            remedy="stop every service of this group, then try again (one that was killed is a member for 45 s more)",
        )
