"""Tables as text, such as CSV: encoding and separator are found out, each row is judged on its own."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from file_fetcher.parsers.context import Context
from file_fetcher.parsers.csv_records import records
from file_fetcher.parsers.decoding import SAMPLE_BYTES, encoding_of, has_undecoded, on_errors
from file_fetcher.parsers.tables import Table

SHEET = "Sheet1"  # the name that spreadsheet programs give to a table without one
_SEPARATORS = ",;\t|"
_SAMPLE_LINES = 50
_LONGEST_RECORD = 1024 * 1024  # characters; real ones have thousands


class CsvParser:
    """Comma-separated values, and those separated by semicolons, tabs or bars."""

    name = "csv"
    version = "1"
    media_types = frozenset({"text/csv"})

    def parse(self, path: Path, context: Context) -> None:
        """Read the rows of the only sheet."""
        with path.open("rb") as file:
            encoding = encoding_of(file.read(SAMPLE_BYTES))
        context.meta("encoding", encoding)
        with path.open(encoding=encoding, errors=on_errors(encoding), newline="") as text:
            separator = _separator(text)
            text.seek(0)
            _read(text, separator, encoding, Table(SHEET, context), context)


def _read(text: TextIO, separator: str, encoding: str, table: Table, context: Context) -> None:
    longest = max(_LONGEST_RECORD, context.limits.max_cell_chars * 2)
    for number, record in enumerate(records(text, separator, longest), 1):
        undecoded = f"expected text in {encoding}, got other bytes" if has_undecoded("".join(record.cells)) else ""
        table.row(number, record.cells, bad=record.fault or undecoded)


def _separator(text: TextIO) -> str:
    """The separator by which most of the first lines have the same number of cells, more than one."""
    sample = [line for _ in range(_SAMPLE_LINES) if (line := text.readline(SAMPLE_BYTES)).strip()]
    return max(_SEPARATORS, key=lambda separator: _agreement(sample, separator))


def _agreement(lines: Sequence[str], separator: str) -> tuple[int, int]:
    csv.field_size_limit(2**31 - 1)
    widths = [len(cells) for cells in csv.reader(lines, delimiter=separator)]
    usual = max(widths, key=widths.count, default=0)
    return (widths.count(usual), usual) if usual > 1 else (0, 0)
