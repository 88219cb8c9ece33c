"""
Spreadsheets of Excel: all sheets, hidden ones too, as text and rows.

The archive's own list of sizes is believed no further than to refuse what says that it is too large; what lies is
ended by the child's memory limit.
"""

from __future__ import annotations

import mmap
import zipfile
from importlib.metadata import version
from pathlib import Path

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from file_fetcher.parsers.context import Context
from file_fetcher.parsers.formats.cells import cell_text
from file_fetcher.parsers.formats.xlsx_scan import scan
from file_fetcher.parsers.formats.xlsx_sparse import HIDDEN, read_rows
from file_fetcher.parsers.media_types import OLE
from file_fetcher.parsers.protocol import Unreadable
from file_fetcher.parsers.tables import Table

_MAX_MEMBERS = 10_000
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # the stream in which a workbook with a password is kept


class XlsxParser:
    """XLSX and XLSM, read by calamine: a sheet is held in memory while it is read. Else by openpyxl, row by row."""

    name = "python-calamine"
    version = f"{version('python-calamine')}/2"
    media_types = frozenset({"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"})

    def parse(self, path: Path, context: Context) -> None:
        """Read every worksheet. Raises `Unreadable` when it has a password, or unpacks to more than may be held."""
        _check_container(path)
        _check_size(path, context.limits.max_unpacked_bytes)
        found = scan(path)
        if found.errors:
            context.warn(f"cells that hold an error such as #REF! are left out: {found.errors}")
        if found.without_result:
            context.warn(f"cells whose formula was saved without its result are left out: {found.without_result}")
        workbook = None if found.is_sparse else _open(path)
        if workbook is None:
            read_rows(path, context)
            return
        with workbook:
            sheets = [each for each in workbook.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]
            context.meta("sheets", str(len(sheets)))
            for sheet in sheets:
                if sheet.visible != SheetVisibleEnum.Visible:
                    context.warn(HIDDEN)
                _read(workbook.get_sheet_by_name(sheet.name), context)


def _open(path: Path) -> CalamineWorkbook | None:
    """The workbook; None where calamine does not find its parts."""
    try:
        return CalamineWorkbook.from_path(path)
    except PasswordError as exc:
        raise Unreadable("encrypted", "the workbook has a password") from exc
    except CalamineError:
        return None


def _read(sheet: CalamineSheet, context: Context) -> None:
    if sheet.start is None:
        return
    context.text(sheet.name + "\n")
    table = Table(sheet.name, context)
    for number, cells in enumerate(sheet.iter_rows(), 1):
        table.row(number, [cell_text(cell) for cell in cells], first_column=sheet.start[1])


def _check_container(path: Path) -> None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content[: len(OLE)] != OLE:
            return
        if content.find(_ENCRYPTED) >= 0:
            raise Unreadable("encrypted", "the workbook has a password")
    raise Unreadable("parser_error", "the workbook is of Excel's old binary format")


def _check_size(path: Path, limit: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile as exc:
        raise Unreadable("parser_error", "the archive is damaged") from exc
    unpacked = sum(member.file_size for member in members)
    if unpacked > limit or len(members) > _MAX_MEMBERS:
        raise Unreadable("output_too_large", f"it unpacks to {unpacked} bytes in {len(members)} members")
