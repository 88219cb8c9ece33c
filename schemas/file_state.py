"""
Which references a row holds now, and how far each is: the records of `_file_refs`, the fetcher's memory (rule F2).

Rule 1: a row that holds no reference has no record: a tombstone with the row's version in a header ends it.
Rule 2: of two records of a row the one with the greater (`row_version`, `revision`) is true.
Rule 3: `row_version` is written with every event of a row that holds references, not only when they change: a floor
        ends rows below it, and a row that was written while a snapshot was read is in no chunk of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import RecordError
from schemas.json_records import read_object, read_record
from schemas.json_values import json_bytes
from schemas.names import TableName

FORMAT = 1
_MOST_ROWS = 10_000_000  # a hundred times as many as are read; each is written once more when it is gone


class State(StrEnum):
    """How far a reference is."""

    FETCHED = "fetched"
    SKIPPED = "skipped"
    FAILED = "failed"
    RETRYING = "retrying"


# Sheet, first and last row number of a run of rows that were published, accepted or rejected.
RowRange = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class HeldFile:
    """
    One reference of a row. `version`: the row version that brought it; `attempt`: of the last try (0: the first).

    `place`: digests of the location as the row holds it, without its signature and with it; `context`: digest of what
    else of the row goes into the result. `due_ms`: when a retry is due; `since_ms`: when the reference was first tried.
    """

    file_id: str
    column: str
    key: str
    kind: str
    version: int
    state: State
    entry: str | None = None
    place: str = ""
    context: str = ""
    attempt: int = 0
    reason: str = ""
    size_bytes: int = 0
    sha256: str = ""
    rows: tuple[RowRange, ...] = ()
    due_ms: int = 0
    since_ms: int = 0
    file_name: str = ""
    relationship_type: str = ""


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """The value of a `_file_refs` record; its key is `record_id`. `partition`: of the row in its table's topic."""

    record_id: str
    table: str
    partition: int
    row_version: int
    revision: int
    files: tuple[HeldFile, ...]
    format: int = FORMAT

    @property
    def order(self) -> tuple[int, int]:
        """What decides between two records of a row."""
        return self.row_version, self.revision

    def to_json(self) -> bytes:
        """The value of the record."""
        return json_bytes(self)

    @classmethod
    def from_json(cls, value: bytes) -> HeldRecord:
        """Read a record's value; raises `RecordError` when it is not one, or of a newer format."""
        record = read_record(cls, read_object(value, "_file_refs", FORMAT), "_file_refs")
        TableName.parse(record.table)
        if any(sum(max(0, last + 1 - first) for _, first, last in each.rows) > _MOST_ROWS for each in record.files):
            raise RecordError(f"expected {_MOST_ROWS} rows of a spreadsheet at most in a _file_refs record, got more")
        return record
