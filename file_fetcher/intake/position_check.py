"""
What is asked of the reader when partitions are taken over.

That is: tables whose deletes may be missing (rule V7), and rows of which a retry is lost. Edge; blocks. Leaves to
others: reading state before, and what the reader sends after.

Keeps: V7.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import structlog

from cdc_runtime.consuming.position_age import Commit, Found, must_resnapshot, retention_ms
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.reader_requests import Requests
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.references.local import ReferenceStore
from schemas.names import TableName

_log = structlog.get_logger(__name__)
_ALL_VERSIONS = 2**63 - 1
# No topic forgets its tombstones sooner: younger positions need no look at the topic.
_CERTAIN_MS = 60 * 60 * 1000
_LOST_AT_A_TIME = 1000
_ASK_AGAIN_S = 600.0  # the reader may be away


class PositionCheck:
    """Looks at partitions whose state has just been read."""

    def __init__(self, admin: KafkaAdmin, store: ReferenceStore, requests: Requests) -> None:
        self._admin = admin
        self._store = store
        self._requests = requests
        self._asked: dict[str, float] = {}

    def examine(self, new: Sequence[TablePartition], commits: Mapping[TopicPartition, Commit]) -> None:
        """Ask for what may be missing; returns when the requests are durable. Raises `TransientError`."""
        for held in new:
            reason = self._reason(held, commits.get(held.topic_partition))
            if reason is not None:
                self._requests.snapshot(held.table, reason)
        self.ask_for_lost(new)

    def _reason(self, held: TablePartition, commit: Commit | None) -> str | None:
        now_ms = int(time.time() * 1000)
        topic_partition = held.topic_partition
        if commit is None:
            known = bool(self._store.below(str(held.table), topic_partition.partition, _ALL_VERSIONS, 1))
            return must_resnapshot(Found(None, 0, 0, indexed=known), now_ms)
        if commit.as_of_ms is None or now_ms - commit.as_of_ms < _CERTAIN_MS:
            return None
        facts = self._admin.describe(topic_partition.topic)
        # A transaction's marker may stand behind the last record.
        end = self._admin.end_offsets([topic_partition])[topic_partition] - 1
        found = Found(commit, end, retention_ms(dict(facts.config) if facts else {}), indexed=True)
        return must_resnapshot(found, now_ms)

    def ask_for_lost(self, partitions: Sequence[TablePartition]) -> None:
        """Ask for the rows that wait for a retry of which nothing is left, when it is due. Raises `TransientError`."""
        now = time.time()
        self._asked = {record_id: at for record_id, at in self._asked.items() if now - at < _ASK_AGAIN_S}
        numbers = [(str(held.table), held.topic_partition.partition) for held in partitions]
        lost: dict[TableName, set[str]] = {}
        for record, file in self._store.lost_retries(numbers, _LOST_AT_A_TIME):
            if file.due_ms <= now * 1000 and record.record_id not in self._asked:
                lost.setdefault(TableName.parse(record.table), set()).add(record.record_id)
        for table, record_ids in lost.items():
            keys = [record_id.removeprefix(f"{table.document_table}/") for record_id in sorted(record_ids)]
            self._requests.reread(table, keys, "retries of files are lost")
            self._asked.update(dict.fromkeys(record_ids, now))
