"""
Which work may go on (pure): one work of a row at a time, the newest of those that wait.

Rule 1: works of one row follow each other; what is remembered of the row is looked at when a work starts.
Rule 2: of several events of a row that wait only the newest is kept, where it says all that the others said: one that
        could not carry a column does not.
Rule 3: a newer event that refers to something else (and says all that the older one said) cancels what is under way
        for the older one, unless that is finished: it may be in a transaction already.
Rule 4: a retry waits behind what is under way; when it starts it finds out whether it is still wanted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from cdc_runtime.consuming.records import TopicPartition
from file_fetcher.settling.reference_diff import same_references, says_all_of
from file_fetcher.work import Work


class RowOrder:
    """The works of all rows, by record id."""

    def __init__(self) -> None:
        self._under_way: dict[str, Work] = {}
        self._waiting: dict[str, deque[Work]] = {}
        self._open: dict[TopicPartition, int] = {}

    def offer(self, work: Work) -> tuple[bool, list[Work]]:
        """Take a work in: whether it may start now, and the works that it makes needless."""
        record_id = work.row.record_id
        self._open[work.topic_partition] = self._open.get(work.topic_partition, 0) + 1
        ahead = self._under_way.get(record_id)
        if ahead is None:
            self._under_way[record_id] = work
            return True, []
        queue = self._waiting.setdefault(record_id, deque())
        needless: list[Work] = []
        if work.retry is None:
            needless = [each for each in queue if _replaces(work, each)]
            kept = [each for each in queue if not _replaces(work, each)]
            queue.clear()
            queue.extend(kept)
            if _replaces(work, ahead) and not ahead.finished and not same_references(ahead.row, work.row):
                ahead.cancelled = True
        queue.append(work)
        self._closed(needless)
        return False, needless

    def done(self, work: Work) -> Work | None:
        """A work has ended; returns the one that may start now."""
        record_id = work.row.record_id
        if self._under_way.get(record_id) is not work:
            return None
        self._closed([work])
        queue = self._waiting.get(record_id)
        if not queue:
            del self._under_way[record_id]
            return None
        following = queue.popleft()
        if not queue:
            del self._waiting[record_id]
        self._under_way[record_id] = following
        return following

    def open_in(self, topic_partition: TopicPartition) -> int:
        """How many works of a partition are under way or wait."""
        return self._open.get(topic_partition, 0)

    def drop(self, partitions: Iterable[TopicPartition]) -> list[Work]:
        """Forget the works of partitions that are no longer ours, and return them; those under way are cancelled."""
        gone = set(partitions)
        for topic_partition in gone:
            self._open.pop(topic_partition, None)
        dropped: list[Work] = []
        for record_id in [each for each, work in self._under_way.items() if work.topic_partition in gone]:
            work = self._under_way.pop(record_id)
            work.cancelled = True
            dropped += [work, *self._waiting.pop(record_id, ())]
        return dropped

    def ahead_of(self, work: Work) -> Work | None:
        """The work under way for the same row."""
        return self._under_way.get(work.row.record_id)

    def is_current(self, work: Work) -> bool:
        """Whether the work is the one that is under way for its row."""
        return self._under_way.get(work.row.record_id) is work

    def _closed(self, works: Iterable[Work]) -> None:
        for work in works:
            if work.topic_partition in self._open:
                self._open[work.topic_partition] -= 1


def _replaces(newer: Work, older: Work) -> bool:
    return older.retry is None and says_all_of(newer.row, older.row)
