"""
What became of files: the records of `_files` and `_file_rows`.

Rule 1: a result's `version` counts attempts within row versions (rule F3); of two results the greater is true.
Rule 2: a reference that is gone, and a row of a spreadsheet that is gone, stay as a record that says so: an older
        result that is read later must find something newer (rule V3).
Rule 3: no URL here has a query, and nothing is a credential.

Keeps: F3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote

from schemas.json_records import read_object, read_record
from schemas.json_values import json_bytes

FORMAT = 1
MOST_ATTEMPTS = 256  # of one row version that have versions of their own

# 4,096 for each microsecond leave 64 bits in 2041. So steps are smaller for rows from 2035 on: the numbers go on where
# they are, above all that is stored, and last until 2136 (docs/decisions/0015-versions-of-results.md).
_WIDE = 4096
_NARROW = MOST_ATTEMPTS
_NARROW_FROM = 2_051_222_400_000_000  # 2035-01-01, in microseconds since the Unix epoch, as versions of rows are
_FIRST_NARROW = _NARROW_FROM * _WIDE


class Status(StrEnum):
    """How a reference ended."""

    FETCHED = "fetched"
    SKIPPED = "skipped"
    FAILED = "failed"
    GONE = "gone"


def result_version(row_version: int, attempt: int) -> int:
    """The version of the result of an attempt (0: the first) for the row's version that brought the reference."""
    if row_version < _NARROW_FROM:
        return row_version * _WIDE + min(attempt, _WIDE - 1)
    return _FIRST_NARROW + (row_version - _NARROW_FROM) * _NARROW + min(attempt, MOST_ATTEMPTS - 1)


def row_version_of(version: int) -> int:
    """The row's version that a result's `version` was made of."""
    if version < _FIRST_NARROW:
        return version // _WIDE
    return _NARROW_FROM + (version - _FIRST_NARROW) // _NARROW


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which row and column refer to the file. `table`: `str(TableName)`; `record_id`: the record's document id."""

    record_id: str
    table: str
    source_table: str
    column: str
    relationship_type: str
    kind: str
    entry: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What was fetched. `content_type` is what the bytes are, `declared_type` what the server said of them."""

    size_bytes: int
    sha256: str
    content_type: str
    storage_uri: str
    declared_type: str = ""
    etag: str = ""
    version_id: str = ""


@dataclass(frozen=True, slots=True)
class Extraction:
    """
    What was read out of a content.

    `status`: `ok`, `none` (nothing to read in this type), or why it failed (`parser_crash`, `parser_oom`,
    `parser_timeout`, `parser_error`, `encrypted`, `output_too_large`). `parser`: name and version,
    `pypdfium2 5.15.2`. `text`: the first 512 KiB; `truncated` when there is more (in `text_uri`) or when the parser
    stopped at a limit. `meta`: what the format says of itself.
    """

    status: str = "none"
    parser: str = ""
    text: str = ""
    text_uri: str = ""
    text_chars: int = 0
    truncated: bool = False
    page_count: int | None = None
    rows_accepted: int = 0
    rows_rejected: int = 0
    meta: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileResult:
    """The value of a `_files` record; its key is `file_id`. `key`: the object's key, or the URL without its query."""

    file_id: str
    version: int
    row_version: int
    attempt: int
    status: Status
    provenance: Provenance
    key: str = ""
    file_name: str = ""
    reason: str = ""
    detail: str = ""
    bucket: str = ""
    project_id: str = ""
    ended_at_ms: int = 0
    row_committed_ms: int = 0
    content: Content | None = None
    extraction: Extraction | None = None
    format: int = FORMAT

    def to_json(self) -> bytes:
        """The value of the record."""
        return json_bytes(self)

    @classmethod
    def from_json(cls, value: bytes) -> FileResult:
        """Read a record's value; raises `RecordError` when it is no result, or of a newer format."""
        return read_record(cls, read_object(value, "_files", FORMAT), "_files")


@dataclass(frozen=True, slots=True)
class FileRow:
    """
    The value of a `_file_rows` record: one row of a spreadsheet, accepted (`values`), rejected (`reason`), or `gone`.

    `row_number` counts as the spreadsheet does, from 1. `values`: header (or column letter) -> text.
    """

    file_id: str
    record_id: str
    sheet: str
    row_number: int
    version: int
    values: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    gone: bool = False
    file_name: str = ""
    project_id: str = ""
    format: int = FORMAT

    @property
    def row_id(self) -> str:
        """The key of the record, and the id of the row's document."""
        return file_row_id(self.file_id, self.sheet, self.row_number)

    def to_json(self) -> bytes:
        """The value of the record."""
        return json_bytes(self)

    @classmethod
    def from_json(cls, value: bytes) -> FileRow:
        """Read a record's value; raises `RecordError` when it is no row, or of a newer format."""
        return read_record(cls, read_object(value, "_file_rows", FORMAT), "_file_rows")


def file_row_id(file_id: str, sheet: str, row_number: int) -> str:
    """The id of a spreadsheet's row: `<file id>/<sheet>/<row>`, the sheet percent-encoded."""
    return f"{file_id}/{quote(sheet, safe='')}/{row_number}"
