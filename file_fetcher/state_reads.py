"""
Edge: has what is remembered of new partitions read, in a thread of its own, and asks for what is missing.

Rule 1: of a new partition: its committed offset at read_committed, then the state's end, read to it, then its records
        (rule F2).
Rule 2: state is read and lost retries are asked for one at a time: while retries are read, some look lost that are not.
Rule 3: what could not be read is tried again, until it is read to its end.

Leaves to others: what is done with the partitions (`fetcher`), and what is asked (`position_check`).

Keeps: F2.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

import structlog

from cdc_runtime.consuming.position_age import CommittedPosition, from_metadata
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.health import Health
from cdc_runtime.subjects import KAFKA
from file_fetcher.fetcher import Fetcher
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.intake.position_check import PositionCheck
from schemas.errors import TransientError

_log = structlog.get_logger(__name__)
_AGAIN_S = 1.0
_ASK_S = 30.0
Committed = Callable[[Sequence[TopicPartition]], Mapping[TopicPartition, tuple[int, str | None]]]


@dataclass(frozen=True, slots=True)
class _Read:
    """New partitions whose state is being read."""

    partitions: list[TablePartition]
    commits: dict[TopicPartition, CommittedPosition]
    future: Future[None]


class StateReads:
    """
    Used by the thread of the Kafka client.

    `committed` returns committed offsets, with their texts, once no transaction of an earlier owner is open;
    `catch_up` reads so many state partitions from the topics into the local store.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        committed: Committed,
        state_partitions: int,
        *,
        catch_up: Callable[[Sequence[int]], None],
        position_check: PositionCheck,
        health: Health,
    ) -> None:
        self._fetcher = fetcher
        self._committed = committed
        self._state_partitions = state_partitions
        self._catch_up = catch_up
        self._position_check = position_check
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
        """See what has ended, and begin what can be begun; never waits for a read. Raises what one died of."""
        self._end_read()
        self._end_ask()
        now = time.monotonic()
        if self._read is None and self._asking is None and now >= self._not_before:
            new, self._new = [each for each in self._new if self._is_ours(each)], []
            if new or self._unread:
                self._begin_read(new)
        if self._read is None and self._asking is None and now - self._asked_at >= _ASK_S:
            self._asked_at = now
            ready = [each for each in self._fetcher.assigned.values() if each.ready]
            self._asking = _in_background(partial(self._position_check.ask_for_lost, ready))

    def _end_read(self) -> None:
        """Let the records in of partitions whose state has been read."""
        read = self._read
        if read is None or not read.future.done():
            return
        self._read = None
        try:
            read.future.result()
        except TransientError as exc:
            self._put_off(read.partitions, exc)
            return
        self._unread.clear()
        self._fetcher.reading(begins=False)
        self._health.ready(KAFKA)
        for assigned in read.partitions:
            if self._is_ours(assigned):
                self._fetcher.ready(assigned, read.commits.get(assigned.topic_partition))

    def _end_ask(self) -> None:
        if self._asking is None or not self._asking.done():
            return
        problem, self._asking = self._asking.exception(), None
        if isinstance(problem, TransientError):
            _log.warning("reader could not be asked", reason=str(problem))
        elif problem is not None:
            raise problem

    def _begin_read(self, new: list[TablePartition]) -> None:
        try:
            found = self._committed([each.topic_partition for each in new]) if new else {}
        except TransientError as exc:
            self._put_off(new, exc)
            return
        commits = {each: CommittedPosition(offset, from_metadata(text)) for each, (offset, text) in found.items()}
        self._unread |= {each.topic_partition.partition % self._state_partitions for each in new}
        self._fetcher.reading(begins=True)
        future = _in_background(partial(self._read_state, sorted(self._unread), new, commits))
        self._read = _Read(new, commits, future)

    def _read_state(
        self, partitions: list[int], new: list[TablePartition], commits: dict[TopicPartition, CommittedPosition]
    ) -> None:
        """In a thread of its own."""
        self._catch_up(partitions)
        self._position_check.examine(new, commits)

    def _put_off(self, partitions: list[TablePartition], problem: TransientError) -> None:
        self._new = [*partitions, *self._new]
        self._not_before = time.monotonic() + _AGAIN_S
        self._health.not_ready(str(problem), KAFKA)
        _log.warning("state cannot be read", reason=str(problem))

    def _is_ours(self, assigned: TablePartition) -> bool:
        return self._fetcher.assigned.get(assigned.topic_partition) is assigned


def _in_background(work: Callable[[], None]) -> Future[None]:
    """Run in a thread for which the end of the process does not wait: what it reads can be read again."""
    future: Future[None] = Future()

    def run() -> None:
        try:
            work()
        except BaseException as exc:
            future.set_exception(exc)
        else:
            future.set_result(None)

    threading.Thread(target=run, name="state", daemon=True).start()
    return future
