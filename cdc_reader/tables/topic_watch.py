"""
Edge: whether the topics of captured tables are still those of the start, looked at while the reader runs (rule D8).

A producer finds partitions that were added within minutes, and would place keys otherwise (rule D6); a topic that was
made anew, or given other settings, it does not notice at all. What differs is judged by the start of the next session:
this only tells that there is something to judge. Looked at in a side worker.

Keeps: D6, D8.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import structlog

from cdc_reader.postgres.workers import SideWork
from cdc_reader.progress.ready import Ready
from schemas.errors import RowferryError, TransientError
from schemas.topics import TopicSpec, table_topic

logger = structlog.get_logger(__name__)
_EVERY_S = 15.0  # long before librdkafka looks at the metadata of a topic again: 5 minutes
_SETTINGS_EVERY = 40  # looks: their answers are large


class TopicsNow(Protocol):
    """Who is asked (`cdc_runtime.kafka.admin.KafkaAdmin`)."""

    def topic_lives(self, topics: Sequence[str]) -> dict[str, tuple[str, int]]:
        """Id and number of partitions of each topic that exists."""

    def topic_differences(self, specs: Iterable[TopicSpec]) -> Sequence[object]:
        """What is not as wanted."""


class TopicWatch:
    """For the stream's thread. `difference` says what changed, once something did; `specs` are the topics by name."""

    def __init__(
        self,
        admin: TopicsNow,
        side: SideWork,
        *,
        lives: Mapping[str, tuple[str, int]],
        specs: Mapping[str, TopicSpec],
    ) -> None:
        self._admin = admin
        self._side = side
        self._lives, self._specs = dict(lives), dict(specs)
        self._asking = False
        self._due: float | None = None
        self._looks = 0
        self.difference: str | None = None

    def poll(self, now: float) -> None:
        """Look when it is time to; `now` in monotonic seconds."""
        if self._due is None:
            self._due = now + _EVERY_S  # the start has just looked
        if now < self._due or self._asking or not self._specs:
            return
        self._due = now + _EVERY_S
        self._looks += 1
        self._asking = True
        settings_too = self._looks % _SETTINGS_EVERY == 0
        self._side.submit(lambda _: self._look(settings_too=settings_too), self._looked, self._failed, alone=True)

    def _look(self, *, settings_too: bool) -> str | None:
        """The first difference, in words."""
        now = self._admin.topic_lives(list(self._specs))
        for topic in self._specs:
            if now.get(topic) != self._lives.get(topic):
                return f"topic {topic} is another one, or has other partitions"
        if settings_too and (found := self._admin.topic_differences(self._specs.values())):
            return str(found[0])
        return None

    def _looked(self, difference: str | None) -> None:
        self._asking = False
        self.difference = self.difference or difference

    def _failed(self, exc: RowferryError) -> None:
        self._asking = False
        if isinstance(exc, TransientError):
            logger.warning("side_work_failed", reason=str(exc))
        else:  # such as a right that was revoked: the next session sets aside whose topic it is
            self.difference = self.difference or str(exc)


def topic_watch(admin: TopicsNow, side: SideWork, ready: Ready) -> TopicWatch:
    """One for a session."""
    specs = {table.topic: table_topic(table.topic, table.entry.partitions) for table in ready.tables.published}
    # Partitions as they were compared: what the topic has had since its id was read is not.
    lives = {topic: (topic_id, specs[topic].partitions) for topic, topic_id in ready.topics.items()}
    return TopicWatch(admin, side, lives=lives, specs=specs)
