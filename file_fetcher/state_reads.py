"""
Edge: has what is remembered of new partitions read, in a thread of its own, and the reader asked for what is missing.

Rule 1: of a new partition: its committed offset at read_committed, then the state's end, read to it, then its records
        (rule F2).
Rule 2: state is read and lost retries are asked for one at a time: while retries are read, some look lost that are not.
Rule 3: what could not be read is tried again, until it is read to its end.
Rule 4: a position is checked before anything of its partition is handled, and each hour, whether or not it waits (V7).
Rule 5: a partition whose log is another one than before begins anew at its first offset (rule V11).

Leaves to others: what is done with the partitions (`fetcher`), and what is asked (`reader_questions`).

Keeps: F2, V7, V11.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog

from cdc_runtime.consuming.partition_logs import PartitionLogs
from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.consuming.tasks import ThreadTasks
from cdc_runtime.consuming.topic_lives import Start, start_of
from cdc_runtime.health import Health
from cdc_runtime.subjects import KAFKA
from file_fetcher.fetcher import Fetcher
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.intake.reader_questions import ReaderQuestions
from schemas.errors import TransientError

_log = structlog.get_logger(__name__)
_AGAIN_S = 1.0
_ASK_S = 30.0


class Positions(Protocol):
    """What the Kafka client knows of partitions."""

    def committed_with_metadata(
        self, partitions: Sequence[TopicPartition], /
    ) -> Mapping[TopicPartition, tuple[int, str | None]]:
        """Committed offsets, with their texts, once no transaction of an earlier owner is open."""

    def known_end(self, topic_partition: TopicPartition, /) -> int | None:
        """Where a partition ended when it was fetched last."""

    def begin_again(self, topic_partition: TopicPartition, next_offset: int, /) -> None:
        """Read a partition that is held from an offset on."""


@dataclass(frozen=True, slots=True)
class _Read:
    """New partitions whose state is being read."""

    partitions: list[TablePartition]
    found: Future[dict[TopicPartition, Start] | TransientError]


class StateReads:
    """
    Used by the thread of the Kafka client.

    `catch_up` reads so many state partitions from the topics into the local store.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        positions: Positions,
        state_partitions: int,
        *,
        catch_up: Callable[[Sequence[int]], None],
        logs: PartitionLogs,
        questions: ReaderQuestions,
        tasks: ThreadTasks,
        health: Health,
    ) -> None:
        self._fetcher = fetcher
        self._positions = positions
        self._state_partitions = state_partitions
        self._catch_up = catch_up
        self._logs = logs
        self._questions = questions
        self._tasks = tasks
        self._health = health
        self._new: list[TablePartition] = []
        # State partitions that were begun to be read and not read to their end.
        self._unread: set[int] = set()
        self._not_before = 0.0
        self._read: _Read | None = None
        self._asking: Future[None] | None = None
        self._asked_at = time.monotonic()

    def add(self, partitions: Sequence[TablePartition]) -> None:
        """Partitions are ours; nothing of them is handled yet."""
        self._new += partitions

    def step(self) -> None:
        """See what has ended, and begin what can be begun; never waits for a read."""
        self._end_read()
        if self._asking is not None and self._asking.done():
            self._asking = None
        now = time.monotonic()
        if self._read is None and self._asking is None and now >= self._not_before:
            new, self._new = [each for each in self._new if self._is_ours(each)], []
            if new or self._unread:
                self._begin_read(new)
        if self._read is None and self._asking is None and now - self._asked_at >= _ASK_S:
            self._asked_at = now
            self._begin_ask()

    def _end_read(self) -> None:
        """Let the records in of partitions whose state has been read."""
        read = self._read
        if read is None or not read.found.done():
            return
        self._read = None
        starts = read.found.result()
        if isinstance(starts, TransientError):
            self._put_off(read.partitions, starts)
            return
        self._unread.clear()
        self._fetcher.reading(begins=False)
        self._health.ready(KAFKA)
        for assigned in [each for each in read.partitions if self._is_ours(each)]:
            start = starts.get(assigned.topic_partition)
            if start is not None:
                self._start(assigned, start)
            else:  # a topic that is not there is made, or its partitions are taken away
                self._new.append(assigned)
                self._not_before = time.monotonic() + _AGAIN_S

    def _start(self, assigned: TablePartition, start: Start) -> None:
        if start.anew is not None:
            _log.warning("partition begins anew", partition=str(assigned.subject), reason=start.anew.reason)
            self._positions.begin_again(assigned.topic_partition, start.log.first_offset)
            (assigned,) = self._fetcher.renew(assigned, start.anew)
        self._fetcher.ready(assigned, start)

    def _begin_ask(self) -> None:
        ready = [each for each in self._fetcher.assigned.values() if each.ready]
        now_ms, positions = int(time.time() * 1000), {}
        for assigned in ready:
            if assigned.age.check_due(now_ms):
                assigned.look(self._positions.known_end(assigned.topic_partition), now_ms)
                if (position := assigned.to_check) is not None:
                    positions[assigned] = position
        self._asking = self._tasks.run(partial(self._ask, ready, positions))

    def _ask(self, ready: list[TablePartition], positions: dict[TablePartition, CommittedPosition]) -> None:
        """In a thread of its own."""
        try:
            self._questions.again(ready, positions)
        except TransientError as exc:
            _log.warning("reader could not be asked", reason=str(exc))

    def _begin_read(self, new: list[TablePartition]) -> None:
        try:
            found = self._positions.committed_with_metadata([each.topic_partition for each in new]) if new else {}
        except TransientError as exc:
            self._put_off(new, exc)
            return
        commits = {each: CommittedPosition.read(*committed) for each, committed in found.items()}
        self._unread |= {each.topic_partition.partition % self._state_partitions for each in new}
        self._fetcher.reading(begins=True)
        self._read = _Read(new, self._tasks.run(partial(self._read_state, sorted(self._unread), new, commits)))

    def _read_state(
        self, partitions: list[int], new: list[TablePartition], commits: dict[TopicPartition, CommittedPosition]
    ) -> dict[TopicPartition, Start] | TransientError:
        """In a thread of its own."""
        try:
            logs = self._logs.of([each.topic_partition for each in new])
            there = {each.topic_partition: each for each in new if each.topic_partition in logs}
            starts = {place: start_of(commits.get(place), logs[place], each.anew) for place, each in there.items()}
            self._catch_up(partitions)
            self._questions.begin(list(there.values()), starts)
        except TransientError as exc:
            return exc
        return starts

    def _put_off(self, partitions: list[TablePartition], problem: TransientError) -> None:
        self._new = [*partitions, *self._new]
        self._not_before = time.monotonic() + _AGAIN_S
        self._health.not_ready(str(problem), KAFKA)
        _log.warning("state cannot be read", reason=str(problem))

    def _is_ours(self, assigned: TablePartition) -> bool:
        return self._fetcher.assigned.get(assigned.topic_partition) is assigned
