"""
Edge: checks positions of table topics, and asks the reader for what may be missing.

Every partition is checked before anything of it is handled, since what we write ourselves would make an empty index
look old; and again while it is assigned, since a partition that waits becomes too old as well.

Keeps: V7, V11.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from enum import Enum

from cdc_runtime.consuming.missed_deletes import reason_to_ask, retention_ms
from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.consuming.topic_lives import Anew
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.tail import Tail
from cdc_runtime.reader_requests import Requests
from cdc_runtime.settings.models import KafkaSettings
from schemas.names import TableName


class Answer(Enum):
    """What a check found: nothing can be missing; the reader was asked; it had been asked within the hour."""

    SOUND = "sound"
    ASKED = "asked"
    ASKED_BEFORE = "asked before"


class PositionCheck:
    """
    One instance for a process; usable from any thread. Blocks.

    `holds_rows` says whether rows of a table's partition are held; it may block, and raise `TransientError`.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        admin: KafkaAdmin,
        requests: Requests,
        holds_rows: Callable[[TableName, int], bool],
    ) -> None:
        self._settings = settings
        self._admin = admin
        self._requests = requests
        self._holds_rows = holds_rows

    def check(
        self,
        table: TableName,
        partition: TopicPartition,
        position: CommittedPosition | None,
        anew: Anew | None = None,
    ) -> Answer:
        """
        Returns when the position is known to be sound, or a request is durable. Raises `TransientError`.

        `anew`: the partition begins anew, so that what it had unread is lost: then the reader is asked (rule V11).
        """
        if anew is not None:
            asked = self._requests.snapshot(table, anew.reason, anew.occasion)
            return Answer.ASKED if asked else Answer.ASKED_BEFORE
        facts = _Facts(self._settings, self._admin, partition, lambda: self._holds_rows(table, partition.partition))
        reason = reason_to_ask(position, facts, int(time.time() * 1000))
        if reason is None:
            return Answer.SOUND
        return Answer.ASKED if self._requests.snapshot(table, reason) else Answer.ASKED_BEFORE


class _Facts:
    """Asks Kafka, and who holds the rows."""

    def __init__(
        self, settings: KafkaSettings, admin: KafkaAdmin, partition: TopicPartition, holds_rows: Callable[[], bool]
    ) -> None:
        self._settings = settings
        self._admin = admin
        self._partition = partition
        self.holds_rows = holds_rows

    def retention_ms(self) -> int:
        topic = self._admin.describe(self._partition.topic)
        return retention_ms(dict(topic.config) if topic else {})

    def unread(self, next_offset: int) -> bool:
        start = {self._partition.partition: next_offset}
        with closing(Tail(self._settings, self._partition.topic, start, admin=self._admin)) as tail:
            return next(tail.read_to_end(), None) is not None
