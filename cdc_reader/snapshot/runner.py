"""
Carries scans on, on the stream's thread: does what the table of `scan_states` says, when something happens to one.

Everything a scan has published and how far it is goes into the same Kafka transaction as the watermark's position.

Keeps: S2, S3, S7, S8.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import structlog

from cdc_reader.snapshot.chunk_requests import next_chunk
from cdc_reader.snapshot.chunks import ChunkSize
from cdc_reader.snapshot.scan_counts import ScanCounts
from cdc_reader.snapshot.scan_events import ScanEvents, Watermark
from cdc_reader.snapshot.scan_records import RecordedScans
from cdc_reader.snapshot.scan_states import Message, Phase, ScanAction, action
from cdc_reader.snapshot.scan_work import Failed, ScanWork
from cdc_reader.snapshot.scans import DONE, HELD, Scan
from cdc_reader.tables.captured import CapturedTable
from cdc_reader.transcode import EventContext
from schemas.control import Command, State
from schemas.names import TableName
from schemas.offsets import SnapshotProgress

logger = structlog.get_logger(__name__)
_RETRY_S = 1.0
_MOST_OVERTAKEN = 100_000
_RECEIVED = {"low": Message.LOW_RECEIVED, "high": Message.HIGH_RECEIVED}


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """The settings of snapshots, and what the session knows."""

    incarnation: str
    chunk_rows: int
    chunk_bytes: int
    parallel: int
    watermark_timeout_s: float


class SnapshotRunner:
    """All scans of a session. Every method is for the stream's thread; `clock` is monotonic.

    `record_command` writes a command's new state. `changed` names a table that is no longer what its scan began with.
    """

    def __init__(
        self,
        settings: RunnerSettings,
        *,
        tables: Mapping[TableName, CapturedTable],
        work: ScanWork,
        events: ScanEvents,
        record_command: Callable[[Command], None],
        recorded: RecordedScans,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._tables = tables
        self._work = work
        self._events = events
        self._record_command = record_command
        self._clock = clock
        self._queued: deque[Scan] = deque()
        self._open: list[Scan] = []
        self._recorded = recorded
        self.counts = ScanCounts()
        self.changed: str | None = None

    @property
    def scans(self) -> list[Scan]:
        """All scans that are not over."""
        return [*self._open, *self._queued]

    # What is asked for

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
        """Scan a table from the start; also when we are killed before the scan has begun."""
        self._recorded.begin_again(table)
        self.request(Scan(table, cause, self.chunk_size()))

    def read_table(self, table: TableName, cause: str, *, commands: list[Command]) -> None:
        """Queue a scan of the whole table that was asked for."""
        self.request(Scan(table, cause, self.chunk_size(), commands=commands))

    def read_keys(self, table: TableName, keys: list[bytes], *, commands: list[Command]) -> None:
        """Queue a scan of the rows with these keys."""
        self.request(Scan(table, "keys were asked for", self.chunk_size(), commands=commands, keys=keys))

    def chunk_size(self) -> ChunkSize:
        """How large the chunks of a new scan may be."""
        return ChunkSize(self._settings.chunk_rows, self._settings.chunk_bytes)

    # What happens

    def poll(self) -> None:
        """Begin what may begin, and begin again, or ask again for, what was lost."""
        now = self._clock()
        for scan in [scan for scan in self._open if scan.deadline <= now]:
            self._on(scan, Message.DUE)
        while self._queued and len(self._open) < self._settings.parallel:
            scan = self._queued.popleft()
            self._open.append(scan)
            self._on(scan, Message.DUE)

    def on_message(self, content: str, lsn: int, context: EventContext) -> None:
        """A message of ours was received: a watermark of a scan, or nothing of this session's (rule S3)."""
        attempt, _, role = content.rpartition(":")
        message = _RECEIVED.get(role)
        for scan in self._open:
            if message is not None and attempt and scan.attempt == attempt:
                self._on(scan, message, watermark=Watermark(lsn, context))
                return

    def void(self, table: TableName, reason: str) -> None:
        """The open chunk of a table no longer counts (rule S2): it is read again."""
        for scan in self._open:
            if scan.table == table:
                self._on(scan, Message.VOID, reason=reason)

    def void_large_windows(self) -> None:
        """Bound the keys that are kept while a chunk is open: a large transaction voids it (rule S2)."""
        for scan in self._open:
            if scan.window is not None and len(scan.window.overtaken) > _MOST_OVERTAKEN:
                self.void(scan.table, "the stream wrote too many rows meanwhile")

    def _on(self, scan: Scan, message: Message, *, watermark: Watermark | None = None, reason: str = "") -> None:
        match action(scan.waits_for, message):
            case ScanAction.BEGIN:
                self._begin(scan)
            case ScanAction.BEGIN_AGAIN:
                self._begin_again(scan)
            case ScanAction.WRITE_LOW:
                self._write_low(scan)
            case ScanAction.READ_CHUNK:
                self._read_chunk(scan, watermark)
            case ScanAction.FINISH_CHUNK:
                self._finish_chunk(scan, watermark)
            case ScanAction.VOID_CHUNK:
                logger.info("chunk_void", table=str(scan.table), reason=reason)
                self._write_low(scan)
            case ScanAction.WRITE_AGAIN:
                self._write_again(scan)
            case ScanAction.WAIT_LONGER:
                scan.deadline = self._in(self._settings.watermark_timeout_s)
            case ScanAction.TRY_LATER:
                self._try_later(scan, reason)

    # What is done

    def _in(self, seconds: float) -> float:
        return self._clock() + seconds

    def _failed(self, scan: Scan) -> Failed:
        return lambda exc: self._on(scan, Message.FAILED, reason=str(exc))

    def _begin(self, scan: Scan) -> None:
        logger.info("snapshot_begins", table=str(scan.table), cause=scan.cause, resumed=scan.last_key is not None)
        for index, command in enumerate(scan.commands):
            if command.state is State.REQUESTED:
                scan.commands[index] = command.in_state(State.RUNNING)
                self._record_command(scan.commands[index])
        self._begin_again(scan)

    def _begin_again(self, scan: Scan) -> None:
        if not scan.needs_writers:
            self._write_low(scan)
            return
        scan.wait_for_writers()
        self._work.wait_for_writers(
            self._tables[scan.table], lambda: self._on(scan, Message.WRITERS_ENDED), self._failed(scan)
        )

    def _write_low(self, scan: Scan) -> None:
        self._close_window(scan)
        scan.wait_for_low(self._work.new_attempt(), self._in(self._settings.watermark_timeout_s))
        self._work.write(f"{scan.attempt}:low", self._failed(scan))

    def _write_again(self, scan: Scan) -> None:
        """A watermark did not come in time (rule S3): write it again, under the same id."""
        waits_for = scan.waits_for
        logger.warning("watermark_overdue", table=str(scan.table), waits_for=waits_for.value)
        scan.deadline = self._in(self._settings.watermark_timeout_s)
        self._work.write(f"{scan.attempt}:{'low' if waits_for is Phase.LOW else 'high'}", self._failed(scan))

    def _try_later(self, scan: Scan, reason: str) -> None:
        logger.warning("chunk_failed", table=str(scan.table), reason=reason)
        self._close_window(scan)
        scan.try_later(self._in(_RETRY_S))

    def _read_chunk(self, scan: Scan, watermark: Watermark | None) -> None:
        assert watermark is not None
        if scan.whole_table and scan.progress is None:
            # Rule S7: N is taken when the marker is received, so that no event queued before it lies above.
            progress = scan.begin(
                self._tables[scan.table],
                incarnation=self._settings.incarnation,
                below=self._events.boundary(watermark),
                rows=self._recorded.rows(scan.table),
            )
            self._recorded.record(progress)
        self._open_window(scan, scan.attempt)

    def _open_window(self, scan: Scan, attempt: str) -> None:
        table = self._tables[scan.table]
        window = scan.open_window(attempt, self._in(self._settings.watermark_timeout_s * 2))
        table.open_window(window.overtaken)
        request = next_chunk(scan, table, max_bytes=self._settings.chunk_bytes * 4)
        self._work.read(scan, request, self._failed(scan))

    def _finish_chunk(self, scan: Scan, watermark: Watermark | None) -> None:
        table, result, window = self._tables[scan.table], scan.result, scan.window
        assert watermark is not None
        assert result is not None
        assert window is not None
        if result.refused is not None:
            self._refuse(scan, result.refused)
            return
        if result.out_of_order and scan.progress is not None:
            self._hold_disordered(scan, scan.progress)
            return
        table.close_window(window.overtaken)
        self._events.chunk(table, window, result.chunk, watermark)
        scan.chunk_done(result.chunk, result.read_to)
        self.counts.chunk(scan.table, len(result.chunk.rows))
        if not scan.complete(result.chunk):
            if scan.progress is not None:
                self._recorded.record(scan.progress)
            # The high watermark of a chunk is the low one of the next.
            self._open_window(scan, self._work.new_attempt())
        elif scan.progress is None:
            self._over(scan, DONE)
        elif result.fingerprint != scan.progress.fingerprint:  # rule D1: compared before every sweep
            self._drop(scan)
            self.changed = self.changed or f"the definition of {scan.table} changed"
        else:
            self._complete(scan, scan.progress, watermark)

    def _complete(self, scan: Scan, progress: SnapshotProgress, watermark: Watermark) -> None:
        """The last chunk is published: sweep what it did not hold, unless that looks wrong (rule S7)."""
        table = self._tables[scan.table]
        scan.progress = replace(progress, complete_rows=self._recorded.rows(scan.table))
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
            self._recorded.found(scan.table, progress.rows)
            self._events.sweep(table, progress.below_version, watermark)
        self._recorded.record(progress)
        self._over(scan, progress.state)

    def _hold_disordered(self, scan: Scan, progress: SnapshotProgress) -> None:
        """The server did not confirm the order of the rows: nothing is swept, and what is published stays (S8)."""
        logger.error(
            "snapshot_out_of_order",
            table=progress.table,
            rows=progress.rows,
            remedy="REINDEX the table (its index may be of another version of a collation), then ask for a snapshot",
        )
        self._recorded.record(replace(progress, state=HELD))
        self.counts.over(scan.table, HELD)
        self._refuse(scan, "the server reads the table in another order than that of its primary key")

    def _refuse(self, scan: Scan, reason: str) -> None:
        self._drop(scan)
        for command in scan.commands:
            self._record_command(command.in_state(State.REFUSED, reason))

    def _over(self, scan: Scan, state: str) -> None:
        self._drop(scan)
        rows = scan.progress.rows if scan.progress else None
        self.counts.over(scan.table, state)
        logger.info("snapshot_over", table=str(scan.table), rows=rows, state=state)
        for command in scan.commands:
            others = [other for other in self.scans if any(each.id == command.id for each in other.commands)]
            if not others:  # a command for several tables is done with the last of them
                self._record_command(command.in_state(State.DONE, f"{rows} rows" if rows is not None else ""))

    def _drop(self, scan: Scan) -> None:
        self._close_window(scan)
        scan.end()
        self._open = [other for other in self._open if other is not scan]
        self._queued = deque(other for other in self._queued if other is not scan)

    def _close_window(self, scan: Scan) -> None:
        if scan.window is not None:
            self._tables[scan.table].close_window(scan.window.overtaken)
            scan.window = None
