"""
One member of the consumer group: polls, and lets the fetcher work.

Rules:
1. One thread uses the Kafka client, and makes the transactions between two polls: when partitions are taken away, none
   is open, and what is finished is settled before they are given up; of lost ones nothing is settled (rule F1).
2. Polling goes on while state is read, partitions wait or Kafka is away.

Speaks `consuming.life_cycle`. Leaves to others: reading what is remembered of new partitions (`state_reads`).

Keeps: F1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from cdc_runtime.consuming.partition_logs import PartitionLogs
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.consuming.tasks import ThreadTasks
from cdc_runtime.health import Health
from cdc_runtime.kafka.consumer import GroupConsumer
from cdc_runtime.settings.models import KafkaSettings
from file_fetcher.fetcher import Fetcher
from file_fetcher.intake.reader_questions import ReaderQuestions
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.own_topics import OwnTopics
from file_fetcher.partition_watch import PartitionWatch
from file_fetcher.settling.kafka_transactions import Membership
from file_fetcher.state_reads import StateReads

_WAIT_S = 0.05


class GroupMember:
    """Used by one thread; `catch_up`, `results_id` and `questions` are called in others."""

    def __init__(
        self,
        settings: KafkaSettings,
        fetcher: Fetcher,
        own_topics: OwnTopics,
        *,
        catch_up: Callable[[Sequence[int]], None],
        logs: PartitionLogs,
        results_id: Callable[[], str | None],
        questions: ReaderQuestions,
        tasks: ThreadTasks,
        metrics: FetcherMetrics,
        health: Health,
    ) -> None:
        self._fetcher = fetcher
        self._tasks = tasks
        self._health = health
        self._closed = self._leaving = self._terminated = False
        self._consumer = GroupConsumer(settings, own_topics.group, [own_topics.topics.table_pattern], self)
        self._state_reads = StateReads(
            fetcher,
            self._consumer,
            own_topics.partitions,
            catch_up=catch_up,
            logs=logs,
            questions=questions,
            tasks=tasks,
            health=health,
        )
        self._watch = PartitionWatch(
            fetcher,
            logs,
            self._consumer.begin_again,
            results_id=results_id,
            take_over=self._state_reads.add,
            tasks=tasks,
            metrics=metrics,
        )

    def poll(self) -> None:
        """Read, and let the fetcher work, once. Raises our errors, and those of tasks."""
        if self._tasks.error is not None:
            raise self._tasks.error
        records = self._consumer.poll_batch(self._fetcher.batch, _WAIT_S)
        # Of the time of polling: what another member has since is not written over (rule F1).
        member = Membership(self._consumer.group_metadata(), self._consumer.known_end)
        self._health.tick()
        self.submit(records)
        self._state_reads.step()
        self._watch.step()
        self._fetcher.step(member)
        if not self._closed:
            pause, resume = self._fetcher.turns()
            self._consumer.pause(pause)
            self._consumer.resume(resume)

    def submit(self, records: Sequence[Record]) -> None:
        """Take records that were read."""
        if not self._closed:
            self._fetcher.take(records)

    def close(self) -> None:
        """Take no more."""
        self._closed = True
        self._consumer.pause(self._fetcher.assigned)

    def join(self, deadline: float) -> None:
        """
        Finish what was read, as far as half the time goes; then settle it, give the partitions back, and leave.

        What is not finished by then is read again by whoever comes next.
        """
        now = time.monotonic()
        until = now + (deadline - now) / 2
        while time.monotonic() < until and not self._fetcher.idle:
            self.poll()
        self._leaving = True
        self._consumer.close()

    def terminate(self) -> None:
        """Leave the group; nothing is settled any more."""
        self._terminated = True
        self._consumer.close()

    # -- called by the Kafka client, within `poll_batch`

    def on_assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Take partitions; nothing of them is handled yet."""
        self._state_reads.add(self._fetcher.assign(partitions))

    def on_revoke(self, partitions: Sequence[TopicPartition]) -> None:
        """Settle and let go."""
        if self._terminated:
            self._fetcher.drop(partitions, "revoke")
            return
        # A client that closes is not asked where partitions end.
        end_of = self._nowhere if self._leaving else self._consumer.known_end
        self._fetcher.revoke(partitions, Membership(self._consumer.group_metadata(), end_of))

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Only let go."""
        self._fetcher.drop(partitions, "lost")

    @staticmethod
    def _nowhere(_: TopicPartition) -> int | None:
        return None
