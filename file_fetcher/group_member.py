"""
One member of the consumer group: polls, and lets the fetcher work.

Rules:
1. One thread uses the Kafka client, and makes the transactions between two polls: when partitions are taken away, none
   is open, and what is finished is settled before they are given up; of lost ones nothing is settled (rule F1).
2. Polling goes on while state is read, partitions wait or Kafka is away.

Leaves to others: reading what is remembered of new partitions (`state_reads`).

Keeps: F1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.drain import Drain
from cdc_runtime.health import Health
from cdc_runtime.kafka.consumer import GroupConsumer
from cdc_runtime.settings.models import KafkaSettings
from file_fetcher.fetcher import Fetcher
from file_fetcher.intake.position_check import PositionCheck
from file_fetcher.own_topics import OwnTopics
from file_fetcher.settling.kafka_transactions import Membership
from file_fetcher.state_reads import StateReads

_BATCH = 500
_WAIT_S = 0.05


class GroupMember:
    """Used by one thread; `catch_up` and `position_check` are called in another."""

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
        self._health = health
        self._closing = False
        self._consumer = GroupConsumer(settings, own_topics.group, [own_topics.topics.table_pattern], self)
        self._state_reads = StateReads(
            fetcher,
            self._consumer.committed_with_metadata,
            own_topics.partitions,
            catch_up=catch_up,
            position_check=position_check,
            health=health,
        )

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
        self._state_reads.add(self._fetcher.assign(partitions))

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
        self._state_reads.step()
        self._fetcher.step(member)
        if take:
            pause, resume = self._fetcher.turns()
            self._consumer.pause(pause)
            self._consumer.resume(resume)

    @staticmethod
    def _nowhere(_: TopicPartition) -> int | None:
        return None
