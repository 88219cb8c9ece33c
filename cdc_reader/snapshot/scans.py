"""
The scan of one table: what it has read, how far it is, and whether it may be followed by a sweep.

What happens when is decided in `scan_states`, and done by `runner`. Progress lives in `_offsets`, so a killed scan
goes on behind its last recorded key. A scan for single keys has no progress: it begins again from its command.

Keeps: S6, S7, S8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from cdc_reader.discovery.fingerprints import Definition, why_other
from cdc_reader.snapshot.chunks import ChunkSize
from cdc_reader.snapshot.scan_states import Phase
from cdc_reader.snapshot.window import ChunkRows, Window, sweep_looks_wrong
from cdc_reader.tables.captured import CapturedTable
from schemas.control import Command
from schemas.names import TableName
from schemas.offsets import SnapshotProgress

RUNNING = "running"
DONE = "done"
HELD = "held"
_MOST_TOLD = 10
VOID = "void"
OUTDATED = "outdated"
KEYS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What a worker read for one attempt; `read_to` is the key behind which the next chunk begins.

    `definition` is that of the table after a complete chunk, and after one that lacks keys; `changed`: it is another
    one, whatever was read. `refused` says why keys cannot be read at all, `out_of_order` that the server did not
    confirm the order of the rows (rule S8).
    """

    attempt: str
    chunk: ChunkRows
    read_to: tuple[str, ...] | None = None
    definition: Definition | None = None
    refused: str | None = None
    out_of_order: bool = False
    changed: bool = False

    def is_of(self, table: CapturedTable) -> bool:
        """Whether the table is still what its scan began with, as far as that was asked (rule D1)."""
        return not self.changed and (self.definition is None or table.is_still(self.definition))


@dataclass(slots=True, eq=False)
class Scan:
    """One scan: of a whole table, of some `keys`, or of one `leaf` (its OID).

    `deadline` (monotonic seconds) is when what it waits for is late, or due (rule S3).
    `sweeps` is False for one that only reads rows again, since their documents take something else from the catalog
    (rule D9). `writers` are the transactions of before that write still, with whose they are, None while they
    were not listed. `trouble` is
    why the last attempt failed, after so many `failures` in a row.
    """

    table: TableName
    cause: str
    size: ChunkSize
    commands: list[Command] = field(default_factory=list)
    keys: list[bytes] | None = None
    leaf: int | None = None
    progress: SnapshotProgress | None = None
    needs_writers: bool = False
    sweeps: bool = True
    phase: Phase = Phase.BEGIN
    window: Window | None = None
    read: ReadResult | None = None
    deadline: float = inf
    deletes_seen: int = 0
    attempt: str = ""
    writers: Mapping[str, str] | None = None
    failures: int = 0
    trouble: str = ""

    @property
    def waits_because(self) -> str:
        """For whom it waits, or what failed; empty when it goes on."""
        if self.writers and not self.trouble:
            whose = ", ".join(sorted(self.writers.values())[:_MOST_TOLD])
            return f"transactions that wrote to the table before it was published must end first: {whose}"
        return self.trouble

    @property
    def result(self) -> ReadResult | None:
        """What was read for the attempt of now."""
        read = self.read
        return read if read is not None and read.attempt == self.attempt else None

    @property
    def waits_for(self) -> Phase:
        """The phase, which is another as soon as a worker has read the chunk."""
        return Phase.HIGH if self.phase is Phase.READING and self.result is not None else self.phase

    @property
    def forced(self) -> bool:
        """Whether an operator insists on the sweep (rule S7)."""
        return any(command.force for command in self.commands)

    @property
    def whole_table(self) -> bool:
        """Whether this scan reads the table, not single keys, nor a leaf of it alone."""
        return self.keys is None and self.leaf is None

    @property
    def begins_and_sweeps(self) -> bool:
        """Whether it has read nothing yet, and will read the whole table and sweep."""
        return self.whole_table and self.sweeps and self.progress is None

    @property
    def last_key(self) -> tuple[str, ...] | None:
        """The key behind which the next chunk begins."""
        return self.progress.last_key if self.progress else None

    def next_keys(self) -> Sequence[bytes]:
        """The keys of the next chunk of a scan for single keys."""
        return (self.keys or [])[:KEYS_AT_ONCE]

    def begin(self, table: CapturedTable, *, incarnation: str, below: int, rows: int | None) -> SnapshotProgress:
        """The progress of a scan by range that begins now; `rows` is what it should find (rule S7)."""
        self.progress = SnapshotProgress(
            table=str(self.table),
            state=RUNNING,
            cause=self.cause,
            incarnation=incarnation,
            below_version=below,
            oid=table.entry.oid,
            fingerprint=table.entry.fingerprint if self.leaf is None else table.marks[self.leaf],
            leaf=self.leaf,
            order=table.read.order,
            command=self.commands[0].id if self.commands else None,
            complete_rows=rows,
            sweeps=self.sweeps,
        )
        return self.progress

    def wait_for_writers(self) -> None:
        """However long they take."""
        self.phase = Phase.WRITERS
        self.deadline = inf

    def wait_for_low(self, attempt: str, deadline: float) -> None:
        """A new attempt begins; whatever an older one still delivers is ignored."""
        self.attempt = attempt
        self.window = None
        self.read = None
        self.phase = Phase.LOW
        self.deadline = deadline

    def open_window(self, attempt: str, deadline: float) -> Window:
        """The low watermark was received: from now on the stream's keys overtake the chunk's."""
        self.attempt = attempt
        self.window = Window()
        self.read = None
        self.phase = Phase.READING
        self.deadline = deadline
        return self.window

    def take(self, result: ReadResult) -> bool:
        """Take what a worker has read; returns whether it is for the attempt of now. Called by that worker."""
        if result.attempt != self.attempt:
            return False
        self.read = result
        return True

    def try_later(self, deadline: float) -> None:
        """The attempt is given up; another begins at that time."""
        self.attempt = ""
        self.phase = Phase.LATER
        self.deadline = deadline

    @property
    def idle(self) -> bool:
        """Whether it waits for what may take for ever: others may run meanwhile (rule D8)."""
        return self.phase is Phase.LATER

    def end(self) -> None:
        """Nothing more happens to this scan."""
        self.attempt = ""
        self.phase = Phase.OVER

    def chunk_done(self, chunk: ChunkRows, last_key: tuple[str, ...] | None) -> None:
        """The chunk's rows are published: progress moves behind them."""
        self.window = None
        self.failures, self.trouble = 0, ""
        if self.keys is not None:
            done = {row[0] for row in chunk.rows} | set(chunk.absent)
            self.keys = [key for key in self.keys if key not in done]
            return
        assert self.progress is not None
        self.size.read(len(chunk.rows), chunk.size)
        self.progress = replace(
            self.progress,
            rows=self.progress.rows + len(chunk.rows),
            last_key=last_key if last_key is not None else self.progress.last_key,
        )

    def complete(self, chunk: ChunkRows) -> bool:
        """Whether nothing is left to read behind this chunk."""
        return not self.keys if self.keys is not None else chunk.complete

    def finish(self, *, row_estimate: int, forced: bool) -> SnapshotProgress:
        """The progress record of a scan whose last chunk is published: swept (`done`), or `held` (rule S7).

        One that does not sweep is done, and says nothing of how many rows there should be.
        """
        assert self.progress is not None
        known = self.progress.complete_rows
        if not self.progress.sweeps:
            self.progress = replace(self.progress, state=DONE)
            self.phase = Phase.OVER
            return self.progress
        # Rows of a partition that came meanwhile may lie behind the scan; the estimate holds them as well.
        expected = max(0, (row_estimate if known is None else known) - self.progress.alone_rows - self.deletes_seen)
        held = not forced and sweep_looks_wrong(self.progress.rows, expected=expected)
        self.progress = replace(
            self.progress,
            state=HELD if held else DONE,
            complete_rows=known if held else self.progress.rows,
        )
        self.phase = Phase.OVER
        return self.progress


def resumable(progress: SnapshotProgress | None, table: CapturedTable, incarnation: str) -> bool:
    """Whether a recorded scan may go on: same life of the slot (rule S6), table (rule D1) and order (rule S8)."""
    return progress is not None and progress.state == RUNNING and cause_of_scan(progress, table, incarnation) is None


def cause_of_scan(progress: SnapshotProgress | None, table: CapturedTable, incarnation: str) -> str | None:
    """Why a table must be scanned from the start, or None: it is done, held, or goes on where it was."""
    cause = _cause_of_sweep(progress, table, incarnation)
    if cause is None and progress is not None and progress.state == OUTDATED:
        return progress.cause
    return cause


def only_outdated(progress: SnapshotProgress | None, table: CapturedTable, incarnation: str) -> bool:
    """Whether the rows need only to be read again: nothing may be left in the topics that is not in the table."""
    outdated = progress is not None and progress.state == OUTDATED
    return outdated and _cause_of_sweep(progress, table, incarnation) is None


def _cause_of_sweep(progress: SnapshotProgress | None, table: CapturedTable, incarnation: str) -> str | None:
    if progress is None:
        return "the table is new to this pipeline"
    if progress.incarnation != incarnation:
        return "the slot began again"
    if progress.oid != table.entry.oid:
        return "the table was dropped and recreated"
    if progress.state == RUNNING and progress.order != table.read.order:
        return "the table is read in another order"
    return progress.cause if progress.state == VOID else None


def leaf_resumable(progress: SnapshotProgress | None, table: CapturedTable, incarnation: str) -> bool:
    """Whether the recorded scan of a leaf counts: as `resumable`, for the leaf's own mark."""
    if progress is None or progress.leaf is None or progress.leaf not in table.marks:
        return False
    same = why_other(progress.leaf, {progress.leaf: progress.fingerprint}, table.marks) is None
    return same and (progress.incarnation, progress.order) == (incarnation, table.read.order)
