"""
Edge: carries floors out, page by page: every row below one that is remembered ends (rule V4).

Rule: a floor stands alone in its partition: it waits for what came before it, and what follows waits for it.

Keeps: V4.
"""

from __future__ import annotations

import time

from file_fetcher.intake.partitions import TablePartition
from file_fetcher.open_works import OpenWorks
from file_fetcher.own_topics import OwnTopics
from file_fetcher.references.local import ReferenceStore
from file_fetcher.settling.kafka_transactions import KafkaTransactions, Membership
from file_fetcher.settling.settlement import settle_floor

_PAGE = 500


class FloorRuns:
    """The floors of all partitions of one member."""

    def __init__(
        self,
        store: ReferenceStore,
        works: OpenWorks,
        transactions: KafkaTransactions,
        own_topics: OwnTopics,
    ) -> None:
        self._store = store
        self._works = works
        self._transactions = transactions
        self._own_topics = own_topics

    def carry_out(self, assigned: TablePartition, member: Membership) -> bool:
        """Publish the next page when everything before the floor is settled; whether the floor is over."""
        floor = assigned.floor
        if floor is None or self._works.open_in(assigned.topic_partition):
            return False
        partition = assigned.topic_partition.partition
        rows = self._store.below(str(assigned.table), partition, floor.below_version, _PAGE)
        if rows:
            now_ms = int(time.time() * 1000)
            settlements = [settle_floor(row, floor.below_version, self._own_topics, now_ms) for row in rows]
            self._transactions.publish_apart(settlements, partition, member)
            return False
        assigned.tracker.done(floor.record.offset)
        assigned.floor = None
        return True
