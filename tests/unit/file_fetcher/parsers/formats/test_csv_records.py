from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from file_fetcher.parsers.formats.csv_dialects import CsvDialect
from file_fetcher.parsers.formats.csv_records import QuoteState, records, state_after

COMMAS = CsvDialect(",")
UNCLOSED = "expected a closing quote, found none"


def read(text: str, longest: int = 1_000, dialect: CsvDialect = COMMAS):
    return [record.fault or list(record.cells) for record in records(io.StringIO(text, newline=""), dialect, longest)]


CASES = {
    "plain": ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
    "line ends of all kinds": ("a\r\nb\rc\n", [["a"], ["b"], ["c"]]),
    "no line end at the end": ("a,b", [["a", "b"]]),
    "empty lines are records": ("a\n\nb\n", [["a"], [""], ["b"]]),
    "a quoted cell": ('"a,b",c\n', [["a,b", "c"]]),
    "a quoted cell over lines": ('"a\nb",c\nd\n', [["a\nb", "c"], ["d"]]),
    "a doubled quote": ('"a ""b""",c\n', [['a "b"', "c"]]),
    "a quote inside a cell": ('5" pipe,1\nx,2\n', [['5" pipe', "1"], ["x", "2"]]),
    "text behind a quote": ('"a"b,c\n', [["ab", "c"]]),
    "a quote that is never closed": ('a,"b\nc,d\ne,f\n', [UNCLOSED, ["c", "d"], ["e", "f"]]),
    "a quote that is closed by another's": ('a,"b\nc,"d\ne,f\n', [UNCLOSED, UNCLOSED, ["e", "f"]]),
    "an unclosed quote before a good one": ('"a\nb,"c",d\ne\n', [UNCLOSED, ["b", "c", "d"], ["e"]]),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_broken_record_costs_no_other(text, expected):
    assert read(text) == expected


def test_record_that_grows_too_long_is_given_up():
    assert read('"a\n' + "b\n" * 10, longest=10) == [UNCLOSED, *[["b"]] * 10]


def test_line_that_is_too_long_is_passed_over():
    assert read("x" * 50 + "\nb\n", longest=10) == ["expected lines of at most 10 characters", ["b"]]


@pytest.mark.parametrize(
    ("line", "before", "after"),
    [
        ("a,b", QuoteState.WHOLE, QuoteState.WHOLE),
        ('a,"b', QuoteState.WHOLE, QuoteState.OPEN),
        ('b",c', QuoteState.OPEN, QuoteState.WHOLE),
        ('b""c', QuoteState.OPEN, QuoteState.OPEN),
        ('b"', QuoteState.OPEN, QuoteState.WHOLE),
        ('b" c', QuoteState.OPEN, QuoteState.BROKEN),
        ('b",c,"d', QuoteState.OPEN, QuoteState.OPEN),
    ],
)
def test_state_at_the_end_of_a_line(line, before, after):
    assert state_after(line, COMMAS, before) is after


@given(st.lists(st.lists(st.text('ab",\n\r ', max_size=6), min_size=2, max_size=4), max_size=6))
def test_what_the_standard_library_writes_is_read(rows):
    target = io.StringIO(newline="")
    csv.writer(target).writerows(rows)
    assert read(target.getvalue()) == rows


def test_spaces_before_a_quote_are_passed_over_where_the_dialect_says_so() -> None:
    dialect = CsvDialect(",", skips_spaces=True)
    assert read('"a", "b, c"\n"d",  "e\nf", g\n', dialect=dialect) == [["a", "b, c"], ["d", "e\nf", "g"]]
    assert read('"a", "b\nc\n', dialect=dialect) == [UNCLOSED, ["c"]]


def test_escaped_quotes_are_in_the_cell_where_the_dialect_says_so() -> None:
    dialect = CsvDialect(",", escapes=True)
    text = r"""1,"say \"hi\", ok",4
2,"ends with \\",C:\new
3,"over \"
two",x
"""
    assert read(text, dialect=dialect) == [
        ["1", 'say "hi", ok', "4"],
        ["2", "ends with \\", r"C:\new"],
        ["3", 'over "\ntwo', "x"],
    ]
