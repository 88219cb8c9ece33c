"""
Edge: what scans have done beside the stream: watermarks written, writers waited for, chunks read.

Everything is handed to side workers; what becomes of it is told on the stream's thread.

Keeps: S1, S3, S4, D8.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping

from cdc_reader.postgres.wal_messages import emit_message
from cdc_reader.postgres.workers import SideWork, Worker
from cdc_reader.progress.unseen_transactions import UnseenTransactions
from cdc_reader.snapshot.chunk_reads import ChunkReads
from cdc_reader.snapshot.chunk_requests import ChunkRequest
from cdc_reader.snapshot.scans import Scan
from cdc_reader.snapshot.table_writers import writers_left
from schemas.errors import RowferryError

Failed = Callable[[RowferryError], None]


class ScanWork:
    """The work of all scans of a session."""

    def __init__(self, side: SideWork, reads: ChunkReads, unseen: UnseenTransactions, *, source: str) -> None:
        self._side = side
        self._reads = reads
        self._unseen = unseen
        self._source = source

    def new_attempt(self) -> str:
        """An id that no watermark had before (rule S3)."""
        return f"{self._source}/{uuid.uuid4().hex}"

    def write(self, content: str, failed: Failed) -> None:
        """Write a watermark."""
        self._side.submit(lambda worker: emit_message(worker.connection, content), lambda _: None, failed, alone=True)

    def list_writers(
        self,
        oids: Iterable[int],
        before: Collection[str] | None,
        found: Callable[[Mapping[str, str]], None],
        failed: Failed,
    ) -> None:
        """Tell which transactions write to the relations, and whose they are (rule S4).

        Once they were listed, only those of `before` count.
        """
        listed = sorted(oids)
        self._side.submit(lambda worker: writers_left(worker, listed, before), found, failed, alone=True)

    def read(self, scan: Scan, request: ChunkRequest, failed: Failed) -> None:
        """Read a chunk that sees all that was delivered by now, and only then write its high watermark (rule S1).

        Whatever the server says of the table, or a value of it turns out to be, is told to `failed` (rule D8).
        """
        attempt, delivered = scan.attempt, self._unseen.current()

        def task(worker: Worker) -> frozenset[int]:
            if scan.take(self._reads.read(worker, request, attempt, delivered)):
                emit_message(worker.connection, f"{attempt}:high")
            return delivered

        self._side.submit(task, self._unseen.seen, failed, alone=True)
