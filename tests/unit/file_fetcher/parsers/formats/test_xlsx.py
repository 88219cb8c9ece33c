from __future__ import annotations

import datetime as dt
import io

import openpyxl
import pytest

from file_fetcher.parsers.formats.xlsx import XlsxParser
from file_fetcher.parsers.limits import ParserLimits
from file_fetcher.parsers.protocol import Unreadable
from tests.unit.file_fetcher.documents import far_xlsx, renamed_xlsx, swollen_xlsx, xlsx
from tests.unit.file_fetcher.parsers.written import parse


def test_rows_of_all_sheets_are_read(tmp_path):
    content = xlsx(
        {
            "Träger": [["name", "qty", "due"], ["beam", 4, dt.date(2024, 1, 5)], [None], ["column", 2.5, True]],
            "Empty": [],
            "Other": [[None, "x"], [None, "y"]],
        }
    )
    read = parse(XlsxParser(), content, tmp_path)
    assert read.rows == [
        ("Träger", 2, {"name": "beam", "qty": "4", "due": "2024-01-05"}),
        ("Träger", 4, {"name": "column", "qty": "2.5", "due": "TRUE"}),
        ("Other", 2, {"x": "y"}),
    ]
    assert read.text == "Träger\nname\tqty\tdue\nbeam\t4\t2024-01-05\ncolumn\t2.5\tTRUE\nOther\nx\ny\n"
    assert read.facts["ranges"] == [["Träger", 2, 2], ["Träger", 4, 4], ["Other", 2, 2]]
    assert read.facts["meta"] == {"sheets": "3"}


def test_rows_are_numbered_by_the_sheet_wherever_it_begins(tmp_path):
    workbook = openpyxl.Workbook()
    workbook.active["C5"], workbook.active["C6"], workbook.active["D6"] = "name", "beam", 4
    target = io.BytesIO()
    workbook.save(target)
    assert parse(XlsxParser(), target.getvalue(), tmp_path).rows == [("Sheet", 6, {"name": "beam", "D": "4"})]


def test_hidden_sheet_is_read_with_a_warning(tmp_path):
    workbook = openpyxl.load_workbook(io.BytesIO(xlsx({"A": [["a"], ["1"]], "B": [["b"], ["2"]]})))
    workbook["B"].sheet_state = "hidden"
    target = io.BytesIO()
    workbook.save(target)
    read = parse(XlsxParser(), target.getvalue(), tmp_path)
    assert read.rows == [("A", 2, {"a": "1"}), ("B", 2, {"b": "2"})]
    assert read.facts["warnings"] == ["a sheet is hidden; its rows are here as well"]


def test_cells_with_errors_are_left_out_and_counted(tmp_path):
    workbook = openpyxl.load_workbook(io.BytesIO(xlsx({"S": [["name", "qty"], ["beam", "#REF!"], ["#N/A", 2]]})))
    for cell in (workbook["S"]["B2"], workbook["S"]["A3"]):
        cell.data_type = "e"
    target = io.BytesIO()
    workbook.save(target)
    read = parse(XlsxParser(), target.getvalue(), tmp_path)
    assert read.rows == [("S", 2, {"name": "beam"}), ("S", 3, {"qty": "2"})]
    assert read.facts["warnings"] == ["cells that hold an error such as #REF! are left out: 2"]


def test_bad_row_costs_no_other(tmp_path):
    content = xlsx({"S": [["name"], ["x" * 50], ["beam"]]})
    assert parse(XlsxParser(), content, tmp_path, ParserLimits(max_cell_chars=20)).rows == [
        ("S", 2, "expected cells of at most 20 characters, got 50 in column A"),
        ("S", 3, {"name": "beam"}),
    ]


def test_workbook_that_unpacks_to_too_much_is_not_opened(tmp_path):
    with pytest.raises(Unreadable, match=r"it unpacks to \d{8} bytes") as raised:
        parse(XlsxParser(), swollen_xlsx(16 * 2**20), tmp_path, ParserLimits(max_unpacked_bytes=8 * 2**20))
    assert raised.value.status == "output_too_large"


def test_damaged_workbook_is_unreadable(tmp_path):
    with pytest.raises(Unreadable) as raised:
        parse(XlsxParser(), xlsx({"S": [["a"]]})[:-100], tmp_path)
    assert raised.value.status == "parser_error"


def test_formulas_without_results_are_left_out_and_counted(tmp_path):
    content = xlsx({"S": [["name", "total"], ["beam", "=1+1"], ["bolt", "=A1&A2"], ["=1", "=2"]]})
    read = parse(XlsxParser(), content, tmp_path)
    assert read.rows == [("S", 2, {"name": "beam"}), ("S", 3, {"name": "bolt"})]
    assert read.facts["warnings"] == ["cells whose formula was saved without its result are left out: 4"]


def test_cells_that_lie_far_apart_cost_what_they_hold(tmp_path):
    read = parse(XlsxParser(), far_xlsx(), tmp_path)
    assert read.rows == [
        ("Sheet", 3, {"name": "beam", "due": "2024-01-05"}),
        ("Sheet", 1_048_576, "expected at most 500 columns, got 16384"),
    ]
    assert read.text == "Sheet\nname\tdue\tqty\nbeam\t2024-01-05\n"


def test_workbook_whose_parts_have_other_names_is_read(tmp_path):
    assert parse(XlsxParser(), renamed_xlsx(), tmp_path).rows == [("Data", 2, {"name": "beam"})]


@pytest.mark.parametrize(
    ("stream", "status"), [("EncryptedPackage", "encrypted"), ("Workbook", "parser_error")], ids=["password", "old"]
)
def test_container_of_old_formats_says_what_it_is(tmp_path, stream: str, status: str):
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + stream.encode("utf-16-le") + bytes(512)
    with pytest.raises(Unreadable) as raised:
        parse(XlsxParser(), content, tmp_path)
    assert raised.value.status == status
