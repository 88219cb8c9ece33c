"""
What is written in an object: lines of text, sheets of rows. Pure functions of the content's seed.

Which contents there are is decided in `catalogue`; `rendering` turns them into files.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from devstack.sample import values, words
from devstack.sample.draws import Draws, seed_of

IMAGES = frozenset({"jpg", "png", "gif", "tiff"})
SHEETS = frozenset({"csv", "xlsx"})
CSV_SHEET = "Sheet1"
HEADER = ("Item", "Trade", "Quantity", "Unit cost", "Note")
# More characters than any cell may have.
TOO_LONG = 40_000
_BODY_LINES = 9_000


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of an object. `kind`: the suffix of its format, or the name of what is wrong with it."""

    kind: str
    number: int
    folder: str = ""

    @property
    def draws(self) -> Draws:
        """Draws from which all of it follows."""
        return Draws(seed_of("object", self.kind, self.folder, self.number))

    @property
    def mark(self) -> str:
        """A word that is in no other content."""
        return f"X{seed_of('mark', self.kind, self.folder, self.number):016x}"


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row of a sheet; `number` counts from 1, the header and empty rows included; a bad one must be rejected."""

    sheet: str
    number: int
    cells: tuple[str, ...]
    bad: bool = False

    @property
    def values(self) -> dict[str, str]:
        """Header to text."""
        return dict(zip(HEADER, self.cells, strict=True))


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet; its header is in row 1."""

    name: str
    rows: tuple[SheetRow, ...] = field(default_factory=tuple)


def pages(content: Content) -> tuple[tuple[str, ...], ...]:
    """Return the lines of each page of a PDF or of a text, which is one page."""
    draws = content.draws
    count = 1 if content.kind == "txt" else 1 + draws.below(3)
    return tuple(_page(content, draws, number) for number in range(count))


def long_text(content: Content) -> str:
    """Return a text that is longer than what goes into a result whole (512 KiB), and shorter than 1 MiB."""
    draws = content.draws
    return "\n".join([content.mark, *(values.sentences(1, 2)(draws, 0) for _ in range(_BODY_LINES))]) + "\n"


def sheets(content: Content) -> tuple[Sheet, ...]:
    """Return the sheets of a workbook, or the only one of a CSV file, named as spreadsheet programs name it."""
    if content.kind == "csv":
        return (_sheet(content, CSV_SHEET, content.draws),)
    draws = content.draws
    names = ("Quantities", "Änderungen 2")[: 1 + draws.below(2)]
    return tuple(_sheet(content, name, draws) for name in names)


def _page(content: Content, draws: Draws, number: int) -> tuple[str, ...]:
    head = (f"{values.title(draws, 0)}, page {number + 1}", f"Reference {content.mark}")
    return (*head, *(values.title(draws, 0) + "." for _ in range(draws.between(4, 20))))


def _sheet(content: Content, name: str, draws: Draws) -> Sheet:
    rows: list[SheetRow] = []
    number = 1
    for place in range(draws.between(3, 9)):
        # An empty row before some; it is none, and is counted.
        number += 2 if draws.below(6) == 0 else 1
        note = content.mark if place == 0 else draws.one_of(words.NOUNS)
        bad = content.kind == "csv" and place == 2 and content.number % 3 == 0
        cells = (
            values.title(draws, 0),
            draws.one_of(words.TRADES),
            str(draws.between(1, 900)),
            f"{draws.between(1, 400)}.{draws.one_of(('25', '5', '75'))}",
            "x" * TOO_LONG if bad else note,
        )
        rows.append(SheetRow(name, number, cells, bad))
    return Sheet(name, tuple(rows))
