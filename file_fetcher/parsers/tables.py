"""
Rows of one sheet: which is the header, what each cell is called, and which rows cannot be taken.

Rules:
1. The first row that is not empty is the header. A name that is empty, or was had before, is the column's letter.
2. Empty rows are no rows. Empty cells are left out.
3. Each row is judged on its own: one that cannot be taken is rejected with its reason, and costs no other.

Leaves to others: cells as text (`formats.cells`), reading files.
"""

from __future__ import annotations

from collections.abc import Sequence

from file_fetcher.parsers.context import Context

_MAX_NAME_CHARS = 200  # a longer header is no name


class Table:
    """Takes the rows of one sheet, in order, and gives them to the context: as rows, and as lines of text."""

    def __init__(self, sheet: str, context: Context) -> None:
        self._sheet = sheet
        self._context = context
        self._header: list[str] | None = None

    def row(self, number: int, cells: Sequence[str], *, first_column: int = 0, bad: str = "") -> None:
        """
        A row: its cells from `first_column` (0: A) on. `bad`: why it cannot be read, where that is known already.

        Raises `LimitReached` when the file has more rows than are taken.
        """
        values = {first_column + index: cell.strip() for index, cell in enumerate(cells) if cell and cell.strip()}
        if not values and not bad:
            return
        if reason := bad or self._fault(values):
            self._context.reject(self._sheet, number, reason)
            return
        self._context.text("\t".join(values.values()) + "\n")
        if self._header is None:
            self._header = header_names(values)
            return
        self._context.row(self._sheet, number, {self._name(column): value for column, value in values.items()})

    def _fault(self, values: dict[int, str]) -> str:
        limits = self._context.limits
        width = max(values) + 1
        if width > limits.max_columns:
            return f"expected at most {limits.max_columns} columns, got {width}"
        column, longest = max(values.items(), key=lambda item: len(item[1]))
        if len(longest) > limits.max_cell_chars:
            most = limits.max_cell_chars
            return f"expected cells of at most {most} characters, got {len(longest)} in column {letter(column)}"
        return ""

    def _name(self, column: int) -> str:
        assert self._header is not None
        return self._header[column] if column < len(self._header) else _unused(letter(column), self._header)


def header_names(cells: dict[int, str]) -> list[str]:
    """The names of the columns up to the last that has a header."""
    names: list[str] = []
    for column in range(max(cells) + 1):
        said = cells.get(column, "")
        usable = said and len(said) <= _MAX_NAME_CHARS and said not in names
        names.append(said if usable else _unused(letter(column), names))
    return names


def letter(column: int) -> str:
    """The letter of a column, as spreadsheets have them: 0 is A, 26 is AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _unused(name: str, names: Sequence[str]) -> str:
    while name in names:
        name += "_"
    return name
