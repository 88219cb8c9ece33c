"""
One life of the reader: from a prepared start until something asks for a new one.

Nothing survives a session but what is in Kafka: any error, an unknown outcome above all, ends it, and the next one
reads the position again (rule P7).

Keeps: P7, S2, D1, D3, D4.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from cdc_reader.control_commands import CommandStates, ControlInbox, ControlTail
from cdc_reader.discovery.definition_changes import Definitions
from cdc_reader.heartbeat import Heartbeat
from cdc_reader.metrics import ReaderMetrics
from cdc_reader.pgoutput.messages import Relation
from cdc_reader.postgres.connections import Connection
from cdc_reader.postgres.replication import ReplicationStream
from cdc_reader.postgres.server import type_names
from cdc_reader.postgres.workers import SideWork
from cdc_reader.progress.checkpoint import Checkpoint
from cdc_reader.progress.ready import Ready
from cdc_reader.progress.unseen_transactions import UnseenTransactions
from cdc_reader.publishing.floors import Floors
from cdc_reader.publishing.publisher import Publisher
from cdc_reader.settings import ReaderSettings
from cdc_reader.snapshot.chunk_reads import ChunkReads
from cdc_reader.snapshot.first_scans import begun_for, first_scans, recorded_progress
from cdc_reader.snapshot.removed_tables import RemovedTables
from cdc_reader.snapshot.runner import RunnerSettings, SnapshotRunner
from cdc_reader.snapshot.scan_events import ScanEvents
from cdc_reader.snapshot.scan_records import RecordedScans
from cdc_reader.snapshot.scan_work import ScanWork
from cdc_reader.stream.changes import Changes, Companions, EventLimits
from cdc_reader.stream.toast_refetch import Refetcher
from cdc_reader.stream.transactions import Transactions
from cdc_reader.tables.captured import CapturedTable, EncoderOf, StreamedRelation, Tables
from cdc_reader.transcode import EventContext
from schemas.errors import TransientError
from schemas.names import TableName
from schemas.topics import MAX_MESSAGE_BYTES, Topics

BATCH_MESSAGES = 2_000
_IDLE_WAIT_S = 0.5
_EVENT_BYTES = MAX_MESSAGE_BYTES - 64 * 1024


class TextNeeded(TransientError):
    """The stream sends binary what we only read as text: the next session asks for text."""


@dataclass(frozen=True, slots=True)
class Edges:
    """What a session touches the world with; opened and closed by `capture`."""

    connection: Connection
    stream: ReplicationStream
    publisher: Publisher
    side: SideWork
    control: ControlTail


class Session:
    """Streams until `stopping` says so or a restart is due; one for every start."""

    def __init__(
        self,
        settings: ReaderSettings,
        ready: Ready,
        edges: Edges,
        *,
        metrics: ReaderMetrics,
        encoder_of: EncoderOf,
    ) -> None:
        topics = Topics(settings.kafka.prefix)
        self._settings, self._ready, self._metrics = settings, ready, metrics
        self._connection, self._stream = edges.connection, edges.stream
        self._publisher, self._side = edges.publisher, edges.side
        unseen = UnseenTransactions(ready.not_visible)
        self._transactions = Transactions(ready.position.last, ready.position.open, unseen)
        self._tables = Tables(ready.tables.captured, prefix=settings.kafka.prefix, encoder_of=encoder_of)
        self._checkpoint = Checkpoint(
            ready.position,
            reached=self._transactions,
            versions=ready.versions,
            kafka=edges.publisher,
            slot=edges.stream,
            limits=settings.commit,
            observer=metrics,
        )
        floors = Floors(ready.stored.floors, edges.publisher, ready.versions)
        definitions = Definitions(settings, ready.catalog)
        self._heartbeat = Heartbeat(settings, edges.side, definitions, unseen)
        reads = ChunkReads(encoder_of, definitions.fingerprint, _EVENT_BYTES, settings.snapshot.watermark_timeout_s)
        states = CommandStates(edges.publisher, topics.control)
        self._recorded = RecordedScans(recorded_progress(ready), edges.publisher)
        self._runner = SnapshotRunner(
            _runner_settings(settings, ready),
            tables=self._tables.by_name,
            work=ScanWork(edges.side, reads, unseen, source=settings.source),
            events=ScanEvents(edges.publisher, floors, ready.versions),
            record_command=states.record,
            recorded=self._recorded,
            clock=time.monotonic,
        )
        self._removed = RemovedTables(
            ready, edges.publisher, floors, source=settings.source, tables_topic=topics.tables
        )
        self._inbox = ControlInbox(
            edges.control, source=settings.source, states=states, tables=self._tables.by_name, scans=self._runner
        )
        self._changes = self._make_changes(floors)
        self._unnamed_in: dict[TableName, int] = {}

    def _make_changes(self, floors: Floors) -> Changes:
        commit = self._settings.commit
        refetcher = Refetcher(
            self._side.worker,
            wait_s=self._settings.refetch_wait_s,
            seen=self._checkpoint.seen,
            observer=self._metrics,
        )
        return Changes(
            transactions=self._transactions,
            tables=self._tables,
            sink=self._publisher,
            versions=self._ready.versions,
            floors=floors,
            companions=Companions(
                now_us=lambda: time.time_ns() // 1000,
                refetch=refetcher,
                transaction_done=self._checkpoint.transaction_done,
                bounds_reached=self._bounds_reached,
                listener=self,
            ),
            limits=EventLimits(commit.max_rows, commit.max_bytes, _EVENT_BYTES),
        )

    def run(self, stopping: Callable[[], bool]) -> str | None:
        """Stream; returns the reason for a restart, or None when `stopping()` ended it. Raises our errors."""
        self._begin()
        while not stopping():
            batch, more = self._stream.receive(most=BATCH_MESSAGES, wait_s=self._wait_s(), wake_fd=self._side.wake_fd)
            if batch:
                self._changes.handle(batch)
            self._side.settle()
            now = time.monotonic()
            self._runner.poll()
            self._checkpoint.batch_done(more=more)
            self._inbox.poll(now)
            if self._heartbeat.poll(now):
                self._recorded.remember_deletes(self._tables.by_name)
            self._metrics.tick(self._runner)
            restart = self._runner.changed or self._heartbeat.difference
            if restart is not None and not self._transactions.inside:
                self._checkpoint.commit()
                return restart
        self._checkpoint.commit()
        return None

    def _begin(self) -> None:
        """Ask for what this start found to be read, or swept."""
        for scan in first_scans(self._ready, self._runner.chunk_size):
            self._runner.request(scan)
        for command in self._ready.stored.commands.values():
            self._inbox.obey(command, begun_for(command.id, self._ready))
        self._removed.begin(self._side)

    def _wait_s(self) -> float:
        if self._publisher.dirty:
            return self._settings.commit.max_wait_s / 4
        return max(0.0, min(_IDLE_WAIT_S, self._heartbeat.due - time.monotonic()))

    def _bounds_reached(self) -> None:
        self._checkpoint.commit()
        self._runner.void_large_windows()

    # What the stream tells (changes.StreamListener)

    def relation_received(self, relation: Relation) -> None:
        """Bind a relation; one that does not fit what we know makes us compare all definitions (rule D1)."""
        bound, differs = self._tables.bind(relation, lambda types: type_names(self._connection, types))
        if bound is not None:
            self._prepare(bound)
            if bound.keyless:
                self.row_unnamed(bound.table)
        if differs:
            if bound is not None:
                self._runner.void(bound.table.name, "another definition came")
            self._heartbeat.compare_definitions()

    def _prepare(self, bound: StreamedRelation) -> None:
        """Make its schema durable before its first event (rule P10)."""
        plan = bound.encoder.plan
        if self._ready.binary and not plan.binary:
            raise TextNeeded(f"table {bound.table.name} has a type that is only read as text")
        self._publisher.store_plan(plan)
        self._metrics.bound(bound)

    def row_unread(self, table: CapturedTable, key: bytes) -> None:
        """Ask ourselves, durably, to read the row again (rule V5)."""
        self._inbox.reread(table.name, key)

    def row_unnamed(self, table: CapturedTable) -> None:
        """Changes came without the key: read the table again and sweep, from behind this transaction (rule D4).

        Once for each transaction of the source: no watermark of the new scan can be received before its end.
        """
        begin = self._transactions.begin
        lsn = begin.final_lsn.value if begin is not None else 0
        if begin is None or self._unnamed_in.get(table.name) != lsn:
            self._unnamed_in[table.name] = lsn
            self._runner.restart(table.name, "changes came without the primary key")

    def leaf_truncated(self, table: CapturedTable) -> None:
        """A partition was emptied: read its root again and sweep (rule D3)."""
        self._recorded.emptied(table.name)
        self._runner.restart(table.name, "a partition was truncated")

    def truncated(self, table: CapturedTable) -> None:
        """Open chunks of an emptied table are void (rule S2)."""
        self._recorded.emptied(table.name)
        self._runner.void(table.name, "the table was truncated")

    def own_message(self, content: str, lsn: int, context: EventContext) -> None:
        """A watermark, the marker of removed tables, or a heartbeat."""
        if not self._removed.on_message(content, lsn, context):
            self._runner.on_message(content, lsn, context)


def _runner_settings(settings: ReaderSettings, ready: Ready) -> RunnerSettings:
    snapshot = settings.snapshot
    return RunnerSettings(
        incarnation=ready.position.incarnation,
        chunk_rows=snapshot.chunk_rows,
        chunk_bytes=snapshot.chunk_bytes,
        parallel=snapshot.workers,
        watermark_timeout_s=snapshot.watermark_timeout_s,
    )
