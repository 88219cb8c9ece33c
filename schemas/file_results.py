"""
What became of files: the records of `_files` and `_file_rows`.

Rule 1: a result's `version` is the row's version x 4096 + attempt (rule F3); of two results the greater is true.
Rule 2: a reference that is gone, and a row of a spreadsheet that is gone, stay as a record that says so: an older
        result that is read later must find something newer (rule V3).
Rule 3: no URL here has a query, and nothing is a credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import orjson

from schemas.errors import RecordError
from schemas.json_values import json_bytes

FORMAT = 1
ATTEMPTS = 4096


class Status(StrEnum):
    """How a reference ended."""

    FETCHED = "fetched"
    SKIPPED = "skipped"
    FAILED = "failed"
    GONE = "gone"


def result_version(row_version: int, attempt: int) -> int:
    """The version of the result of an attempt (0: the first) for the row's version that brought the reference."""
    return row_version * ATTEMPTS + min(attempt, ATTEMPTS - 1)


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
        raw = _object(value, "_files")
        try:
            content, extraction = raw["content"], raw["extraction"]
            return cls(
                **{
                    **raw,
                    "status": Status(raw["status"]),
                    "provenance": Provenance(**raw["provenance"]),
                    "content": None if content is None else Content(**content),
                    "extraction": None
                    if extraction is None
                    else Extraction(**{**extraction, "warnings": tuple(extraction["warnings"])}),
                }
            )
        except (ValueError, KeyError, TypeError) as exc:
            raise RecordError(f"expected a _files record, got something else ({type(exc).__name__})") from exc


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
        raw = _object(value, "_file_rows")
        try:
            return cls(**raw)
        except TypeError as exc:
            raise RecordError(f"expected a _file_rows record, got something else ({type(exc).__name__})") from exc


def file_row_id(file_id: str, sheet: str, row_number: int) -> str:
    """The id of a spreadsheet's row: `<file id>/<sheet>/<row>`, the sheet percent-encoded."""
    return f"{file_id}/{quote(sheet, safe='')}/{row_number}"


def _object(value: bytes, topic: str) -> dict[str, Any]:
    try:
        raw: dict[str, Any] = orjson.loads(value)
        if raw["format"] != FORMAT:
            raise RecordError(f"expected a {topic} record of format {FORMAT}, got {raw['format']!r}")
    except (ValueError, KeyError, TypeError) as exc:
        raise RecordError(f"expected a {topic} record, got something else ({type(exc).__name__})") from exc
    return raw
