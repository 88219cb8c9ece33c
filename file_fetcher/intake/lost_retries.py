"""
Edge: asks the reader for rows of which a retry is lost.

Leaves to others: reading state before, and what the reader sends after.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from cdc_runtime.reader_requests import Requests
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.references.local import ReferenceStore
from schemas.names import TableName

_LOST_AT_A_TIME = 1000
_ASK_AGAIN_S = 600.0  # the reader may be away


class LostRetries:
    """Looks at partitions whose state has been read."""

    def __init__(self, store: ReferenceStore, requests: Requests) -> None:
        self._store = store
        self._requests = requests
        self._asked: dict[str, float] = {}

    def ask(self, partitions: Sequence[TablePartition]) -> None:
        """Ask for the rows that wait for a retry of which nothing is left, when it is due. Raises `TransientError`."""
        now = time.time()
        self._asked = {record_id: at for record_id, at in self._asked.items() if now - at < _ASK_AGAIN_S}
        numbers = [(str(each.table), each.topic_partition.partition) for each in partitions]
        lost: dict[TableName, set[str]] = {}
        for table_name, record_id, file in self._store.lost_retries(numbers, _LOST_AT_A_TIME):
            if file.due_ms <= now * 1000 and record_id not in self._asked:
                lost.setdefault(TableName.parse(table_name), set()).add(record_id)
        for table, record_ids in lost.items():
            keys = [record_id.removeprefix(f"{table.document_table}/") for record_id in sorted(record_ids)]
            self._requests.reread(table, keys, "retries of files are lost")
            self._asked.update(dict.fromkeys(record_ids, now))
