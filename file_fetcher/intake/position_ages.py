"""How current each committed position is (rule V7): pure, one value for each partition that is held."""

from __future__ import annotations

from dataclasses import dataclass

from cdc_runtime.consuming.position_age import as_of
from cdc_runtime.consuming.records import TopicPartition

_REFRESH_AFTER_MS = 60 * 60 * 1000  # an idle partition is committed anew, so that its age stays true


@dataclass(slots=True)
class _Age:
    as_of_ms: int
    committed_ms: int
    last_written_ms: int = 0


class Ages:
    """`now_ms` is the clock of the wall."""

    def __init__(self) -> None:
        self._ages: dict[TopicPartition, _Age] = {}

    def begin(self, topic_partition: TopicPartition, as_of_ms: int | None, now_ms: int) -> None:
        """
        A partition is ours: as current as its committed position says; without one (None) it begins now.

        0: another program committed it, so nobody knows.
        """
        known = now_ms if as_of_ms is None else as_of_ms
        self._ages[topic_partition] = _Age(known, known)

    def drop(self, topic_partition: TopicPartition) -> None:
        """A partition is no longer ours."""
        self._ages.pop(topic_partition, None)

    def took(self, topic_partition: TopicPartition, written_ms: int) -> None:
        """A record was read that was written then."""
        age = self._ages.get(topic_partition)
        if age is not None:
            age.last_written_ms = written_ms

    def as_of(self, topic_partition: TopicPartition, *, at_end: bool, idle: bool, now_ms: int) -> int:
        """How current a position is that is committed now; `idle`: everything that was read is settled."""
        age = self._ages.get(topic_partition)
        if age is None:
            return now_ms
        last_ms = age.last_written_ms if idle else 0
        age.as_of_ms = as_of(age.as_of_ms, at_end=at_end and idle, last_written_ms=last_ms, now_ms=now_ms)
        return age.as_of_ms

    def committed(self, topic_partition: TopicPartition) -> None:
        """A position was committed."""
        age = self._ages.get(topic_partition)
        if age is not None:
            age.committed_ms = age.as_of_ms

    def stale(self, now_ms: int) -> list[TopicPartition]:
        """Partitions whose committed position has not been made more current for an hour."""
        return [
            topic_partition
            for topic_partition, age in self._ages.items()
            if now_ms - age.committed_ms >= _REFRESH_AFTER_MS
        ]
