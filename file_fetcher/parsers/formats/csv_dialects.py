"""
How a CSV text is written, by the evidence of its first lines (pure).

Rule 1: a first line `sep=;`, as Excel writes it, is believed.
Rule 2: else the dialect by which most lines have the same number of cells, more than one. Of separators that do equally
        well the rarer in texts wins (a comma stands in many a text), and the result says that it is a guess.
Rule 3: spaces before an opening quote are passed over where lines agree as well so; a quote behind a backslash is one
        in the cell only where they agree the better: a cell may end with a backslash.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

SEPARATORS = "\t;|,"  # the rarer in texts, the sooner
_SAID = re.compile(r"sep=(.)[\r\n]*", re.IGNORECASE)
_ESCAPED_QUOTE = '\\"'
_ESCAPED = re.compile(r'\\(["\\])')


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """
    How cells are separated and quoted.

    `skips_spaces`: before an opening quote; `escapes`: a backslash before a quote; `is_said`: by a first line of the
    text, which is no row; `rivals`: separators that would do equally well.
    """

    separator: str
    skips_spaces: bool = False
    escapes: bool = False
    is_said: bool = False
    rivals: str = ""

    def cells(self, lines: Sequence[str]) -> list[list[str]]:
        """The cells of the records in these plain lines."""
        csv.field_size_limit(2**31 - 1)  # records have a limit of their own
        return list(csv.reader(lines, delimiter=self.separator, skipinitialspace=self.skips_spaces))

    def plain(self, line: str) -> str:
        """The line with quotes doubled where they were escaped, as `cells` wants it."""
        return _ESCAPED.sub(_unescaped, line) if self.escapes else line


def dialect_of(first_line: str, sample: Sequence[str]) -> CsvDialect:
    """The dialect of a text whose first lines that are not empty are `sample`."""
    if said := _SAID.fullmatch(first_line):
        return _quoting(said[1], sample[1:], is_said=True)
    best = [_quoting(separator, sample) for separator in SEPARATORS]
    agreements = [_agreement(each, sample) for each in best]
    top = max(agreements)
    chosen = best[agreements.index(top)]
    if top[1] <= 1:
        return CsvDialect(",")
    rivals = "".join(each.separator for each, agreement in zip(best, agreements, strict=True) if agreement == top)
    return CsvDialect(
        chosen.separator, chosen.skips_spaces, chosen.escapes, rivals=rivals.replace(chosen.separator, "")
    )


def _quoting(separator: str, sample: Sequence[str], *, is_said: bool = False) -> CsvDialect:
    text = "".join(sample)
    spaces = (False, True) if re.search(rf"(?:^|{re.escape(separator)}) +\"", text, re.MULTILINE) else (False,)
    escapes = (False, True) if _ESCAPED_QUOTE in text else (False,)
    dialects = [CsvDialect(separator, space, escape, is_said) for space in spaces for escape in escapes]
    return max(dialects, key=lambda each: (_agreement(each, sample), each.skips_spaces, not each.escapes))


def _agreement(dialect: CsvDialect, lines: Sequence[str]) -> tuple[int, int]:
    """How many records have the usual number of cells, and this number; nothing for a single cell."""
    widths = [len(cells) for cells in dialect.cells([dialect.plain(line) for line in lines])]
    usual = max(widths, key=widths.count, default=0)
    return (widths.count(usual), usual) if usual > 1 else (0, 0)


def _unescaped(found: re.Match[str]) -> str:
    return '""' if found[1] == '"' else "\\"
