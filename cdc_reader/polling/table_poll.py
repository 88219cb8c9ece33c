"""
One poll of one table: what is read next, what was found, and what follows from it at the end (pure).

Rows first, then the keys alone where rows were found by their changes; then what was not seen is gone. A poll that
misses too many rows deletes none (rule S7): an empty view says as often that somebody broke it.

Keeps: L1, S7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from cdc_reader.polling.plans import Kind, Moment, PollPlan
from cdc_reader.snapshot.chunk_requests import ChunkRequest
from cdc_reader.snapshot.chunks import ChunkBounds, ChunkSize
from cdc_reader.tables.captured import CapturedTable
from cdc_reader.tables.polled import PolledTable
from schemas.control import Command

# Fewer rows than these are deleted without a question: a table of two rows may well lose both.
FEW_ROWS = 100


class Step(Enum):
    """What a poll does next."""

    ROWS = auto()
    KEYS = auto()
    MISSING = auto()


@dataclass(slots=True, eq=False)
class TablePoll:
    """`number` tells it from other polls of the table; `known` rows are in its topic. `commands` asked for it.

    `below` is the boundary of the sweep behind a first read.
    """

    table: PolledTable
    plan: PollPlan
    moment: Moment
    number: int
    known: int
    size: ChunkSize
    below: int = 0
    commands: list[Command] = field(default_factory=list)
    step: Step = Step.ROWS
    last_key: tuple[str, ...] | None = None
    rows_read: int = 0
    keys_read: int = 0
    changes: int = 0
    deletes: int = 0
    missing_after: bytes | None = None
    seen_lsn: int = 0

    @property
    def first(self) -> bool:
        """Whether every row is published, and what is older swept."""
        return self.plan.kind is Kind.FIRST

    @property
    def read_from(self) -> CapturedTable:
        """What the next chunk is read from."""
        if self.step is Step.KEYS:
            return self.table.keys
        return self.table.table if self.plan.condition is None else self.table.changed(self.plan.condition)

    def next_chunk(self, max_bytes: int) -> ChunkRequest:
        """The next rows, or keys, behind what was read."""
        table = self.read_from
        limit = self.size.rows
        return ChunkRequest(table, table.read.range_query(self.last_key, limit), ChunkBounds(limit, max_bytes))

    def chunk_read(
        self, rows: int, size: int, last_key: tuple[str, ...] | None, *, complete: bool, seen_lsn: int
    ) -> None:
        """A chunk was read: go on behind it, or to the next step."""
        self.size.read(rows, size)
        self.seen_lsn = max(self.seen_lsn, seen_lsn)
        if self.step is Step.KEYS:
            self.keys_read += rows
        else:
            self.rows_read += rows
        if not complete:
            self.last_key = last_key if last_key is not None else self.last_key
            return
        self.last_key = None
        if self.step is Step.ROWS and self.plan.kind is Kind.CHANGED:
            self.step = Step.KEYS
        else:
            self.step = Step.MISSING

    @property
    def found(self) -> int:
        """How many rows the table has, as far as this poll has read."""
        return self.keys_read if self.plan.kind is Kind.CHANGED else self.rows_read

    @property
    def forced(self) -> bool:
        """Whether an operator insists on what looks wrong (rule S7)."""
        return any(command.force for command in self.commands)

    def looks_wrong(self, missing: int) -> bool:
        """Whether so many rows are missing that none is to be deleted (rule S7)."""
        return not self.forced and missing > FEW_ROWS and missing * 2 > self.known
