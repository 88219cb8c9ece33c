"""
One life of the reader: from a prepared start until something asks for a new one.

Rule 1: the LSN confirmed is that of a position that Kafka has committed.
Rule 2: nothing survives a session but what is in Kafka: any error, an unknown outcome above all, ends it, and the
next one reads the position again (rule P7).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import structlog

from cdc_reader.control_commands import ControlInbox
from cdc_reader.discovery.definition_changes import Definitions
from cdc_reader.heartbeat import Heartbeat
from cdc_reader.metrics import ReaderMetrics
from cdc_reader.pgoutput.messages import Relation
from cdc_reader.postgres.connections import Connection
from cdc_reader.postgres.replication import ReplicationStream
from cdc_reader.postgres.server import type_names
from cdc_reader.postgres.wal_messages import MESSAGE_PREFIX
from cdc_reader.postgres.workers import SideWork, Worker
from cdc_reader.progress.ready import Ready
from cdc_reader.progress.unseen_transactions import UnseenTransactions
from cdc_reader.publishing.floors import Floors
from cdc_reader.publishing.publisher import Publisher
from cdc_reader.settings import ReaderSettings
from cdc_reader.snapshot.chunk_reads import ChunkReads
from cdc_reader.snapshot.removed_tables import RemovedTables
from cdc_reader.snapshot.runner import RunnerSettings, SnapshotRunner
from cdc_reader.snapshot.scan_records import RecordedScans
from cdc_reader.snapshot.scans import cause_of_scan, resumable
from cdc_reader.stream.changes import Changes, Limits
from cdc_reader.stream.toast_refetch import Refetched, refetch
from cdc_reader.stream.transactions import Transactions
from cdc_reader.tables.captured import CapturedTable, EncoderOf, StreamedRelation, Tables
from cdc_reader.transcode import EventContext
from schemas.control import Command, Kind
from schemas.errors import TransientError
from schemas.names import TableName
from schemas.offsets import Position
from schemas.topics import MAX_MESSAGE_BYTES, Topics

logger = structlog.get_logger(__name__)
BATCH_MESSAGES = 2_000
_IDLE_WAIT_S = 0.5
_OPEN_TOO_LONG_S = 5.0  # a transaction whose rest does not come: what is there is committed
_EVENT_BYTES = MAX_MESSAGE_BYTES - 64 * 1024


class TextNeeded(TransientError):
    """The stream sends binary what we only read as text: the next session asks for text."""


@dataclass(frozen=True, slots=True)
class Edges:
    """What a session touches the world with; opened and closed by `service`."""

    connection: Connection
    stream: ReplicationStream
    publisher: Publisher
    side: SideWork
    inbox: ControlInbox


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
        self._settings, self._metrics = settings, metrics
        self._connection, self._stream = edges.connection, edges.stream
        self._publisher = publisher = edges.publisher
        self._side = side = edges.side
        self._inbox = edges.inbox
        self._topics = Topics(settings.kafka.prefix)
        self._position, self._versions, self._binary = ready.position, ready.versions, ready.binary
        self._restart: str | None = None
        self._refetcher: Worker | None = None
        self.tables = Tables(ready.tables, prefix=settings.kafka.prefix, encoder_of=encoder_of)
        self._transactions = Transactions(ready.position.last, ready.position.open)
        unseen = UnseenTransactions(ready.not_visible)
        self._floors = Floors(ready.stored.floors, publisher)
        self._changes = Changes(
            transactions=self._transactions,
            tables=self.tables,
            sink=publisher,
            versions=ready.versions,
            floors=self._floors,
            unseen=unseen,
            companions=self,
            limits=Limits(settings.commit.max_rows, settings.commit.max_bytes, _EVENT_BYTES),
            message_prefix=MESSAGE_PREFIX,
        )
        definitions = Definitions(settings, ready.catalog)
        self._heartbeat = Heartbeat(settings, side, definitions, unseen)
        self.runner = SnapshotRunner(
            _runner_settings(settings, ready),
            tables=self.tables.by_name,
            side=side,
            sink=publisher,
            floors=self._floors,
            versions=ready.versions,
            announce=self,
            unseen=unseen,
            reads=ChunkReads(encoder_of, definitions.fingerprint, _EVENT_BYTES, settings.snapshot.watermark_timeout_s),
            recorded=_recorded(ready, publisher),
        )
        topic = self._topics.tables
        self._removed = RemovedTables(ready, publisher, self.runner, source=settings.source, tables_topic=topic)
        self._request_scans(ready)

    def _request_scans(self, ready: Ready) -> None:
        """Every table that has no complete scan of this life and definition is scanned, or goes on (P5, S6, D1)."""
        for table in ready.tables:
            name = str(table.name)
            known = ready.stored.snapshots.get(name)
            identity = {
                "incarnation": ready.position.incarnation,
                "oid": table.entry.oid,
                "fingerprint": table.entry.fingerprint,
            }
            if resumable(known, **identity):  # type: ignore[arg-type]
                assert known is not None
                command = ready.stored.commands.get(known.command or "")
                commands = [command] if command is not None else []
                scan = self.runner.new_scan(table.name, known.cause, progress=known, commands=commands)
                self.runner.request(scan)
                continue
            cause = cause_of_scan(known, **identity)  # type: ignore[arg-type]
            if cause is not None:
                self.runner.request(self.runner.new_scan(table.name, cause, needs_writers=True))
        for command in ready.stored.commands.values():
            begun = {name for name, known in ready.stored.snapshots.items() if known.command == command.id}
            self._obey(command, begun)

    def run(self, stopping: Callable[[], bool]) -> str | None:
        """Stream; returns the reason for a restart, or None when `stopping()` ended it. Raises our errors."""
        self._removed.begin(self._side)
        while not stopping():
            batch, more = self._stream.receive(most=BATCH_MESSAGES, wait_s=self._wait_s(), wake_fd=self._side.wake_fd)
            if batch:
                self._changes.handle(batch)
            self._side.settle()
            now = time.monotonic()
            self.runner.poll(now)
            self._commit_when_due(now, more=more)
            for command in self._inbox.poll(now):
                self._obey(command)
            if self._heartbeat.poll(now):
                self.runner.recorded.remember_deletes(self.tables.by_name)
            self._metrics.tick(self)
            restart = self._restart or self._heartbeat.difference
            if restart is not None and self._transactions.begin is None:
                self._commit()
                return restart
        self._commit()
        return None

    def _wait_s(self) -> float:
        if self._publisher.dirty:
            return self._settings.commit.max_wait_s / 4
        return max(0.0, min(_IDLE_WAIT_S, self._heartbeat.due - time.monotonic()))

    def _commit_when_due(self, now: float, *, more: bool) -> None:
        if self._transactions.begin is None:
            if not more:
                self._commit()
        elif self._publisher.rows and now - self._publisher.began_at > _OPEN_TOO_LONG_S:
            self._commit()

    def _commit(self) -> None:
        """Commit what is there with the position it reaches, then confirm that position (rules P3, P6)."""
        if not self._changes.whole and not self._publisher.dirty:
            return
        self._position = replace(
            self._position,
            version=self._versions.last,
            last=self._transactions.last,
            open=self._transactions.opened(),
        )
        rows, began = self._publisher.rows, time.monotonic()
        self._publisher.commit(self._position)
        self._stream.confirm(self._position.restart_lsn)
        self._metrics.committed(self._position, rows, self._changes.whole, time.monotonic() - began)
        self._changes.whole = 0

    # What the stream asks and tells (changes.Companions)

    def now_us(self) -> int:
        """The wall clock, in microseconds since the Unix epoch."""
        return time.time_ns() // 1000

    def committed(self) -> None:
        """A source transaction is whole: commit where the bounds are near."""
        publisher, commit = self._publisher, self._settings.commit
        full = publisher.rows * 2 >= commit.max_rows or publisher.size * 2 >= commit.max_bytes
        if full or (publisher.rows and time.monotonic() - publisher.began_at >= commit.max_wait_s):
            self._commit()

    def bounds_reached(self) -> None:
        """The Kafka transaction is full inside a source transaction."""
        self._commit()
        self.runner.void_large_windows(time.monotonic())

    def relation_received(self, relation: Relation) -> None:
        """Bind a relation; one that does not fit what we know makes us compare all definitions (rule D1)."""
        bound, differs = self.tables.bind(relation, lambda types: type_names(self._connection, types))
        if bound is not None:
            plan = bound.encoder.plan
            if self._binary and not plan.binary:
                raise TextNeeded(f"table {bound.table.name} has a type that is only read as text")
            self._publisher.store_plan(plan)
            self._metrics.bound(bound)
        if differs:
            now = time.monotonic()
            if bound is not None:
                self.runner.void(bound.table.name, "another definition came", now)
            self._heartbeat.compare_definitions()

    def refetch(self, relation: StreamedRelation, keys: Sequence[bytes], xids: set[int]) -> Refetched | None:
        """Rows read again; what they may have seen goes into the position (rule V6)."""
        table = relation.table
        if relation.encoder.plan.fingerprint != table.plan.fingerprint:
            return None  # the stream is at another definition than the catalog: bytes of one do not fit the other
        if self._refetcher is None:
            self._refetcher = self._side.worker()
        wait_s = self._settings.refetch_wait_s
        found = refetch(self._refetcher, table.read, table.encoder, keys, delivered=xids, wait_s=wait_s)
        if found is None:
            logger.warning("refetch_failed", table=str(table.name), rows=len(keys))
            return None
        self._position = replace(self._position, seen_lsn=max(self._position.seen_lsn, found.seen_lsn))
        self._metrics.refetched(table, len(found.rows))
        return found

    def row_unread(self, table: CapturedTable, key: bytes) -> None:
        """Ask ourselves, durably, to read the row again (rule V5)."""
        command = self._inbox.reread(str(table.name), [key.decode("ascii")])
        self.command_moved(command)
        self._obey(command)

    def leaf_truncated(self, table: CapturedTable) -> None:
        """A partition was emptied: read its root again and sweep (rule D3)."""
        self.runner.restart(table.name, "a partition was truncated")

    def truncated(self, table: CapturedTable) -> None:
        """Open chunks of an emptied table are void (rule S2)."""
        self.runner.recorded.emptied(table.name)
        self.runner.void(table.name, "the table was truncated", time.monotonic())

    def own_message(self, content: str, lsn: int, context: EventContext) -> None:
        """A watermark, the marker of removed tables, or a heartbeat."""
        if not self._removed.on_message(content, lsn, context):
            self.runner.on_message(content, lsn, context, time.monotonic())

    # What scans tell (runner.Announce)

    def command_moved(self, command: Command) -> None:
        """Write a command's new state in the transaction that holds the work."""
        self._publisher.add(self._topics.control, command.id.encode(), command.to_json(), self.now_us() // 1000)

    def definition_changed(self, table: TableName) -> None:
        """A scan found its table changed: start again with the new definition."""
        self._restart = f"the definition of {table} changed"

    # What is done now and then

    def _obey(self, command: Command, begun: Collection[str] = ()) -> None:
        """Do what was asked; `begun` are the tables whose scan for it is done, or goes on."""
        refused = self._inbox.refusal(command, self.tables.by_name)
        if refused is not None:
            self.command_moved(refused)
            return
        for text in command.tables:
            name = TableName.parse(text)
            if command.kind is Kind.REREAD:
                keys = [key.encode("ascii") for key in command.keys]
                self.runner.request(self.runner.new_scan(name, "keys were asked for", commands=[command], keys=keys))
            elif text not in begun:
                cause = f"asked for by {command.requested_by}"
                self.runner.request(self.runner.new_scan(name, cause, commands=[command]))

    @property
    def position(self) -> Position:
        """The position last committed, or about to be."""
        return self._position


def _recorded(ready: Ready, publisher: Publisher) -> RecordedScans:
    """The progress of the captured tables; what another table of the name held says nothing of this one."""
    found = {}
    for table in ready.tables:
        known = ready.stored.snapshots.get(str(table.name))
        if known is not None:
            found[table.name] = known if known.oid == table.entry.oid else replace(known, complete_rows=0)
    return RecordedScans(found, publisher)


def _runner_settings(settings: ReaderSettings, ready: Ready) -> RunnerSettings:
    snapshot = settings.snapshot
    return RunnerSettings(
        source=settings.source,
        incarnation=ready.position.incarnation,
        chunk_rows=snapshot.chunk_rows,
        chunk_bytes=snapshot.chunk_bytes,
        parallel=snapshot.workers,
        watermark_timeout_s=snapshot.watermark_timeout_s,
    )
