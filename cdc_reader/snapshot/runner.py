"""
Carries scans on, on the stream's thread: hands reads to side workers, takes watermarks from the stream, publishes.

What comes next is decided in `scans` and `window`; here it is done. Everything a scan has published and how far it
is goes into the same Kafka transaction as the watermark's position.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from cdc_reader.floors import Floors
from cdc_reader.rows import copied_row
from cdc_reader.sidework import SideWork, Worker
from cdc_reader.snapshot.chunks import ChunkSize
from cdc_reader.snapshot.reading import Bounds, ChunkRead, emit_message, read_chunk, wait_for_writers
from cdc_reader.snapshot.scans import HELD, RUNNING, Phase, Scan
from cdc_reader.snapshot.window import ChunkRows
from cdc_reader.tables import CapturedTable, EncoderOf
from cdc_reader.transcode import EventContext
from cdc_reader.versions import Versions
from schemas.control import Command, State
from schemas.envelope import MODE_SNAPSHOT, OP_DELETE, OP_READ, OP_SWEEP
from schemas.errors import TransientError
from schemas.keys import parse_row_key
from schemas.names import TableName
from schemas.offsets import SnapshotProgress

logger = structlog.get_logger(__name__)
_RETRY_S = 1.0
Fingerprint = Callable[[Worker, TableName], str]


class Output(Protocol):
    """What a scan publishes, and how far it is (`publisher.Publisher`)."""

    def add(self, topic: str, key: bytes, value: bytes | None, ts_ms: int) -> None:
        """Publish an event."""

    def record(self, key: bytes, value: bytes | None) -> None:
        """Write a record of `_offsets` with the next commit."""


class Announce(Protocol):
    """Whom scans tell what became of them."""

    def command_moved(self, command: Command) -> None:
        """A command of `_control` has another state now."""

    def definition_changed(self, table: TableName) -> None:
        """A table is no longer what its scan began with."""

    def tombstone(self, table: CapturedTable, key: bytes, version: int) -> None:
        """A row that was asked for is gone: publish what stays behind its delete."""


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """The settings of snapshots, and what the session knows."""

    source: str
    incarnation: str
    chunk_rows: int
    chunk_bytes: int
    event_bytes: int
    parallel: int
    watermark_timeout_s: float


class SnapshotRunner:
    """All scans of a session. Every method is for the stream's thread."""

    def __init__(
        self,
        settings: RunnerSettings,
        *,
        tables: Mapping[TableName, CapturedTable],
        side: SideWork,
        output: Output,
        floors: Floors,
        versions: Versions,
        announce: Announce,
        delivered: set[int],
        fingerprint: Fingerprint,
        encoder_of: EncoderOf,
    ) -> None:
        self._settings = settings
        self._tables = tables
        self._side = side
        self._output = output
        self._floors = floors
        self._versions = versions
        self._announce = announce
        self._delivered = delivered
        self._fingerprint = fingerprint
        self._encoder_of = encoder_of
        self._queued: deque[Scan] = deque()
        self._active: list[Scan] = []
        self._later: list[tuple[float, Scan]] = []
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
    def busy(self) -> bool:
        """Whether a scan is under way or waits."""
        return bool(self._queued or self._active or self._later)

    @property
    def scans(self) -> list[Scan]:
        """All scans that are not over."""
        return [*self._active, *(scan for _, scan in self._later), *self._queued]

    def request(self, scan: Scan) -> None:
        """Queue a scan; one of the whole table replaces another of the same table that is not over."""
        if scan.whole_table:
            for other in [other for other in self.scans if other.table == scan.table and other.whole_table]:
                self._drop(other)
        self._queued.append(scan)

    def new_scan(self, table: TableName, cause: str, **more: object) -> Scan:
        """A scan with this runner's bounds."""
        size = ChunkSize(self._settings.chunk_rows, self._settings.chunk_bytes)
        return Scan(table, cause, size, **more)  # type: ignore[arg-type]

    def poll(self, now: float) -> None:
        """Begin what may begin, and begin again what was lost; `now` in monotonic seconds."""
        for entry in [entry for entry in self._later if entry[0] <= now]:
            self._later.remove(entry)
            self._active.append(entry[1])
            self._emit_low(entry[1], now)
        while self._queued and len(self._active) + len(self._later) < self._settings.parallel:
            scan = self._queued.popleft()
            self._active.append(scan)
            self._begin(scan, now)
        for scan in self._active:
            if scan.phase in (Phase.LOW, Phase.HIGH) and now > scan.deadline:
                logger.warning("watermark_lost", table=str(scan.table), waited_for=scan.phase.value)
                self._emit_low(scan, now)

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
            elif role == "high" and scan.phase is Phase.HIGH and scan.chunk is not None:
                self._on_high(scan, lsn, context, now)
            return

    def _begin(self, scan: Scan, now: float) -> None:
        table = self._tables[scan.table]
        logger.info("snapshot_begins", table=str(scan.table), cause=scan.cause, resumed=scan.last_key is not None)
        if scan.command is not None and scan.command.state is State.REQUESTED:
            scan.command = scan.command.in_state(State.RUNNING)
            self._announce.command_moved(scan.command)
        if not scan.needs_writers:
            self._emit_low(scan, now)
            return
        scan.phase = Phase.WRITERS
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
        self._side.submit(
            lambda worker: emit_message(worker.connection, f"{attempt}:low"),
            lambda _: None,
            lambda exc: self._retry(scan, exc, now),
        )

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
                command=scan.command.id if scan.command else None,
                complete_rows=scan.known_rows,
            )
            table.deletes = 0
            self._output.record(scan.progress.record_key, scan.progress.to_json())
        self._open_window(scan, scan.attempt, now)

    def _open_window(self, scan: Scan, attempt: str, now: float) -> None:
        table = self._tables[scan.table]
        window = scan.open_window(attempt, now + self._settings.watermark_timeout_s * 2, frozenset(self._delivered))
        table.windows.append(window.overtaken)
        keys = None if scan.whole_table else list(scan.next_keys())
        limit = scan.size.rows if keys is None else len(keys)
        query = (
            table.read.range_query(scan.last_key, limit)
            if keys is None
            else table.read.keys_query([parse_row_key(key) for key in keys])
        )
        bounds = Bounds(limit if keys is None else limit + 1, self._settings.chunk_bytes * 4)
        self._side.submit(
            lambda worker: self._read(worker, scan, table, query=query, bounds=bounds, keys=keys),
            lambda seen: self._read_done(scan, seen),
            lambda exc: self._retry(scan, exc, now),
        )

    def _read(
        self,
        worker: Worker,
        scan: Scan,
        table: CapturedTable,
        *,
        query: str,
        bounds: Bounds,
        keys: list[bytes] | None,
    ) -> tuple[str, frozenset[int]]:
        """In a side worker: read the chunk, and only then write the high watermark."""
        attempt, delivered = scan.attempt, scan.delivered
        encoder = self._encoder_of(table.plan)  # encoders are for one thread
        read: ChunkRead = read_chunk(
            worker,
            query,
            lambda data: copied_row(encoder, data, max_bytes=self._settings.event_bytes),
            bounds=bounds,
            delivered=delivered,
            timeout_s=self._settings.watermark_timeout_s,
        )
        chunk = read.chunk
        if keys is not None:
            # A chunk that was cut short says nothing of the keys behind the cut: they come with the next one.
            found = {row[0] for row in chunk.rows} if chunk.complete else set(keys)
            chunk = replace(chunk, absent=[key for key in keys if key not in found])
        fingerprint = self._fingerprint(worker, scan.table) if chunk.complete and keys is None else None
        if scan.attempt == attempt:
            scan.chunk, scan.read_to, scan.fingerprint = chunk, read.last_key, fingerprint
            emit_message(worker.connection, f"{attempt}:high")
        return attempt, delivered

    def _read_done(self, scan: Scan, seen: tuple[str, frozenset[int]]) -> None:
        self._delivered.difference_update(seen[1])  # a snapshot has seen them: they are forgotten

    def _on_high(self, scan: Scan, lsn: int, context: EventContext, now: float) -> None:
        table, chunk, window = self._tables[scan.table], scan.chunk, scan.window
        assert chunk is not None
        assert window is not None
        self._close_window(scan, keep=True)
        snapshot = EventContext(MODE_SNAPSHOT, context.xid, context.commit_lsn, context.commit_ts_us, context.ts_ms)
        self._publish(table, scan, snapshot, lsn)
        scan.chunk_done(chunk, scan.read_to)
        self._count(scan.table, len(chunk.rows))
        if scan.complete(chunk):
            self._complete(scan, table, snapshot, lsn, now)
            return
        if scan.progress is not None:
            self._output.record(scan.progress.record_key, scan.progress.to_json())
        # The high watermark of a chunk is the low one of the next.
        self._open_window(scan, f"{self._settings.source}/{uuid.uuid4().hex}", now)

    def _publish(self, table: CapturedTable, scan: Scan, context: EventContext, lsn: int) -> None:
        chunk, window = scan.chunk, scan.window
        assert chunk is not None
        assert window is not None
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
            self._output.add(table.topic, key, event, ts_ms)
        for key in window.gone(chunk):
            ordinal += 1
            version = self._versions.next(now_us)
            event = encoder.event(OP_DELETE, context, lsn=lsn, version=version, ordinal=ordinal)
            self._output.add(table.topic, key, event, ts_ms)
            self._announce.tombstone(table, key, version)

    def _complete(self, scan: Scan, table: CapturedTable, context: EventContext, lsn: int, now: float) -> None:
        if not scan.whole_table:
            self._over(scan, "")
            return
        assert scan.progress is not None
        if scan.fingerprint != scan.progress.fingerprint:  # rule D1: compared before every sweep
            self._active.remove(scan)
            self._announce.definition_changed(scan.table)
            return
        scan.deletes_seen = table.deletes
        forced = scan.command is not None and scan.command.force
        progress = scan.finish(row_estimate=table.entry.row_estimate, forced=forced)
        if progress.state == HELD:
            logger.error(
                "sweep_held",
                table=progress.table,
                rows=progress.rows,
                expected_at_least_half_of=progress.complete_rows
                if progress.complete_rows is not None
                else table.entry.row_estimate,
            )
        else:
            self.sweep(table, progress.below_version, context, lsn)
        self._output.record(progress.record_key, progress.to_json())
        self._over(scan, progress.state)

    def sweep(self, table: CapturedTable, below: int, context: EventContext, lsn: int) -> None:
        """Publish a sweep: no row of the table with a version below `below` exists any more."""
        version = self._versions.next(context.ts_ms * 1000)
        self._floors.publish(table, OP_SWEEP, version, context=context, lsn=lsn, ordinal=0, below=below)

    def _over(self, scan: Scan, state: str) -> None:
        self._active.remove(scan)
        rows = scan.progress.rows if scan.progress else None
        self._states[str(scan.table)] = state or "done"
        logger.info("snapshot_over", table=str(scan.table), rows=rows, state=state or "done")
        if scan.command is not None:
            self._announce.command_moved(scan.command.in_state(State.DONE, f"{rows} rows" if rows is not None else ""))

    def _close_window(self, scan: Scan, *, keep: bool = False) -> None:
        if scan.window is not None:
            windows = self._tables[scan.table].windows
            windows[:] = [keys for keys in windows if keys is not scan.window.overtaken]
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


__all__ = ["ChunkRows", "RunnerSettings", "SnapshotRunner"]
