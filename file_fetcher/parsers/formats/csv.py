"""Tables as text, such as CSV: encoding and dialect are found out, each row is judged on its own."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TextIO

from file_fetcher.parsers.context import Context
from file_fetcher.parsers.formats.csv_dialects import CsvDialect, dialect_of
from file_fetcher.parsers.formats.csv_records import records
from file_fetcher.parsers.formats.decoding import SAMPLE_BYTES, encoding_of, has_undecoded, on_errors
from file_fetcher.parsers.tables import Table

SHEET = "Sheet1"  # the name that spreadsheet programs give to a table without one
_SAMPLE_LINES = 50
_LONGEST_RECORD = 1024 * 1024  # characters; real ones have thousands
_END_OF_FILE = "\x1a"  # of CP/M and DOS; some programs write it still


class CsvParser:
    """Comma-separated values, and those separated by semicolons, tabs or bars."""

    name = "csv"
    version = "2"
    media_types = frozenset({"text/csv"})

    def parse(self, path: Path, context: Context) -> None:
        """Read the rows of the only sheet."""
        with path.open("rb") as file:
            encoding = encoding_of(file.read(SAMPLE_BYTES))
        context.meta("encoding", encoding.name)
        context.warn(encoding.warning)
        with path.open(encoding=encoding.name, errors=on_errors(encoding.name), newline="") as text:
            dialect = _dialect(text)
            if dialect.rivals:
                context.warn("the separator is a guess: another one would make as regular a table")
            text.seek(0)
            _read(text, dialect, encoding.name, Table(SHEET, context), context)


def _read(text: TextIO, dialect: CsvDialect, encoding: str, table: Table, context: Context) -> None:
    longest = max(_LONGEST_RECORD, context.limits.max_cell_chars * 2)
    found = islice(records(text, dialect, longest), 1 if dialect.is_said else 0, None)
    for number, record in enumerate(found, 1):
        undecoded = f"expected text in {encoding}, got other bytes" if has_undecoded("".join(record.cells)) else ""
        if record.cells != (_END_OF_FILE,):
            table.row(number, record.cells, bad=record.fault or undecoded)


def _dialect(text: TextIO) -> CsvDialect:
    first = text.readline(SAMPLE_BYTES)
    more = (line for _ in range(_SAMPLE_LINES - 1) if (line := text.readline(SAMPLE_BYTES)))
    return dialect_of(first, [line for line in (first, *more) if line.strip() and line != _END_OF_FILE])
