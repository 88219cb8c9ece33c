"""
Records of a CSV text, one by one, where one that is broken costs no other.

A quoted cell may hold line ends; one whose quote is never closed would swallow the rest of the file. So a record is
given up when, with its quote still open, it grows past `longest` characters, meets the end of the text, or meets a
quote in a later line that closes no cell: its first line is the broken record, reading goes on with the line after it.
Leaves to others: encodings, which dialect, what cells mean.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TextIO

from file_fetcher.parsers.formats.csv_dialects import CsvDialect

_QUOTE = '"'


class QuoteState(Enum):
    """Where a record is at the end of a line."""

    WHOLE = "whole"
    OPEN = "open"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class CsvRecord:
    """The cells of a record, or why it has none (`fault`)."""

    cells: tuple[str, ...] = ()
    fault: str = ""


def records(text: TextIO, dialect: CsvDialect, longest: int) -> Iterator[CsvRecord]:
    """All records, empty ones too; `text` must be open with `newline=""`. Holds a record in memory, no more."""
    lines = _Lines(text, longest)
    while (first := lines.next()) is not None:
        if len(first) > longest:
            lines.skip_rest_of(first)
            yield CsvRecord(fault=f"expected lines of at most {longest} characters")
            continue
        yield _record(first, lines, dialect, longest)


def _record(first: str, lines: _Lines, dialect: CsvDialect, longest: int) -> CsvRecord:
    if _QUOTE not in first:
        return CsvRecord(tuple(first.rstrip("\r\n").split(dialect.separator)))
    read, parts = [first], [dialect.plain(first)]
    size, state = len(first), state_after(parts[0], dialect)
    while state is QuoteState.OPEN and size <= longest and (line := lines.next()) is not None:
        read.append(line)
        parts.append(dialect.plain(line))
        size += len(line)
        state = state_after(parts[-1], dialect, QuoteState.OPEN)
    if state is not QuoteState.WHOLE:
        lines.give_back(read[1:])
        return CsvRecord(fault="expected a closing quote, found none")
    cells = dialect.cells(parts)
    return CsvRecord(tuple(cells[0] if cells else ()))


def state_after(line: str, dialect: CsvDialect, state: QuoteState = QuoteState.WHOLE) -> QuoteState:
    """Where a line ends that begins in that state: inside a quoted cell, or not."""
    position, is_open, carried = 0, state is QuoteState.OPEN, state is QuoteState.OPEN
    while True:
        if is_open:
            position = line.find(_QUOTE, position)
            if position < 0:
                return QuoteState.OPEN
            is_open = line[position + 1 : position + 2] == _QUOTE  # a doubled quote is a quote in the cell
            position += 2 if is_open else 1
            if carried and not is_open and line[position : position + 1] not in (dialect.separator, "\r", "\n", ""):
                return QuoteState.BROKEN
            carried = carried and is_open
        elif (begin := _begin_of_cell(line, position, skips_spaces=dialect.skips_spaces)) >= 0:
            is_open, position = True, begin + 1
        else:
            position = line.find(dialect.separator, position) + 1
            if position == 0:
                return QuoteState.WHOLE


def _begin_of_cell(line: str, position: int, *, skips_spaces: bool) -> int:
    """Where the quote stands that opens the cell which begins there; -1: it is not quoted."""
    while skips_spaces and line[position : position + 1] == " ":
        position += 1
    return position if line[position : position + 1] == _QUOTE else -1


class _Lines:
    """Lines of a text, some of which come back. A line longer than `longest` comes in pieces."""

    def __init__(self, text: TextIO, longest: int) -> None:
        self._text = text
        self._longest = longest
        self._again: deque[str] = deque()

    def next(self) -> str | None:
        if self._again:
            return self._again.popleft()
        return self._text.readline(self._longest + 2) or None

    def give_back(self, lines: list[str]) -> None:
        self._again.extendleft(reversed(lines))

    def skip_rest_of(self, piece: str) -> None:
        while piece and not piece.endswith(("\n", "\r")):
            piece = self.next() or ""
