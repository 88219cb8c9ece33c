"""What the fetcher works at: rows whose references are brought up to date, and single references tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from cdc_runtime.consuming.records import Record, TopicPartition
from file_fetcher.references.retries import Retry
from schemas.file_references import FileReference
from schemas.file_results import Content, Extraction
from schemas.file_state import RowRange


@dataclass(frozen=True, slots=True)
class ParsedRow:
    """A row of a spreadsheet as a parser left it: `values` by header, or the `reason` for which it was rejected."""

    sheet: str
    number: int
    values: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """
    A row after an event: what it refers to, and what goes into the results beside it.

    `references` is empty for a row that is gone. `unknown`: columns that the event could not carry, of which nothing
    may be concluded. `committed_ms`: when the source committed it; `streamed`, `reread`: by the stream, or
    by a snapshot.
    """

    record_id: str
    table: str
    source_table: str
    partition: int
    version: int
    references: tuple[FileReference, ...] = ()
    unknown: frozenset[str] = frozenset()
    project_id: str = ""
    committed_ms: int = 0
    streamed: bool = False
    reread: bool = False


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Got:
    """A file that was fetched and, where that is possible, read."""

    content: Content
    extraction: Extraction
    rows: tuple[RowRange, ...] = ()
    open_rows: Callable[[], Iterable[ParsedRow]] = field(default=lambda: iter(()), compare=False)
    origin: str = ""

    @property
    def kept_bytes(self) -> int:
        """About how much memory it takes."""
        return len(self.extraction.text) * 2 + 1024


@dataclass(frozen=True, slots=True)
class Not:
    """A file that was skipped or has failed, for good."""

    failed: bool
    reason: str
    detail: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """A file that is tried again; `attempt` is the number that the next try has."""

    attempt: int
    due_ms: int
    reason: str
    origin: str = ""


Outcome = Got | Not | Again


@dataclass(frozen=True, slots=True)
class Fetch:
    """One reference to be fetched; `attempt` is the number of this try (0: the first)."""

    reference: FileReference
    attempt: int
    since_ms: int


@dataclass(slots=True, eq=False)
class Work:
    """
    One event of a row on its way, or (`retry`) another try of one of its references.

    `fetches` and `outcomes` go by file id; it is finished when each fetch has its outcome. `cancelled` is looked at
    by downloads: a newer event of the row came that refers to something else.
    """

    topic_partition: TopicPartition
    record: Record
    row: Row
    retry: Retry | None = None
    fetches: dict[str, Fetch] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    cancelled: bool = False
    started: bool = False

    @property
    def finished(self) -> bool:
        """Whether every fetch has its outcome."""
        return self.started and len(self.outcomes) == len(self.fetches)

    @property
    def size_bytes(self) -> int:
        """About how much its record holds in memory."""
        return len(self.record.key or b"") + len(self.record.value or b"")

    @property
    def cost(self) -> int:
        """How many references it holds in memory."""
        return 1 + len(self.row.references)
