"""
Edge: has finished works settled, many in one transaction, and says how that goes.

Leaves to others: when a transaction may be made, and what it holds (`kafka_transactions`).

Keeps: F1.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.health import Health
from cdc_runtime.subjects import TRANSACTIONS
from file_fetcher.open_works import OpenWorks
from file_fetcher.settling.kafka_transactions import KafkaTransactions, Membership

_MOST_IN_A_TRANSACTION = 500


@dataclass(frozen=True, slots=True)
class Pace:
    """How often something is written: works that have finished, and positions by themselves."""

    publish_interval_s: float
    commit_interval_s: float


class FinishedWorks:
    """Settles the finished works of one member."""

    def __init__(self, works: OpenWorks, transactions: KafkaTransactions, health: Health, pace: Pace) -> None:
        self._works = works
        self._transactions = transactions
        self._health = health
        self._pace = pace
        self._settled_at = time.monotonic()

    @property
    def in_doubt(self) -> bool:
        """Whether what is remembered may be wrong: nothing may be started until something was settled."""
        return self._transactions.doubtful

    @property
    def waiting(self) -> bool:
        """Whether finished works wait for a transaction."""
        return self._transactions.waiting

    def due(self, now: float, member: Membership) -> bool:
        """Whether it is time for a transaction."""
        since = now - self._settled_at
        if self._works.finished or self._transactions.waiting:
            return since >= self._pace.publish_interval_s or self._works.finished >= _MOST_IN_A_TRANSACTION
        if since < self._pace.commit_interval_s:
            return False
        self._transactions.look(member)
        return self._transactions.due

    def settle(self, member: Membership) -> bool:
        """Settle what is finished, as far as it goes; whether something was. Raises `FatalError`."""
        self._settled_at = time.monotonic()
        settled = self._transactions.publish(self._works.take_finished(), member)
        self._show_trouble()
        for work in settled:
            self._works.end(work)
        return bool(settled)

    def drop(self, partitions: Collection[TopicPartition]) -> None:
        """Forget what waits for partitions that are no longer ours."""
        self._transactions.drop(partitions)
        self._show_trouble()

    def _show_trouble(self) -> None:
        """Who cannot settle anything is not ready, whatever else it does."""
        reason = self._transactions.trouble
        if reason:
            self._health.not_ready(reason, TRANSACTIONS)
        else:
            self._health.ready(TRANSACTIONS)
