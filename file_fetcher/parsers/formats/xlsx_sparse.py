"""Workbooks that calamine does not read: cells far apart, parts with names of their own; slower, row by row."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterator
from pathlib import Path

import openpyxl
from openpyxl.cell.read_only import EmptyCell, ReadOnlyCell
from openpyxl.utils.exceptions import InvalidFileException

from file_fetcher.parsers.context import Context
from file_fetcher.parsers.formats.cells import cell_text
from file_fetcher.parsers.protocol import Unreadable
from file_fetcher.parsers.tables import Table

HIDDEN = "a sheet is hidden; its rows are here as well"
_ERROR = "e"


def read_rows(path: Path, context: Context) -> None:
    """Read every worksheet. Raises `Unreadable` when it is none that openpyxl knows."""
    try:
        with path.open("rb") as file:
            workbook = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            context.meta("sheets", str(len(workbook.worksheets)))
            for sheet in workbook.worksheets:
                if sheet.sheet_state != "visible":
                    context.warn(HIDDEN)
                sheet.reset_dimensions()  # what they say would be filled up with empty cells
                _read(sheet.title, sheet.iter_rows(), context)
    except (InvalidFileException, KeyError, ValueError, zipfile.BadZipFile) as exc:
        raise Unreadable("parser_error", "the workbook is damaged") from exc


def _read(name: str, rows: Iterator[tuple[ReadOnlyCell | EmptyCell, ...]], context: Context) -> None:
    context.text(name + "\n")
    table = Table(name, context)
    for number, cells in enumerate(rows, 1):
        if cells:
            table.row(number, [_text(cell) for cell in cells])


def _text(cell: ReadOnlyCell | EmptyCell) -> str:
    value = cell.value
    if value is None or cell.data_type == _ERROR:
        return ""
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        value = value.date()
    return cell_text(value)
