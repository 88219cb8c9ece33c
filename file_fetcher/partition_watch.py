"""
Edge: looks at the partitions that are ours: whether their logs are still the same, and whether they move.

And whether the topics are still the same that their results go to. Now and then, and at once when offsets have run
back. Asks in threads; what is seen is done by the thread of the Kafka client, in `step`. Leaves to others: what is seen
(`consuming.partition_watch`), where a partition begins (`state_reads`), and results once more (`publishing_again`).

Keeps: V11, V12.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

import structlog

from cdc_runtime.consuming.partition_logs import PartitionLogs
from cdc_runtime.consuming.partition_watch import as_asked, look, standing_text
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.consuming.standstill import LOOK_S
from cdc_runtime.consuming.tasks import ThreadTasks
from cdc_runtime.consuming.topic_lives import Log
from file_fetcher.fetcher import Fetcher
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.metrics import FetcherMetrics
from schemas.errors import TransientError

_log = structlog.get_logger(__name__)
_AGAIN_S = 1.0
_CONFIRMED_AT_A_TIME = 20  # each costs a client of its own
A = TypeVar("A")
T = TypeVar("T")


class PartitionWatch:
    """
    Used by the thread of the Kafka client; `begin_again` has a partition read from an offset on.

    `results_id` asks for the id of the topics that results go to; None where one is not there.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        logs: PartitionLogs,
        begin_again: Callable[[TopicPartition, int], None],
        *,
        results_id: Callable[[], str | None],
        take_over: Callable[[list[TablePartition]], None],
        tasks: ThreadTasks,
        metrics: FetcherMetrics,
    ) -> None:
        self._fetcher = fetcher
        self._logs = logs
        self._begin_again = begin_again
        self._results_id = results_id
        self._take_over = take_over
        self._tasks = tasks
        self._metrics = metrics
        self._asked_s = 0.0
        # What was held, and was to be read next of it, when the logs were asked for.
        self._held: list[tuple[TablePartition, int]] = []
        self._asked: Future[tuple[dict[TopicPartition, Log], str | None] | None] | None = None
        self._confirming: Future[list[TopicPartition] | None] | None = None
        # Partitions of which it is being asked whether a record can be read, with the offset that is next.
        self._quiet: dict[TablePartition, tuple[int, int]] = {}

    def step(self) -> None:
        """See what was answered, and ask; never waits for an answer."""
        now_s = time.monotonic()
        if self._asked is not None and self._asked.done():
            answer, self._asked = self._asked.result(), None
            if answer is not None:
                self._seen(self._held, answer[0], now_s)
                self._results_go_to(answer[1])
        if self._confirming is not None and self._confirming.done():
            unread, self._confirming = self._confirming.result(), None
            if unread is not None:
                self._confirmed(unread, now_s)
        held = self._fetcher.assigned
        wait_s = _AGAIN_S if any(each.doubted for each in held.values()) else LOOK_S
        if self._asked is None and held and now_s - self._asked_s >= wait_s:
            self._asked_s, self._held = now_s, as_asked(held.values())
            self._asked = self._tasks.run(partial(self._tried, self._ask, list(held)))

    def _seen(self, held: list[tuple[TablePartition, int]], logs: Mapping[TopicPartition, Log], now_s: float) -> None:
        seen = look(held, logs, now_s)
        for assigned, anew in seen.anew:
            self._take_over(self._fetcher.renew(assigned, anew))
        for assigned in seen.sound:
            assigned.doubted = False
            self._fetcher.go_on(assigned)
        self._metrics.standing.set(len(seen.standing))
        quiet: dict[TablePartition, tuple[int, int]] = {}
        for assigned, reason in seen.standing:
            if not assigned.standstill.tell(now_s):
                continue
            end_offset = logs[assigned.topic_partition].end_offset
            if reason:
                _log.warning("partition does not move", **standing_text(assigned, reason, end_offset, now_s))
            elif len(quiet) < _CONFIRMED_AT_A_TIME:
                quiet[assigned] = assigned.tracker.next_to_read, end_offset
        if quiet and self._confirming is None:
            self._quiet = quiet
            asked = {each.topic_partition: next_offset for each, (next_offset, _) in quiet.items()}
            self._confirming = self._tasks.run(partial(self._tried, self._logs.unread, asked))

    def _ask(self, held: list[TopicPartition]) -> tuple[dict[TopicPartition, Log], str | None]:
        """In a thread of its own."""
        return self._logs.of(held), self._results_id()

    def _results_go_to(self, results_id: str | None) -> None:
        """Have results published again whose topics were made again; where one is gone, nothing is known yet."""
        if results_id is not None:
            for assigned in [each for each in self._fetcher.assigned.values() if each.ready]:
                assigned.results_go_to(results_id)

    def _confirmed(self, unread: list[TopicPartition], now_s: float) -> None:
        """Tell partitions of which a record can be read from those whose last offsets hold none."""
        quiet, self._quiet = self._quiet, {}
        for assigned, (next_offset, end_offset) in quiet.items():
            place = assigned.topic_partition
            if assigned.dropped or assigned.tracker.next_to_read != next_offset:
                continue
            if place not in unread:
                assigned.standstill.nothing_before = end_offset
                continue
            reason = "the Kafka client hands nothing out: it begins again"
            _log.warning("partition does not move", **standing_text(assigned, reason, end_offset, now_s))
            self._metrics.begun_again("silent")
            self._begin_again(place, next_offset)

    def _tried(self, ask: Callable[[A], T], of: A) -> T | None:
        """In a thread of its own."""
        try:
            return ask(of)
        except TransientError as exc:
            _log.warning("partitions cannot be looked at", reason=str(exc))
            return None
