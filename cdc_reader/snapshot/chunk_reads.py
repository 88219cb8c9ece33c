"""
One chunk, read in a side worker: what was planned, and what came of it.

Keeps: D1, S8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from cdc_reader.discovery.fingerprints import Definition
from cdc_reader.postgres.workers import Worker
from cdc_reader.snapshot.chunk_queries import OutOfOrder, read_chunk
from cdc_reader.snapshot.chunk_requests import ChunkRequest
from cdc_reader.snapshot.scans import ReadResult
from cdc_reader.snapshot.window import ChunkRows
from cdc_reader.tables.captured import EncoderOf
from cdc_reader.tables.read_names import files_read, read_otherwise
from cdc_reader.transcode.row_assembly import copied_row
from schemas.errors import Neighbour, RecordError, RowferryError, TransientError
from schemas.names import TableName

_NOTHING = ChunkRows((), 0, complete=True)


@dataclass(frozen=True, slots=True)
class ChunkReads:
    """How chunks are read: `definition` returns a table's definition now, `event_bytes` bounds one row."""

    encoder_of: EncoderOf
    definition: Callable[[Worker, TableName], Definition]
    event_bytes: int
    visible_within_s: float

    def read(self, worker: Worker, request: ChunkRequest, attempt: str, delivered: frozenset[int]) -> ReadResult:
        """Read one chunk that sees what was `delivered`, and the definition behind the last one.

        Raises `TransientError`: try again. What was read under other types or names than those of the plan says
        nothing: its bytes may even pass for values of the plan's.
        """
        table = request.table
        files = files_read(worker.connection, table, request.leaf)
        try:
            result = self._read(worker, request, attempt, delivered)
        except RowferryError:
            if not read_otherwise(worker.connection, table, request.leaf):
                # The key behind which it goes on may hold a label that was renamed since: it waits until that is seen.
                raise
            return ReadResult(attempt, _NOTHING, changed=True)
        if read_otherwise(worker.connection, table, request.leaf):
            return ReadResult(attempt, _NOTHING, changed=True)
        if files_read(worker.connection, table, request.leaf) != files:
            raise TransientError(f"table {table.name} got another file while it was read", neighbour=Neighbour.POSTGRES)
        asked = result.chunk.complete if request.keys is None else bool(result.chunk.absent)
        # A rewrite hides all rows from a snapshot that was taken before it: none that is absent need be gone.
        return replace(result, definition=self.definition(worker, table.name)) if asked else result

    def _read(self, worker: Worker, request: ChunkRequest, attempt: str, delivered: frozenset[int]) -> ReadResult:
        table, keys = request.table, request.keys
        encoder = self.encoder_of(table.plan)  # encoders are for one thread
        try:
            read = read_chunk(
                worker,
                request,
                lambda data: copied_row(encoder, data, max_bytes=self.event_bytes),
                delivered=delivered,
                timeout_s=self.visible_within_s,
            )
        except RecordError as exc:
            if keys is None:
                raise
            return ReadResult(attempt, _NOTHING, refused=str(exc))
        except OutOfOrder:
            return ReadResult(attempt, _NOTHING, out_of_order=True)
        chunk = read.chunk
        if keys is None:
            return ReadResult(attempt, chunk, read.last_key)
        # A chunk that was cut short says nothing of the keys behind the cut: they come with the next one.
        found = {row[0] for row in chunk.rows} if chunk.complete else set(keys)
        return ReadResult(attempt, replace(chunk, absent=[key for key in keys if key not in found]))
