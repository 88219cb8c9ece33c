"""
Carries scans on, on the stream's thread: does what the table of `scan_states` says, when something happens to one.

Everything a scan has published and how far it is goes into the same Kafka transaction as the watermark's position.

Keeps: S2, S3, S7, S8, D8.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import structlog

from cdc_reader.discovery.publication import quote_table
from cdc_reader.remedies import FEW_ROWS, REINDEX
from cdc_reader.snapshot.chunk_requests import next_chunk
from cdc_reader.snapshot.chunks import ChunkSize
from cdc_reader.snapshot.definition_records import RecordedDefinitions
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
_LONGEST_RETRY_S = 300.0  # what lasts for hours is met soon enough after its end
_MOST_DOUBLED = 10
_WRITERS_S = 0.2
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
        definitions: RecordedDefinitions,
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
        self._definitions = definitions
        self.counts = ScanCounts()
        self._forbidden = ""
        self.changed: str | None = None

    @property
    def scans(self) -> list[Scan]:
        """All scans that are not over."""
        return [*self._open, *self._queued]

    # What is asked for

    def request(self, scan: Scan) -> None:
        """Queue a scan; one of the whole table replaces those of it, and of its leaves, that are not over."""
        if scan.whole_table:
            for other in [other for other in self.scans if other.table == scan.table and other.keys is None]:
                # What was promised to be waited for, and to whom, is taken over.
                scan.needs_writers = scan.needs_writers or other.needs_writers
                scan.commands += other.commands
                self._drop(other)
        self._queued.append(scan)

    def restart(self, table: TableName, cause: str) -> None:
        """Scan a table from the start; also when we are killed before the scan has begun.

        One that waits to begin will see all that was delivered by then.
        """
        self._recorded.begin_again(table, cause)
        if not any(scan.table == table and scan.begins_and_sweeps for scan in self.scans):
            self.request(Scan(table, cause, self.chunk_size()))

    def read_table(self, table: TableName, cause: str, *, commands: list[Command]) -> None:
        """Queue a scan of the whole table that was asked for."""
        self.request(Scan(table, cause, self.chunk_size(), commands=commands))

    def read_keys(self, table: TableName, keys: list[bytes], *, commands: list[Command]) -> None:
        """Queue a scan of the rows with these keys."""
        self.request(Scan(table, "keys were asked for", self.chunk_size(), commands=commands, keys=keys))

    def asked(self, command_id: str) -> bool:
        """Whether a command for whole tables is not done yet."""
        return any(each.id == command_id for scan in self.scans if scan.keys is None for each in scan.commands)

    @property
    def troubles(self) -> dict[str, str]:
        """The tables whose scan does not go on, and why: they are tried again, while the others are read."""
        found = {str(scan.table): scan.waits_because or self._forbidden for scan in self.scans}
        return {table: trouble for table, trouble in found.items() if trouble}

    def forbid(self, reason: str) -> None:
        """Let no scan begin, or go on, as long as there is a reason; empty: what waited begins again at once (P3)."""
        if self._forbidden and not reason:
            for scan in [scan for scan in self._open if scan.idle]:
                scan.failures, scan.trouble, scan.deadline = 0, "", self._clock()
        self._forbidden = reason

    def chunk_size(self) -> ChunkSize:
        """How large the chunks of a new scan may be."""
        return ChunkSize(self._settings.chunk_rows, self._settings.chunk_bytes)

    # What happens

    def poll(self) -> None:
        """Begin what may begin, and begin again, or ask again for, what was lost."""
        if self._forbidden:
            return
        now = self._clock()
        for scan in [scan for scan in self._open if scan.deadline <= now]:
            if not scan.idle or self._has_room():
                self._on(scan, Message.DUE)
        while self._has_room() and (begins := self._next()) is not None:
            self._queued.remove(begins)
            self._open.append(begins)
            self._on(begins, Message.DUE)

    def _next(self) -> Scan | None:
        """The next that may begin: a sweep of the root comes behind leaves that are not read yet (rule D3)."""
        unread = {scan.table for scan in self.scans if scan.leaf is not None}
        return next((scan for scan in self._queued if not (scan.whole_table and scan.table in unread)), None)

    def _has_room(self) -> bool:
        """A table that waits for its writers, or for what forbids to read it, keeps no other from being read (D8)."""
        return sum(not scan.idle for scan in self._open) < self._settings.parallel

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
                self.counts.void(scan.table)
                self._write_low(scan)
            case ScanAction.WRITE_AGAIN:
                self._write_again(scan)
            case ScanAction.WAIT_LONGER:
                scan.deadline = self._in(self._settings.watermark_timeout_s)
            case ScanAction.ASK_LATER:
                scan.try_later(self._in(_WRITERS_S))
            case ScanAction.TRY_LATER:
                self._try_later(scan, reason)

    # What is done

    def _in(self, seconds: float) -> float:
        return self._clock() + seconds

    def _failed(self, scan: Scan) -> Failed:
        return lambda exc: self._on(scan, Message.FAILED, reason=str(exc))

    def _begin(self, scan: Scan) -> None:
        logger.info("snapshot_begins", **self._names(scan), cause=scan.cause, resumed=scan.last_key is not None)
        if any(command.state is State.REQUESTED for command in scan.commands):
            self._tell_running(scan)
        self._begin_again(scan)

    def _tell_running(self, scan: Scan, waits_for: str = "") -> None:
        """Whoever asked sees that it runs, or for what it waits."""
        detail = f"{scan.table} waits: {waits_for}" if waits_for else ""
        scan.commands = [command.in_state(State.RUNNING, detail) for command in scan.commands]
        for command in scan.commands:
            self._record_command(command)

    def _begin_again(self, scan: Scan) -> None:
        if not scan.needs_writers:
            self._write_low(scan)
            return
        scan.wait_for_writers()
        table = self._tables[scan.table]
        oids = table.relations | {table.entry.oid} if scan.leaf is None else {scan.leaf}
        self._work.list_writers(oids, scan.writers, lambda left: self._on_writers(scan, left), self._failed(scan))

    def _on_writers(self, scan: Scan, left: Mapping[str, str]) -> None:
        if scan.writers is None and left:
            whose = {"waits_for": sorted(left.values()), "virtual_transactions": sorted(left)}
            logger.info("snapshot_waits_for_writers", table=str(scan.table), **whose)
        scan.writers = left
        self._on(scan, Message.WRITERS_FOUND if left else Message.WRITERS_ENDED)

    def _write_low(self, scan: Scan) -> None:
        self._close_window(scan)
        scan.wait_for_low(self._work.new_attempt(), self._in(self._settings.watermark_timeout_s))
        self._work.write(f"{scan.attempt}:low", self._failed(scan))

    def _write_again(self, scan: Scan) -> None:
        """A watermark did not come in time (rule S3): write it again, under the same id."""
        waits_for = scan.waits_for
        reason = f"it has not come back through the stream within {self._settings.watermark_timeout_s:g} s"
        logger.warning("watermark_overdue", table=str(scan.table), waits_for=waits_for.value, reason=reason)
        scan.deadline = self._in(self._settings.watermark_timeout_s)
        self._work.write(f"{scan.attempt}:{'low' if waits_for is Phase.LOW else 'high'}", self._failed(scan))

    def _try_later(self, scan: Scan, reason: str) -> None:
        if reason != scan.trouble:  # told once, however often it is tried
            logger.warning("chunk_failed", table=str(scan.table), reason=reason)
            self._tell_running(scan, reason)
        self._close_window(scan)
        pause_s = min(_RETRY_S * 2**scan.failures, _LONGEST_RETRY_S)
        scan.failures, scan.trouble = min(scan.failures + 1, _MOST_DOUBLED), reason
        scan.try_later(self._in(pause_s))

    def _read_chunk(self, scan: Scan, watermark: Watermark | None) -> None:
        assert watermark is not None
        if scan.keys is None and scan.progress is None:
            # Rule S7: N is taken when the marker is received, so that no event queued before it lies above.
            progress = scan.begin(
                self._tables[scan.table],
                incarnation=self._settings.incarnation,
                below=self._events.boundary(watermark),
                rows=self._recorded.rows(scan.table),
            )
            self._recorded.begun(progress)
            if scan.leaf is None:
                self._definitions.begun(self._tables[scan.table], sweeps=scan.sweeps)
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
        if not result.is_of(table):  # rule D1: compared before every sweep
            # The session that begins anew scans it from the start, for whoever asked.
            self._drop(scan)
            self.changed = self.changed or f"the definition of {scan.table} changed"
            return
        if result.refused is not None:
            self._refuse(scan, result.refused)
            return
        if result.out_of_order and scan.progress is not None:
            self._hold_disordered(scan, scan.progress)
            return
        table.close_window(window.overtaken)
        if scan.trouble:
            self._tell_running(scan)
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
        elif scan.leaf is not None:
            self._recorded.added(scan.table, scan.progress.rows)
            self._definitions.leaf_read(table, scan.leaf)
            self._over(scan, DONE)
        else:
            self._complete(scan, scan.progress, watermark)

    def _complete(self, scan: Scan, progress: SnapshotProgress, watermark: Watermark) -> None:
        """The last chunk is published: sweep what it did not hold, unless that looks wrong (rule S7)."""
        table = self._tables[scan.table]
        rows, alone = self._recorded.rows(scan.table), self._recorded.alone(scan.table)
        scan.progress = replace(progress, complete_rows=rows, alone_rows=alone)
        scan.deletes_seen = table.deletes
        progress = scan.finish(row_estimate=table.entry.row_estimate, forced=scan.forced)
        if progress.state == HELD:
            logger.error(
                "sweep_held",
                table=progress.table,
                rows=progress.rows,
                expected_half_of=progress.complete_rows,
                reason="far fewer rows were found than expected: none is removed from the index",
                remedy=FEW_ROWS.format(table=progress.table),
            )
        elif progress.sweeps:
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
            reason="its index gives rows in another order than that of its primary key: none is removed from ours",
            remedy=REINDEX.format(table=quote_table(scan.table)),
        )
        self._recorded.record(replace(progress, state=HELD))
        self.counts.over(scan.table, HELD)
        self._refuse(scan, "the server reads the table in another order than that of its primary key")

    def _refuse(self, scan: Scan, reason: str) -> None:
        self._drop(scan)
        for command in scan.commands:
            self._record_command(command.in_state(State.REFUSED, f"{scan.table}: {reason}"))
            for other in self.scans:  # a command for several tables has one answer
                other.commands = [each for each in other.commands if each.id != command.id]

    def _over(self, scan: Scan, state: str) -> None:
        self._drop(scan)
        rows = scan.progress.rows if scan.progress else None
        self.counts.over(scan.table, state)
        logger.info("snapshot_over", **self._names(scan), rows=rows, state=state)
        for command in scan.commands:
            others = [other for other in self.scans if any(each.id == command.id for each in other.commands)]
            if not others:  # a command for several tables is done with the last of them
                self._record_command(command.in_state(State.DONE, f"{rows} rows" if rows is not None else ""))

    def _names(self, scan: Scan) -> dict[str, str]:
        names = {"table": str(scan.table)}
        if scan.leaf is not None:
            names["partition"] = self._tables[scan.table].leaf_reads[scan.leaf].relation.removeprefix("ONLY ")
        return names

    def _drop(self, scan: Scan) -> None:
        self._close_window(scan)
        scan.end()
        self._open = [other for other in self._open if other is not scan]
        self._queued = deque(other for other in self._queued if other is not scan)

    def _close_window(self, scan: Scan) -> None:
        if scan.window is not None:
            self._tables[scan.table].close_window(scan.window.overtaken)
            scan.window = None
