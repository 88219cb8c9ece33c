"""
Carries scans on, on the stream's thread: hands reads to side workers, takes watermarks from the stream, publishes.

What comes next is decided in `scans` and `window`; here it is done. Everything a scan has published and how far it
is goes into the same Kafka transaction as the watermark's position.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from cdc_reader.postgres.wal_messages import emit_message
from cdc_reader.postgres.workers import SideWork, Worker
from cdc_reader.progress.unseen_transactions import UnseenTransactions
from cdc_reader.progress.versions import Versions
from cdc_reader.publishing.event_sink import EventSink
from cdc_reader.publishing.floors import Floors
from cdc_reader.publishing.tombstones import publish_tombstone
from cdc_reader.snapshot.chunk_queries import Bounds
from cdc_reader.snapshot.chunk_reads import ChunkReads, ChunkRequest
from cdc_reader.snapshot.chunks import ChunkSize
from cdc_reader.snapshot.scan_records import RecordedScans
from cdc_reader.snapshot.scans import HELD, RUNNING, Phase, Scan
from cdc_reader.snapshot.table_writers import wait_for_writers
from cdc_reader.tables.captured import CapturedTable
from cdc_reader.transcode import EventContext
from schemas.control import Command, State
from schemas.envelope import MODE_SNAPSHOT, OP_DELETE, OP_READ
from schemas.errors import TransientError
from schemas.keys import parse_row_key
from schemas.names import TableName
from schemas.offsets import SnapshotProgress

logger = structlog.get_logger(__name__)
_RETRY_S = 1.0
_MOST_OVERTAKEN = 100_000


class CommandStates(Protocol):
    """Where is written what became of commands (`control_commands`)."""

    def record(self, command: Command) -> None:
        """A command of `_control` has another state now."""


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """The settings of snapshots, and what the session knows."""

    source: str
    incarnation: str
    chunk_rows: int
    chunk_bytes: int
    parallel: int
    watermark_timeout_s: float


class SnapshotRunner:
    """All scans of a session. Every method is for the stream's thread.

    `changed` says which table is no longer what its scan began with, once one is not.
    """

    def __init__(
        self,
        settings: RunnerSettings,
        *,
        tables: Mapping[TableName, CapturedTable],
        side: SideWork,
        sink: EventSink,
        floors: Floors,
        versions: Versions,
        commands: CommandStates,
        unseen: UnseenTransactions,
        reads: ChunkReads,
        recorded: RecordedScans,
    ) -> None:
        self._settings = settings
        self._tables = tables
        self._side = side
        self._sink = sink
        self._floors = floors
        self._versions = versions
        self._commands = commands
        self.changed: str | None = None
        self._unseen = unseen
        self._reads = reads
        self._queued: deque[Scan] = deque()
        self._active: list[Scan] = []
        self._later: list[tuple[float, Scan]] = []
        self.recorded = recorded
        self._counts: dict[str, tuple[int, int]] = {}
        self._states: dict[str, str] = {}

    def take_counts(self) -> dict[str, tuple[int, int]]:
        """Rows and chunks published since the last call, by table."""
        counts, self._counts = self._counts, {}
        return counts

    def states(self) -> dict[str, str]:
        """What the scans of this session are: pending, running, held or done, by table."""
        for scan in self.scans:
            self._states[str(scan.table)] = "pending" if scan.phase is Phase.BEGIN else "running"
        return self._states

    def _count(self, table: TableName, rows: int) -> None:
        known = self._counts.get(str(table), (0, 0))
        self._counts[str(table)] = (known[0] + rows, known[1] + 1)

    @property
    def scans(self) -> list[Scan]:
        """All scans that are not over."""
        return [*self._active, *(scan for _, scan in self._later), *self._queued]

    def request(self, scan: Scan) -> None:
        """Queue a scan; one of the whole table replaces another of the same table that is not over."""
        if scan.whole_table:
            for other in [other for other in self.scans if other.table == scan.table and other.whole_table]:
                # What was promised to be waited for, and to whom, is taken over.
                scan.needs_writers = scan.needs_writers or other.needs_writers
                scan.commands += other.commands
                self._drop(other)
        self._queued.append(scan)

    def restart(self, table: TableName, cause: str) -> None:
        """Scan a table from the start that lost rows; also when we are killed before the scan has begun."""
        self.recorded.emptied(table)
        self.recorded.begin_again(table)
        self.request(self.new_scan(table, cause))

    def read_table(self, table: TableName, cause: str, *, commands: list[Command]) -> None:
        """Queue a scan of the whole table that was asked for."""
        self.request(self.new_scan(table, cause, commands=commands))

    def read_keys(self, table: TableName, keys: list[bytes], *, commands: list[Command]) -> None:
        """Queue a scan of the rows with these keys."""
        self.request(self.new_scan(table, "keys were asked for", commands=commands, keys=keys))

    def new_scan(self, table: TableName, cause: str, **more: object) -> Scan:
        """A scan with this runner's bounds."""
        size = ChunkSize(self._settings.chunk_rows, self._settings.chunk_bytes)
        return Scan(table, cause, size, **more)  # type: ignore[arg-type]

    def poll(self, now: float) -> None:
        """Begin what may begin, and begin again what was lost; `now` in monotonic seconds."""
        for entry in [entry for entry in self._later if entry[0] <= now]:
            self._later.remove(entry)
            self._active.append(entry[1])
            (self._wait_for_writers if entry[1].needs_writers else self._emit_low)(entry[1], now)
        while self._queued and len(self._active) + len(self._later) < self._settings.parallel:
            scan = self._queued.popleft()
            self._active.append(scan)
            self._begin(scan, now)
        for scan in self._active:
            if scan.phase in (Phase.LOW, Phase.HIGH) and now > scan.deadline:
                self._overdue(scan, now)

    def _overdue(self, scan: Scan, now: float) -> None:
        """A watermark did not come in time (rule S3): write it again, under the same id."""
        scan.deadline = now + self._settings.watermark_timeout_s
        if scan.phase is Phase.HIGH and scan.result is None:
            return  # the chunk is still being read; a read that fails tells so itself
        role = "low" if scan.phase is Phase.LOW else "high"
        logger.warning("watermark_overdue", table=str(scan.table), waits_for=scan.phase.value)
        self._emit(scan, f"{scan.attempt}:{role}", now)

    def _emit(self, scan: Scan, content: str, now: float) -> None:
        self._side.submit(
            lambda worker: emit_message(worker.connection, content),
            lambda _: None,
            lambda exc: self._retry(scan, exc, now),
        )

    def void_large_windows(self, now: float) -> None:
        """Bound the keys that are kept while a chunk is open: a large transaction voids it (rule S2)."""
        for scan in [scan for scan in self._active if scan.window and len(scan.window.overtaken) > _MOST_OVERTAKEN]:
            self.void(scan.table, "the stream wrote too many rows meanwhile", now)

    def void(self, table: TableName, reason: str, now: float) -> None:
        """The open chunk of a table no longer counts (rule S2): it is read again."""
        for scan in self._active:
            if scan.table == table and scan.window is not None:
                logger.info("chunk_void", table=str(table), reason=reason)
                self._emit_low(scan, now)

    def on_message(self, content: str, lsn: int, context: EventContext, now: float) -> None:
        """A message of ours was received: a watermark of a scan, or nothing of this session's (rule S3)."""
        attempt, _, role = content.rpartition(":")
        for scan in self._active:
            if scan.attempt != attempt or attempt == "":
                continue
            if role == "low" and scan.phase is Phase.LOW:
                self._on_low(scan, context, now)
            elif role == "high" and scan.phase is Phase.HIGH and scan.result is not None:
                self._on_high(scan, lsn, context, now)
            return

    def _begin(self, scan: Scan, now: float) -> None:
        logger.info("snapshot_begins", table=str(scan.table), cause=scan.cause, resumed=scan.last_key is not None)
        for at, command in enumerate(scan.commands):
            if command.state is State.REQUESTED:
                scan.commands[at] = command.in_state(State.RUNNING)
                self._commands.record(scan.commands[at])
        (self._wait_for_writers if scan.needs_writers else self._emit_low)(scan, now)

    def _wait_for_writers(self, scan: Scan, now: float) -> None:
        scan.phase = Phase.WRITERS
        table = self._tables[scan.table]
        oids = sorted(table.relations | {table.entry.oid})
        self._side.submit(
            lambda worker: wait_for_writers(worker, oids, lambda holders: _log_writers(scan.table, holders)),
            lambda _: self._writers_ended(scan, now),
            lambda exc: self._retry(scan, exc, now),
        )

    def _writers_ended(self, scan: Scan, now: float) -> None:
        if scan in self._active:
            scan.needs_writers = False
            self._emit_low(scan, now)

    def _emit_low(self, scan: Scan, now: float) -> None:
        self._close_window(scan)
        attempt = f"{self._settings.source}/{uuid.uuid4().hex}"
        scan.wait_for_low(attempt, now + self._settings.watermark_timeout_s)
        self._emit(scan, f"{attempt}:low", now)

    def _retry(self, scan: Scan, exc: TransientError, now: float) -> None:
        if scan in self._active:
            logger.warning("chunk_failed", table=str(scan.table), reason=str(exc))
            self._close_window(scan)
            self._active.remove(scan)
            scan.attempt = ""
            self._later.append((now + _RETRY_S, scan))

    def _on_low(self, scan: Scan, context: EventContext, now: float) -> None:
        table = self._tables[scan.table]
        if scan.whole_table and scan.progress is None:
            # Rule S7: N is taken when the marker is received, so that no event queued before it lies above.
            scan.progress = SnapshotProgress(
                table=str(scan.table),
                state=RUNNING,
                cause=scan.cause,
                incarnation=self._settings.incarnation,
                below_version=self._versions.next(context.ts_ms * 1000),
                oid=table.entry.oid,
                fingerprint=table.entry.fingerprint,
                command=scan.commands[0].id if scan.commands else None,
                complete_rows=self.recorded.rows(scan.table),
            )
            self.recorded.record(scan.progress)
        self._open_window(scan, scan.attempt, now)

    def _open_window(self, scan: Scan, attempt: str, now: float) -> None:
        table = self._tables[scan.table]
        window = scan.open_window(attempt, now + self._settings.watermark_timeout_s * 2, self._unseen.current())
        table.open_window(window.overtaken)
        keys = None if scan.whole_table else list(scan.next_keys())
        limit = scan.size.rows if keys is None else len(keys)
        query = (
            table.read.range_query(scan.last_key, limit)
            if keys is None
            else table.read.keys_query([parse_row_key(key) for key in keys])
        )
        attempt, delivered = scan.attempt, scan.delivered
        bounds = Bounds(limit if keys is None else limit + 1, self._settings.chunk_bytes * 4)
        request = ChunkRequest(table, query, bounds, keys, delivered)

        def task(worker: Worker) -> frozenset[int]:
            """Read the chunk, and only then write the high watermark."""
            result = self._reads.read(worker, request, attempt)
            if scan.attempt == attempt:
                scan.read = result
                emit_message(worker.connection, f"{attempt}:high")
            return delivered

        self._side.submit(task, self._unseen.seen, lambda exc: self._retry(scan, exc, now))

    def _on_high(self, scan: Scan, lsn: int, context: EventContext, now: float) -> None:
        table, result = self._tables[scan.table], scan.result
        assert result is not None
        if result.refused is not None:
            self._refuse(scan, result.refused)
            return
        chunk = result.chunk
        self._close_window(scan, keep=True)
        snapshot = EventContext(MODE_SNAPSHOT, context.xid, context.commit_lsn, context.commit_ts_us, context.ts_ms)
        self._publish(table, scan, snapshot, lsn)
        scan.chunk_done(chunk, result.read_to)
        self._count(scan.table, len(chunk.rows))
        if scan.complete(chunk):
            self._complete(scan, table, snapshot, lsn)
            return
        if scan.progress is not None:
            self.recorded.record(scan.progress)
        # The high watermark of a chunk is the low one of the next.
        self._open_window(scan, f"{self._settings.source}/{uuid.uuid4().hex}", now)

    def _publish(self, table: CapturedTable, scan: Scan, context: EventContext, lsn: int) -> None:
        result, window = scan.result, scan.window
        assert result is not None
        assert window is not None
        chunk = result.chunk
        encoder, now_us, ts_ms = table.encoder, context.ts_ms * 1000, context.commit_ts_us // 1000
        ordinal = 0
        for key, row, omitted in window.surviving(chunk):
            ordinal += 1
            version = self._versions.next(now_us)
            if omitted:
                event = encoder.event(
                    OP_READ, context, lsn=lsn, version=version, ordinal=ordinal, after=row, omitted=omitted
                )
            else:
                event = encoder.read_event(row, context, lsn, version, ordinal)
            self._sink.add(table.topic, key, event, ts_ms)
        for key in window.gone(chunk):
            ordinal += 1
            version = self._versions.next(now_us)
            event = encoder.event(OP_DELETE, context, lsn=lsn, version=version, ordinal=ordinal)
            self._sink.add(table.topic, key, event, ts_ms)
            publish_tombstone(self._sink, table.topic, key, version, context.ts_ms)

    def _complete(self, scan: Scan, table: CapturedTable, context: EventContext, lsn: int) -> None:
        if not scan.whole_table:
            self._over(scan, "")
            return
        assert scan.progress is not None
        assert scan.result is not None
        if scan.result.fingerprint != scan.progress.fingerprint:  # rule D1: compared before every sweep
            self._active.remove(scan)
            self.changed = self.changed or f"the definition of {scan.table} changed"
            return
        scan.progress = replace(scan.progress, complete_rows=self.recorded.rows(scan.table))
        scan.deletes_seen = table.deletes
        progress = scan.finish(row_estimate=table.entry.row_estimate, forced=scan.forced)
        if progress.state == HELD:
            logger.error(
                "sweep_held",
                table=progress.table,
                rows=progress.rows,
                expected_half_of=progress.complete_rows,
                remedy="look at the table; if it is right, ask for a sweep with force through the control topic",
            )
        else:
            table.forget_deletes()
            self.recorded.found(scan.table, progress.rows)
            self._floors.sweep(table, progress.below_version, context=context, lsn=lsn)
        self.recorded.record(progress)
        self._over(scan, progress.state)

    def _refuse(self, scan: Scan, reason: str) -> None:
        self._close_window(scan)
        self._active.remove(scan)
        for command in scan.commands:
            self._commands.record(command.in_state(State.REFUSED, reason))

    def _over(self, scan: Scan, state: str) -> None:
        self._active.remove(scan)
        rows = scan.progress.rows if scan.progress else None
        self._states[str(scan.table)] = state or "done"
        logger.info("snapshot_over", table=str(scan.table), rows=rows, state=state or "done")
        for command in scan.commands:
            others = [other for other in self.scans if any(each.id == command.id for each in other.commands)]
            if not others:  # a command for several tables is done with the last of them
                self._commands.record(command.in_state(State.DONE, f"{rows} rows" if rows is not None else ""))

    def _close_window(self, scan: Scan, *, keep: bool = False) -> None:
        if scan.window is not None:
            self._tables[scan.table].close_window(scan.window.overtaken)
            if not keep:
                scan.window = None

    def _drop(self, scan: Scan) -> None:
        self._close_window(scan)
        scan.attempt = ""
        self._active = [other for other in self._active if other is not scan]
        self._later = [entry for entry in self._later if entry[1] is not scan]
        self._queued = deque(other for other in self._queued if other is not scan)


def _log_writers(table: TableName, holders: list[str]) -> None:
    logger.info("snapshot_waits_for_writers", table=str(table), virtual_transactions=holders)
