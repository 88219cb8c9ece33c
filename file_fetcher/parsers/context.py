"""
What a parser writes through: text, pages, rows and facts of one file, into a folder, within limits.

Rules:
1. What is written is legal text: control characters and halves of surrogate pairs become spaces.
2. Text past `max_text_chars` is dropped and the result says `truncated`; a new page then ends the reading.
3. Rows past `max_rows`, `MOST_SHEETS` or `ROWS_BYTES` end the reading; one of more than `MOST_ROW_BYTES` is rejected.
4. `meta.json` is written last: without it the folder says nothing.

Leaves to others: the child process, and what becomes of the folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, TextIO

from file_fetcher.parsers.limits import LimitReached, ParserLimits
from file_fetcher.parsers.ranges import Runs

META, TEXT, ROWS = "meta.json", "text.txt", "rows.jsonl"
PAGE_BREAK = "\f"
# A content of 100 MiB rarely has more in its cells; it keeps the disk from filling.
ROWS_BYTES = 512 * 1024 * 1024
MOST_ROW_BYTES = 512 * 1024  # a row is a record of Kafka's, and those are a megabyte at most
MOST_SHEETS = 1_000  # which rows there are is kept for each file, by sheet
_MAX_SHEET_CHARS = 200
_MAX_FACTS, _MAX_FACT_CHARS, _MAX_WARNINGS = 100, 1_000, 20
_ILLEGAL = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


class Context:
    """Takes what a parser reads in one file. Not for threads; used as a context manager, it closes its files."""

    def __init__(self, folder: Path, limits: ParserLimits, media_type: str = "") -> None:
        self.limits = limits
        self.media_type = media_type
        self._folder = folder
        self._text: TextIO | None = None
        self._rows: BinaryIO | None = None
        self._text_chars = self._pages = self._pages_said = self._accepted = self._rejected = self._rows_bytes = 0
        self._sheets: set[str] = set()
        self._truncated = False
        self._runs = Runs()
        self._facts: dict[str, str] = {}
        self._warnings: list[str] = []

    def text(self, text: str) -> None:
        """Add to the text of the file; all line ends become line feeds."""
        clean = legal(text).replace("\r\n", "\n").replace("\r", "\n")
        self._write_text(clean)

    def page(self, of: int | None = None) -> None:
        """A page begins; `of`: how many there are, where that is known. Raises `LimitReached` when no text fits."""
        self._pages += 1
        self._pages_said = of or self._pages_said
        if self._pages > 1:
            self._write_text(PAGE_BREAK)
        if self.full:
            raise LimitReached

    @property
    def full(self) -> bool:
        """Whether no more text is taken."""
        return self._truncated and self._text_chars >= self.limits.max_text_chars

    def row(self, sheet: str, number: int, values: Mapping[str, str]) -> None:
        """A row of a table, by header; `number` counts as the spreadsheet does, from 1. Raises `LimitReached`."""
        clean = {legal(name): legal(value) for name, value in values.items()}
        line = _line({"sheet": sheet_name(sheet), "number": number, "values": clean})
        if len(line) > MOST_ROW_BYTES:
            self.reject(sheet, number, f"expected rows of at most {MOST_ROW_BYTES} bytes, got {len(line)}")
            return
        self._write_row(line, sheet_name(sheet), number)
        self._accepted += 1

    def reject(self, sheet: str, number: int, reason: str) -> None:
        """A row that cannot be taken; the reason holds nothing of the row. Raises `LimitReached`."""
        line = _line({"sheet": sheet_name(sheet), "number": number, "reason": legal(reason)[:_MAX_FACT_CHARS]})
        self._write_row(line, sheet_name(sheet), number)
        self._rejected += 1

    def meta(self, key: str, value: str) -> None:
        """A fact that the file tells of itself, such as its author; the first hundred are kept."""
        if value and len(self._facts) < _MAX_FACTS:
            self._facts[legal(key)[:_MAX_FACT_CHARS]] = legal(value)[:_MAX_FACT_CHARS]

    def warn(self, text: str) -> None:
        """Something that the reader of the result should know, if it is anything; the first twenty are kept."""
        if text and len(self._warnings) < _MAX_WARNINGS:
            self._warnings.append(legal(text)[:_MAX_FACT_CHARS])

    def truncate(self) -> None:
        """Not all was read."""
        self._truncated = True

    def finish(self, status: str) -> None:
        """Write what is known of the file; call it once, last."""
        self._close()
        summary = {
            "status": status,
            "text_chars": self._text_chars,
            "truncated": self._truncated,
            "page_count": max(self._pages_said, self._pages) or None,
            "rows_accepted": self._accepted,
            "rows_rejected": self._rejected,
            "ranges": self._runs.ranges(),
            "meta": self._facts,
            "warnings": self._warnings,
        }
        (self._folder / META).write_text(json.dumps(summary), encoding="utf-8")

    def __enter__(self) -> Context:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._close()

    def _close(self) -> None:
        for file in (self._text, self._rows):
            if file is not None:
                file.close()

    def _write_text(self, text: str) -> None:
        room = self.limits.max_text_chars - self._text_chars
        self._truncated = self._truncated or len(text) > room
        part = text[:room]
        if not part:
            return
        if self._text is None:
            self._text = (self._folder / TEXT).open("w", encoding="utf-8", newline="\n")
        self._text.write(part)
        self._text_chars += len(part)

    def _write_row(self, line: bytes, sheet: str, number: int) -> None:
        self._rows_bytes += len(line)
        self._sheets.add(sheet)
        too_many = self._accepted + self._rejected >= self.limits.max_rows or len(self._sheets) > MOST_SHEETS
        if too_many or self._rows_bytes > ROWS_BYTES:
            self._truncated = True
            raise LimitReached
        if self._rows is None:
            self._rows = (self._folder / ROWS).open("wb")
        self._rows.write(line)
        self._runs.add(sheet, number)


def sheet_name(sheet: str) -> str:
    """A sheet's name as results have it: it is part of the ids of rows, so it is short."""
    return legal(sheet)[:_MAX_SHEET_CHARS]


def _line(row: Mapping[str, object]) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def legal(text: str) -> str:
    """Text with spaces for what no index takes: control characters, halves of surrogate pairs, non-characters."""
    return _ILLEGAL.sub(" ", text)
