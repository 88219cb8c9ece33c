"""
Spreadsheets of Excel: all sheets, hidden ones too, as text and rows.

The archive's own list of sizes is believed no further than to refuse what says that it is too large; what lies is
ended by the child's memory limit.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import IO

from python_calamine import CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from file_fetcher.parsers.cells import cell_text
from file_fetcher.parsers.context import Context
from file_fetcher.parsers.protocol import Unreadable
from file_fetcher.parsers.tables import Table

_MAX_MEMBERS = 10_000
_ERROR_CELL = re.compile(rb"""<c\s[^<>]*\bt=["']e["']""")
_PIECE_BYTES = 1024 * 1024


class XlsxParser:
    """XLSX and XLSM, read by calamine: a sheet is held in memory while it is read."""

    name = "python-calamine"
    version = version("python-calamine")
    media_types = frozenset({"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"})

    def parse(self, path: Path, context: Context) -> None:
        """Read every worksheet. Raises `Unreadable` when it unpacks to more than may be held."""
        _check_size(path, context.limits.max_unpacked_bytes)
        try:
            workbook = CalamineWorkbook.from_path(path)
        except PasswordError as exc:
            raise Unreadable("encrypted", "the workbook has a password") from exc
        with workbook:
            sheets = [each for each in workbook.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]
            context.meta("sheets", str(len(sheets)))
            if errors := _cells_with_errors(path):
                context.warn(f"cells that hold an error such as #REF! are left out: {errors}")
            for sheet in sheets:
                if sheet.visible != SheetVisibleEnum.Visible:
                    context.warn("a sheet is hidden; its rows are here as well")
                _read(workbook.get_sheet_by_name(sheet.name), context)


def _read(sheet: CalamineSheet, context: Context) -> None:
    if sheet.start is None:
        return
    context.text(sheet.name + "\n")
    table = Table(sheet.name, context)
    for number, cells in enumerate(sheet.iter_rows(), 1):
        table.row(number, [cell_text(cell) for cell in cells], first_column=sheet.start[1])


def _check_size(path: Path, limit: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile as exc:
        raise Unreadable("parser_error", "the archive is damaged") from exc
    unpacked = sum(member.file_size for member in members)
    if unpacked > limit or len(members) > _MAX_MEMBERS:
        raise Unreadable("output_too_large", f"it unpacks to {unpacked} bytes in {len(members)} members")


def _cells_with_errors(path: Path) -> int:
    """How many cells hold an error: calamine gives nothing for them, as for empty ones."""
    found = 0
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if not name.startswith("xl/worksheets/") or not name.endswith(".xml"):
                continue
            with archive.open(name) as sheet:
                found += sum(len(_ERROR_CELL.findall(part)) for part in _parts(sheet))
    return found


def _parts(sheet: IO[bytes]) -> Iterator[bytes]:
    """The document in pieces that end with a tag."""
    rest = b""
    while piece := sheet.read(_PIECE_BYTES):
        whole, end, rest = (rest + piece).rpartition(b">")
        yield whole + end
