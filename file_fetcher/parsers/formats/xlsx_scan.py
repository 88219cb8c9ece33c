"""
What the XML of worksheets tells and their reader does not: cells that it leaves out, and how far cells lie apart.

Errors and formulas without a stored result come as nothing, as empty cells do: they are counted, so that nothing is
left out in silence. A sheet of a few cells that lie far apart would need room for the whole rectangle.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_PIECE_BYTES = 1024 * 1024
_SHEETS = re.compile(r".*/worksheets/[^/]+\.xml", re.IGNORECASE)
_CELL = rb"<(?:\w+:)?c\b"
_PLACE = re.compile(_CELL + rb"""[^<>]*?\sr=["']([A-Z]{1,3})(\d{1,7})""")
_ERROR = re.compile(_CELL + rb"""[^<>]*?\st=["']e["']""")
# The result of a formula may be an empty text, and its type says so.
_NO_RESULT = re.compile(
    _CELL
    + rb"""(?![^<>]*\st=["']str["'])[^<>]*>\s*<(?:\w+:)?f\b[^<>]*(?:/>|>[^<]*</(?:\w+:)?f>)\s*"""
    + rb"""(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"""
)
_ROOM = 4_000_000  # cells that a sheet may take whatever is in it; 130 MB in the reader
_ROOM_FOR_EACH = 50  # of its cells, beyond that


@dataclass(slots=True)
class CellsFound:
    """What was found in all sheets. `is_sparse`: one of them has a rectangle that is nearly empty, and large."""

    errors: int = 0
    without_result: int = 0
    is_sparse: bool = False


def scan(path: Path) -> CellsFound:
    """Look through the sheets of a workbook. Raises `zipfile.BadZipFile`."""
    found = CellsFound()
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if _SHEETS.fullmatch(name):
                with archive.open(name) as sheet:
                    _scan_sheet(sheet, found)
    return found


def _scan_sheet(sheet: IO[bytes], found: CellsFound) -> None:
    cells, columns, rows = 0, set[bytes](), set[int]()
    for part in _parts(sheet):
        found.errors += len(_ERROR.findall(part))
        found.without_result += len(_NO_RESULT.findall(part))
        places = _PLACE.findall(part)
        cells += len(places)
        columns.update(column for column, _ in places)
        rows.update(int(row) for row in {row for _, row in places})
    if cells:
        numbers = [_number(column) for column in columns]
        room = (max(numbers) - min(numbers) + 1) * (max(rows) - min(rows) + 1)
        found.is_sparse |= room > _ROOM + _ROOM_FOR_EACH * cells


def _parts(sheet: IO[bytes]) -> Iterator[bytes]:
    """The document in pieces that end with a cell, or with a tag where there is none."""
    rest = b""
    while piece := sheet.read(_PIECE_BYTES):
        rest += piece
        end = rest.rfind(b"</c>") + 4 if b"</c>" in rest else rest.rfind(b">") + 1
        yield rest[:end]
        rest = rest[end:]


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number
