"""
One member of the consumer group: polls, reads what is remembered of new partitions, and lets the fetcher work.

Rules:
1. One thread uses the Kafka client, and makes the transactions between two polls: when partitions are taken away, none
   is open, and what is finished is settled before they are given up; of lost ones nothing is settled (rule F1).
2. Of a new partition: its committed offset at read_committed, then the state's end, read to it, then its records (F2).
3. Polling goes on while state is read, partitions wait or Kafka is away.

Keeps: F1, F2.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

import structlog

from cdc_runtime.consuming.position_age import CommittedPosition, from_metadata
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.drain import Drain
from cdc_runtime.health import Health
from cdc_runtime.kafka.consumer import GroupConsumer
from cdc_runtime.settings.models import KafkaSettings
from cdc_runtime.subjects import KAFKA
from file_fetcher.fetcher import Fetcher
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.intake.position_check import PositionCheck
from file_fetcher.own_topics import OwnTopics
from file_fetcher.settling.kafka_transactions import Membership
from schemas.errors import TransientError

_log = structlog.get_logger(__name__)
_BATCH = 500
_WAIT_S = 0.05
_AGAIN_S = 1.0
_ASK_S = 30.0


@dataclass(slots=True)
class _Loading:
    """New partitions whose state is read."""

    partitions: list[TablePartition]
    commits: dict[TopicPartition, CommittedPosition]
    future: Future[None]


class GroupMember:
    """`catch_up` reads state partitions from the topics into the local store; it runs in a thread of its own."""

    def __init__(
        self,
        settings: KafkaSettings,
        fetcher: Fetcher,
        own_topics: OwnTopics,
        *,
        catch_up: Callable[[Sequence[int]], None],
        position_check: PositionCheck,
        health: Health,
    ) -> None:
        self._fetcher = fetcher
        self._catch_up = catch_up
        self._position_check = position_check
        self._state_partitions = own_topics.partitions
        self._health = health
        self._new: list[TablePartition] = []
        # State partitions that were begun to be read and not read to their end.
        self._unread: set[int] = set()
        self._not_before = 0.0
        self._loading: _Loading | None = None
        self._asking: Future[None] | None = None
        self._asked_at = time.monotonic()
        self._closing = False
        self._consumer = GroupConsumer(settings, own_topics.group, [own_topics.topics.table_pattern], self)

    def run(self, drain: Drain) -> None:
        """Work until the end is asked for, then finish what is under way. Raises our errors."""
        while not drain.stopping:
            self._round(_WAIT_S, take=True)
        self._health.not_ready("stopping")
        # What was read is finished, as far as half the time goes; the rest is read again by whoever comes next.
        until = time.monotonic() + drain.remaining_s() / 2
        self._consumer.pause(self._fetcher.assigned)
        while time.monotonic() < until and not self._fetcher.idle:
            self._round(_WAIT_S, take=False)

    def close(self) -> None:
        """Settle what is finished, give the partitions back and leave the group."""
        self._closing = True
        self._consumer.close()

    # -- called by the Kafka client, within `poll_batch`

    def on_assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Take partitions; nothing of them is handled yet."""
        self._new.extend(self._fetcher.assign(partitions))

    def on_revoke(self, partitions: Sequence[TopicPartition]) -> None:
        """Settle and let go."""
        # A client that closes is not asked where partitions end.
        end_of = self._nowhere if self._closing else self._consumer.known_end
        self._fetcher.revoke(partitions, Membership(self._consumer.group_metadata(), end_of))

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Only let go."""
        self._fetcher.drop(partitions, "lost")

    # -- steps

    def _round(self, wait_s: float, *, take: bool) -> None:
        records = self._consumer.poll_batch(_BATCH, wait_s)
        # Of the time of polling: what another member has since is not written over (rule F1).
        member = Membership(self._consumer.group_metadata(), self._consumer.known_end)
        self._health.tick()
        if take:
            self._fetcher.take(records)
        self._load()
        self._ask()
        self._fetcher.step(member)
        if take:
            pause, resume = self._fetcher.turns()
            self._consumer.pause(pause)
            self._consumer.resume(resume)

    def _load(self) -> None:
        """Have the state of new partitions read, and let the records of those that have it in."""
        loading = self._loading
        if loading is not None and loading.future.done():
            self._loading = None
            try:
                loading.future.result()
            except TransientError as exc:
                self._put_off(loading.partitions, exc)
            else:
                self._unread.clear()
                self._fetcher.reading(begins=False)
                self._health.ready(KAFKA)
                for assigned in loading.partitions:
                    if self._is_ours(assigned):
                        self._fetcher.ready(assigned, loading.commits.get(assigned.topic_partition))
        # One of the two at a time: while retries are read, some look lost that are not.
        if self._loading is None and self._asking is None and time.monotonic() >= self._not_before:
            new, self._new = [assigned for assigned in self._new if self._is_ours(assigned)], []
            if new or self._unread:
                self._begin(new)

    def _ask(self) -> None:
        """Have rows read again now and then of which a retry is lost."""
        if self._asking is not None and self._asking.done():
            problem, self._asking = self._asking.exception(), None
            if isinstance(problem, TransientError):
                _log.warning("reader could not be asked", reason=str(problem))
            elif problem is not None:
                raise problem
        if self._asking is None and self._loading is None and time.monotonic() - self._asked_at >= _ASK_S:
            self._asked_at = time.monotonic()
            ready = [assigned for assigned in self._fetcher.assigned.values() if assigned.ready]
            self._asking = _in_background(partial(self._position_check.ask_for_lost, ready))

    def _begin(self, new: list[TablePartition]) -> None:
        try:
            # Waits until no transaction of an earlier owner is open.
            found = self._consumer.committed_with_metadata([each.topic_partition for each in new]) if new else {}
        except TransientError as exc:
            self._put_off(new, exc)
            return
        commits = {
            topic_partition: CommittedPosition(offset, from_metadata(text))
            for topic_partition, (offset, text) in found.items()
        }
        self._unread |= {assigned.topic_partition.partition % self._state_partitions for assigned in new}
        self._fetcher.reading(begins=True)
        reading = _in_background(partial(self._read_state, sorted(self._unread), new, commits))
        self._loading = _Loading(new, commits, reading)

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

    @staticmethod
    def _nowhere(_: TopicPartition) -> int | None:
        return None

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
