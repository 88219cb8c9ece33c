"""
One life of the reader: from a prepared start until something asks for a new one.

Nothing survives a session but what is in Kafka: any error, an unknown outcome above all, ends it, and the next one
reads the position again (rule P7).

Keeps: P7, S2, D1, D3, D4.
"""

from __future__ import annotations

import time
from collections import ChainMap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from cdc_reader.control_commands import CommandStates, ControlInbox, ControlTail
from cdc_reader.discovery.definition_changes import Definitions
from cdc_reader.discovery.publication import quote_identifier
from cdc_reader.discovery.requirements import messages_remedy
from cdc_reader.heartbeat import Heartbeat
from cdc_reader.metrics import ReaderMetrics
from cdc_reader.own_messages import OwnMessages
from cdc_reader.pgoutput.messages import Relation
from cdc_reader.polling.poller import Poller
from cdc_reader.polling.setup import PollEdges, make_poller
from cdc_reader.polling.work import RowLists
from cdc_reader.postgres.connections import Connection
from cdc_reader.postgres.server import declared_types
from cdc_reader.postgres.wal_messages import forbidden_messages
from cdc_reader.postgres.workers import SideWork
from cdc_reader.progress.checkpoint import Checkpoint
from cdc_reader.progress.ready import Ready
from cdc_reader.publishing.floors import Floors
from cdc_reader.publishing.publisher import Publisher
from cdc_reader.read_requests import ReadRequests, answered
from cdc_reader.settings import ReaderSettings
from cdc_reader.snapshot.chunk_reads import ChunkReads
from cdc_reader.snapshot.definition_records import RecordedDefinitions
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
from cdc_reader.tables.told_anew import ToldAnew
from cdc_reader.tables.topic_watch import topic_watch
from cdc_reader.tables.troubles import Troubles
from cdc_reader.transcode import EventContext
from cdc_reader.transcode.row_assembly import NOT_HAD, ROW_GONE
from cdc_reader.wal2json.stream import Source
from cdc_runtime.kafka.admin import KafkaAdmin
from schemas.errors import TransientError
from schemas.names import TableName
from schemas.topics import MAX_MESSAGE_BYTES, Topics

logger = structlog.get_logger(__name__)
BATCH_MESSAGES = 2_000
_IDLE_WAIT_S = 0.5
_EVENT_BYTES = MAX_MESSAGE_BYTES - 64 * 1024


class TextNeeded(TransientError):
    """The stream sends binary what we only read as text: the next session asks for text."""


@dataclass(frozen=True, slots=True)
class Edges:
    """What a session touches the world with; opened and closed by `capture`."""

    connection: Connection
    stream: Source
    publisher: Publisher
    side: SideWork
    control: ControlTail
    topics: KafkaAdmin
    lists: RowLists


class Session:
    """Streams until `stopping` says so or a restart is due; one for every start."""

    _again: str | None = None
    _doubted = False

    def __init__(
        self,
        settings: ReaderSettings,
        ready: Ready,
        edges: Edges,
        *,
        metrics: ReaderMetrics,
        encoder_of: EncoderOf,
        troubles: Troubles,
        messages: OwnMessages,
    ) -> None:
        topics, self._watch = Topics(settings.kafka.prefix), topic_watch(edges.topics, edges.side, ready)
        self._settings, self._ready, self._metrics, self._troubles = settings, ready, metrics, troubles
        self._connection, self._stream = edges.connection, edges.stream
        self._publisher, self._side, self._messages = edges.publisher, edges.side, messages
        sink, unseen, position, known = edges.publisher, ready.unseen, ready.position, ready.catalog.types
        self._transactions = Transactions(position.sent_again, position.open, unseen, last=position.last)
        self._tables = Tables(ready.tables.captured, known, prefix=settings.kafka.prefix, encoder_of=encoder_of)
        self._checkpoint = Checkpoint(
            ready.position,
            reached=self._transactions,
            versions=ready.versions,
            kafka=sink,
            slot=edges.stream,
            limits=settings.commit,
            observer=metrics,
            before=self._before_commit,
        )
        floors = Floors(ready.stored.floors, sink, ready.versions)
        definitions = Definitions(settings, ready.catalog, ready.judged)
        self._definitions = RecordedDefinitions(ready.stored.definitions, sink)
        self._heartbeat = self._make_heartbeat(definitions, topics.tables)
        reads = ChunkReads(encoder_of, definitions.definition, _EVENT_BYTES, settings.snapshot.watermark_timeout_s)
        states = CommandStates(sink, topics.control, own=f"reader {settings.source}")
        self._recorded = RecordedScans(recorded_progress(ready), sink)
        self._runner = self._make_runner(ScanWork(edges.side, reads, unseen, source=settings.source), floors, states)
        self._poller = self._make_poller(edges, floors, states, encoder_of)
        self._removed = RemovedTables(ready, sink, floors, source=settings.source, tables_topic=topics.tables)
        self._inbox = self._make_inbox(edges.control, states)
        self._changes = self._make_changes(floors)
        self._unnamed_in: dict[TableName, int] = {}
        self._told: set[tuple[TableName, str, str]] = set()

    def _make_runner(self, work: ScanWork, floors: Floors, states: CommandStates) -> SnapshotRunner:
        return SnapshotRunner(
            _runner_settings(self._settings, self._ready),
            tables=self._tables.by_name,
            work=work,
            events=ScanEvents(self._publisher, floors, self._ready.versions),
            record_command=answered(states.record, lambda: self._poller),
            recorded=self._recorded,
            definitions=self._definitions,
            clock=time.monotonic,
        )

    def _make_poller(self, edges: Edges, floors: Floors, states: CommandStates, encoder_of: EncoderOf) -> Poller:
        return make_poller(
            self._settings,
            self._ready,
            PollEdges(edges.side, edges.lists, edges.topics, edges.publisher),
            floors=floors,
            encoder_of=encoder_of,
            event_bytes=_EVENT_BYTES,
            record_command=answered(states.record, lambda: self._runner),
            seen=self._checkpoint.seen,
        )

    def _make_inbox(self, control: ControlTail, states: CommandStates) -> ControlInbox:
        polled = {each.name: each.table for each in self._ready.tables.polled}
        return ControlInbox(
            control,
            source=self._settings.source,
            states=states,
            tables=ChainMap(self._tables.by_name, polled),
            selected=self._ready.tables.entries,
            scans=ReadRequests(self._runner, self._poller, polled),
        )

    def _make_heartbeat(self, definitions: Definitions, topic: str) -> Heartbeat:
        ready, sink = self._ready, self._publisher
        told = ToldAnew(
            ready.tables.entries, self._tables.by_name, self._definitions, sink, ready.versions, topic=topic
        )
        return Heartbeat(
            self._settings,
            self._side,
            definitions,
            ready.unseen,
            follow=lambda found: told.follow(found, time.time_ns() // 1000),
            messages_told=self._messages_told,
        )

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
                ends=lambda: self._restart is not None,
                left_out=self._left_out,
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
            if not self._in_doubt:
                self._runner.poll()
                self._poller.poll()
            self._checkpoint.batch_done(more=more)
            self._inbox.poll(now)
            if self._heartbeat.poll(now):
                self._recorded.remember_deletes(self._tables.by_name)
                self._follow_server()
            self._metrics.tick(self._runner, self._poller)
            self._watch.poll(now)
            self._again = self._watch.difference or self._troubles.due(now)
            if self._restart is not None and not self._transactions.inside:
                self._checkpoint.commit()
                return self._restart
        self._checkpoint.commit()
        return None

    @property
    def _restart(self) -> str | None:
        """Why the session is to begin again, once no transaction is open; None while it is not."""
        return self._runner.changed or self._heartbeat.difference or self._again

    def _begin(self) -> None:
        """Ask for what this start found to be read, or swept."""
        stored = self._ready.stored
        # A command has one answer: no scan goes on for one that is refused since a table of it went away.
        stored.commands = {each.id: each for each in stored.commands.values() if not self._inbox.refuses(each)}
        for scan in first_scans(self._ready, self._runner.chunk_size):
            self._runner.request(scan)
        self._inbox.forget_old(stored.finished)
        for command in stored.commands.values():
            self._inbox.obey(command, begun_for(command.id, self._ready))
        self._messages_told(forbidden_messages(self._connection))
        self._heed_messages()

    def _messages_told(self, forbidden: tuple[str, ...]) -> None:
        """What we may not execute of what writes messages; the log has each change once (rule P3)."""
        if not self._messages.told(forbidden):
            return
        if forbidden:
            remedy = messages_remedy(forbidden, quote_identifier(self._ready.catalog.server.user))
            logger.warning("messages_forbidden", why=self._messages.reason, remedy=remedy)
        else:
            logger.info("messages_allowed")
        self._heed_messages()

    def _heed_messages(self) -> None:
        self._runner.forbid(self._messages.reason)
        self._metrics.without_messages(self._messages.reason)
        if not self._messages.forbidden:
            self._removed.begin(self._side)

    def _follow_server(self) -> None:
        """Without heartbeats an idle slot moves by the server's own word, now and then (rule P3).

        Not where the session is to end: transactions that were received may have been left to the next one.
        """
        if self._messages.forbidden and self._transactions.settled and self._restart is None:
            self._checkpoint.idle(self._stream.wal_end)

    def _wait_s(self) -> float:
        if self._publisher.dirty:
            return self._settings.commit.max_wait_s / 4
        return max(0.0, min(_IDLE_WAIT_S, self._heartbeat.due - time.monotonic()))

    @property
    def _in_doubt(self) -> bool:
        """Whether a definition came that nothing explains, and is being asked for: no scan begins under such a one."""
        self._doubted = self._doubted and self._heartbeat.comparing
        return self._doubted

    def _before_commit(self) -> None:
        self._inbox.ask_ourselves()
        self._poller.committing()
        for table in self._tables.by_name.values():
            if table.otherwise:  # what is committed now is to be read again, whatever the catalog says later (rule D1)
                table.otherwise = False
                self._runner.restart(table.name, "changes came under another definition")

    def _bounds_reached(self) -> None:
        self._checkpoint.commit()
        self._runner.void_large_windows()

    # What the stream tells (changes.StreamListener)

    def relation_received(self, relation: Relation) -> None:
        """Bind a relation; one that does not fit what we know makes us compare all definitions (rule D1)."""
        bound, differs = self._tables.bind(relation, lambda types: declared_types(self._connection, types))
        if bound is not None:
            self._prepare(bound)
            if bound.keyless:
                self.row_unnamed(bound.table)
        if differs:
            if bound is not None:
                self._runner.void(bound.table.name, "another definition came")
            self._doubted = True
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

    def _left_out(self, table: CapturedTable, omitted: Sequence[tuple[str, str]]) -> None:
        """Say once for a column why values of it are not carried; what is read again, or gone, lacks for a moment."""
        for column, reason in omitted:
            told = (table.name, column, reason)
            if reason not in (NOT_HAD, ROW_GONE) and told not in self._told:
                self._told.add(told)
                logger.warning("column_left_out", table=str(table.name), column=column, reason=reason)

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
