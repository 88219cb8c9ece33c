"""
Edge: asks Kafka for the logs that partitions have now.

Keeps: V11.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.consuming.topic_lives import Log
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.errors import TopicDenied, TopicMissing
from cdc_runtime.kafka.tail import Tail
from cdc_runtime.settings.models import KafkaSettings


class PartitionLogs:
    """Usable from any thread. Blocks; a request holds a bounded number of topics or partitions."""

    def __init__(self, settings: KafkaSettings, admin: KafkaAdmin) -> None:
        self._settings = settings
        self._admin = admin

    def of(self, topic_partitions: Collection[TopicPartition]) -> dict[TopicPartition, Log]:
        """
        The logs of these partitions; those that are not there are left out. Raises `TransientError`.

        The id is asked for first: of a topic that is made again in between it is the old one, as the next look sees.
        """
        lives = self._admin.topic_lives(sorted({each.topic for each in topic_partitions}))
        there = [each for each in topic_partitions if each.topic in lives and each.partition < lives[each.topic][1]]
        try:
            firsts, ends = self._admin.begin_offsets(there), self._admin.end_offsets(there)
        except TopicMissing:
            return {}  # one went in between: the next call leaves it out
        return {each: Log(lives[each.topic][0], firsts[each], ends[each]) for each in there}

    def unread(self, next_offsets: Mapping[TopicPartition, int]) -> list[TopicPartition]:
        """Those of which a record can be read at or behind an offset. Raises `TransientError`."""
        return [each for each, next_offset in next_offsets.items() if self._is_unread(each, next_offset)]

    def _is_unread(self, topic_partition: TopicPartition, next_offset: int) -> bool:
        start = {topic_partition.partition: next_offset}
        try:
            with closing(Tail(self._settings, topic_partition.topic, start, admin=self._admin)) as tail:
                return next(tail.read_to_end(), None) is not None
        except TopicMissing:
            return False
        except TopicDenied:
            return True  # not known: rather swept in vain
