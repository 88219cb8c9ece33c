"""
Edge: has the results of a partition published again when their topics were made again, page by page (rule V11).

Rule 1: results are in topics that nobody else could fill. So each reference is settled once more: it is remembered as
        waiting for a try of which nothing is left, which has its row read again (`lost_retries`).
Rule 2: a position says where its results are only once that is durable for every row: who is stopped before begins
        again, and passes over what waits already.

Keeps: V11.
"""

from __future__ import annotations

import time

import structlog

from file_fetcher.intake.partitions import TablePartition
from file_fetcher.own_topics import OwnTopics
from file_fetcher.references.local import ALL_VERSIONS, ReferenceStore
from file_fetcher.settling.kafka_transactions import KafkaTransactions, Membership
from file_fetcher.settling.settlement import settle_again

_log = structlog.get_logger(__name__)
_PAGE = 200


class PublishingAgain:
    """For all partitions of one member."""

    def __init__(self, store: ReferenceStore, transactions: KafkaTransactions, own_topics: OwnTopics) -> None:
        self._store = store
        self._transactions = transactions
        self._own_topics = own_topics

    def carry_out(self, assigned: TablePartition, member: Membership) -> None:
        """See to the next page of a partition's rows."""
        again = assigned.again
        if again is None:
            return
        partition = assigned.topic_partition.partition
        rows = self._store.below(str(assigned.table), partition, ALL_VERSIONS, _PAGE, after=again.after)
        now_ms = int(time.time() * 1000)
        settlements = [settle_again(row, self._own_topics, now_ms) for row in rows]
        wanted = [each for each in settlements if each.writes]
        if wanted and not self._transactions.publish_apart(wanted, partition, member):
            return
        again.rows += len(wanted)
        if rows:
            again.after = rows[-1].record_id
        if len(rows) == _PAGE:
            return
        assigned.published_again(again)
        _log.warning(
            "results are published again",
            topic=assigned.topic_partition.topic,
            partition=partition,
            rows=again.rows,
            reason="their topics were made again",
        )
