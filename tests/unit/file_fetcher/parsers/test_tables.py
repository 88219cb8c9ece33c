from __future__ import annotations

import pytest

from file_fetcher.parsers.context import Context
from file_fetcher.parsers.limits import ParserLimits
from file_fetcher.parsers.tables import Table, header_names, letter
from tests.unit.file_fetcher.parsers.written import written


def table_of(folder, rows, limits=None, **row_options):
    with Context(folder, limits or ParserLimits()) as context:
        table = Table("S", context)
        for number, cells in rows:
            table.row(number, cells, **row_options)
        context.finish("ok")
    return written(folder)


def test_first_row_that_is_not_empty_is_the_header(tmp_path):
    rows = [(1, ["", " "]), (2, ["name", "qty"]), (3, ["beam", "4"])]
    assert table_of(tmp_path, rows).rows == [("S", 3, {"name": "beam", "qty": "4"})]


def test_empty_rows_are_none_and_empty_cells_are_left_out(tmp_path):
    rows = [(1, ["name", "qty"]), (2, ["", ""]), (3, ["beam", ""])]
    assert table_of(tmp_path, rows).rows == [("S", 3, {"name": "beam"})]


def test_cells_past_the_header_go_by_their_letter(tmp_path):
    rows = [(1, ["name", "C"]), (2, ["beam", "4", "5"])]
    assert table_of(tmp_path, rows).rows == [("S", 2, {"name": "beam", "C": "4", "C_": "5"})]


def test_columns_are_counted_from_the_first_of_the_sheet(tmp_path):
    rows = [(1, ["name", ""]), (2, ["beam", "4"])]
    assert table_of(tmp_path, rows, first_column=2).rows == [("S", 2, {"name": "beam", "D": "4"})]


def test_row_that_cannot_be_taken_costs_no_other(tmp_path):
    limits = ParserLimits(max_columns=3, max_cell_chars=10)
    rows = [(1, ["a", "b"]), (2, ["x", "y" * 11]), (3, ["1", "2", "3", "4"]), (4, ["x", "y"])]
    assert table_of(tmp_path, rows, limits).rows == [
        ("S", 2, "expected cells of at most 10 characters, got 11 in column B"),
        ("S", 3, "expected at most 3 columns, got 4"),
        ("S", 4, {"a": "x", "b": "y"}),
    ]


def test_row_that_is_known_to_be_bad_is_rejected_and_is_no_header(tmp_path):
    with Context(tmp_path, ParserLimits()) as context:
        table = Table("S", context)
        table.row(1, [], bad="expected text")
        table.row(2, ["name"])
        table.row(3, ["beam"])
        context.finish("ok")
    assert written(tmp_path).rows == [("S", 1, "expected text"), ("S", 3, {"name": "beam"})]


def test_text_has_the_header_and_the_rows_that_were_taken(tmp_path):
    limits = ParserLimits(max_cell_chars=5)
    rows = [(1, ["name", "qty"]), (2, ["columns", "1"]), (3, ["beam", "", "x"])]
    assert table_of(tmp_path, rows, limits).text == "name\tqty\nbeam\tx\n"


def test_headers_that_are_empty_had_or_endless_are_letters():
    assert header_names({0: "a", 2: "a", 3: "x" * 201, 4: "b"}) == ["a", "B", "C", "D", "b"]
    assert header_names({0: "C", 1: "b", 2: "C", 3: "C_"}) == ["C", "b", "C_", "D"]


@pytest.mark.parametrize(
    ("column", "text"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")]
)
def test_columns_have_letters(column, text):
    assert letter(column) == text
