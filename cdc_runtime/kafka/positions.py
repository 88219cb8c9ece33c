"""Reads what is committed: a whole topic to its true end (rule P1), or the last record of partitions (rule V8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing

from confluent_kafka import OFFSET_BEGINNING

from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.tail import Tail
from cdc_runtime.settings.models import KafkaSettings

_READ_TIMEOUT_S = 90.0


def read_to_end(
    settings: KafkaSettings,
    topic: str,
    partitions: Iterable[int] | None = None,
    *,
    timeout_s: float = _READ_TIMEOUT_S,
    admin: KafkaAdmin | None = None,
) -> Iterator[Record]:
    """
    Every committed record up to the high watermark of now, in order per partition.

    Raises `TopicMissing`, `Unreachable`, and `TransientError` when another producer's open transaction hides
    records for longer than `timeout_s`.
    """
    start = None if partitions is None else dict.fromkeys(partitions, OFFSET_BEGINNING)
    with closing(Tail(settings, topic, start, admin=admin)) as tail:
        yield from tail.read_to_end(timeout_s)


def read_committed(
    settings: KafkaSettings, topic: str, *, timeout_s: float = _READ_TIMEOUT_S, admin: KafkaAdmin | None = None
) -> Iterator[Record]:
    """
    Every record that a reader may have now, in order per partition: up to the first transaction that is open.

    For looking only: what is committed behind it is not seen (rule P1). Raises `TopicMissing`, `Unreachable`.
    """
    with closing(Tail(settings, topic, admin=admin)) as tail:
        yield from tail.read_committed(timeout_s)


def last_record(
    settings: KafkaSettings, topic: str, partition: int, *, admin: KafkaAdmin | None = None
) -> Record | None:
    """The last committed record of a partition; None when it has none."""
    return last_records(settings, topic, [partition], admin=admin).get(partition)


def last_records(
    settings: KafkaSettings,
    topic: str,
    partitions: Iterable[int] | None = None,
    *,
    timeout_s: float = _READ_TIMEOUT_S,
    admin: KafkaAdmin | None = None,
) -> dict[int, Record]:
    """
    The last committed record of each partition (all, when not given); those without one are left out.

    Reads the last few offsets, then twice as many, and so on: markers and aborted records take offsets too.
    """
    admin = admin or KafkaAdmin(settings)
    topic_partitions = (
        admin.topic_partitions(topic) if partitions is None else [TopicPartition(topic, p) for p in partitions]
    )
    ends, begins = admin.end_offsets(topic_partitions, "uncommitted"), admin.begin_offsets(topic_partitions)
    found: dict[int, Record] = {}
    wanted = [each for each in topic_partitions if ends[each] > begins[each]]
    reach = 4
    while wanted:
        start = {each.partition: max(begins[each], ends[each] - reach) for each in wanted}
        with closing(Tail(settings, topic, start, admin=admin)) as tail:
            found.update({record.partition: record for record in tail.read_to_end(timeout_s)})
        wanted = [p for p in wanted if p.partition not in found and start[p.partition] > begins[p]]
        reach *= 8
    return found
