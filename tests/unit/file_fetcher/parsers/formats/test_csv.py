from __future__ import annotations

from file_fetcher.parsers.formats.csv import CsvParser
from file_fetcher.parsers.limits import ParserLimits
from tests.unit.file_fetcher.parsers.written import parse


def test_rows_are_numbered_as_a_spreadsheet_numbers_them(tmp_path):
    read = parse(CsvParser(), b"name,qty\nbeam,4\n\ncolumn,2\n", tmp_path)
    assert read.rows == [("Sheet1", 2, {"name": "beam", "qty": "4"}), ("Sheet1", 4, {"name": "column", "qty": "2"})]
    assert read.text == "name\tqty\nbeam\t4\ncolumn\t2\n"
    assert read.facts["meta"] == {"encoding": "utf-8"}


def test_separator_is_found_out(tmp_path):
    for separator in ",;\t|":
        content = f"name{separator}price\nbeam{separator}4 m, steel\ncolumn{separator}3 m\n".replace(
            ", steel", " steel"
        )
        (tmp_path / str(ord(separator))).mkdir()
        read = parse(CsvParser(), content.encode(), tmp_path / str(ord(separator)))
        assert read.rows[0] == ("Sheet1", 2, {"name": "beam", "price": "4 m steel"})


def test_decimal_commas_are_no_separators(tmp_path):
    read = parse(CsvParser(), b"name;price;tax\nbeam;4,50;0,19\ncolumn;3;0\n", tmp_path)
    assert read.rows[0] == ("Sheet1", 2, {"name": "beam", "price": "4,50", "tax": "0,19"})


def test_a_single_column_is_a_table(tmp_path):
    assert parse(CsvParser(), b"name\nbeam\n", tmp_path).rows == [("Sheet1", 2, {"name": "beam"})]


def test_row_in_another_encoding_is_rejected_alone(tmp_path):
    content = "name,qty\nTräger,1\n".encode() * 10 + b"Tr\xe4ger,2\n" + "Säule,3\n".encode()
    read = parse(CsvParser(), content, tmp_path)
    assert read.rows[-2:] == [
        ("Sheet1", 21, "expected text in utf-8, got other bytes"),
        ("Sheet1", 22, {"name": "Säule", "qty": "3"}),
    ]


def test_unclosed_quote_costs_its_row_alone(tmp_path):
    read = parse(CsvParser(), b'name,qty\n"beam,1\ncolumn,2\nslab,3\n', tmp_path)
    assert read.rows == [
        ("Sheet1", 2, "expected a closing quote, found none"),
        ("Sheet1", 3, {"name": "column", "qty": "2"}),
        ("Sheet1", 4, {"name": "slab", "qty": "3"}),
    ]


def test_excel_text_in_utf_16_is_read(tmp_path):
    read = parse(CsvParser(), "name\tqty\nTräger\t1\n".encode("utf-16"), tmp_path)
    assert read.rows == [("Sheet1", 2, {"name": "Träger", "qty": "1"})]


def test_rows_past_the_limit_are_left(tmp_path):
    read = parse(CsvParser(), b"name,qty\n" + b"beam,1\n" * 10, tmp_path, ParserLimits(max_rows=3))
    assert [number for _, number, _ in read.rows] == [2, 3, 4]
    assert read.facts["truncated"] is True


def test_an_empty_file_has_no_rows(tmp_path):
    read = parse(CsvParser(), b"", tmp_path)
    assert (read.rows, read.text) == ([], "")


def test_line_that_says_the_separator_is_no_row(tmp_path):
    read = parse(CsvParser(), b"sep=;\r\nName;Qty\r\nBeam;4\r\n", tmp_path)
    assert read.rows == [("Sheet1", 2, {"Name": "Beam", "Qty": "4"})]
    assert read.facts["warnings"] == []


def test_old_mark_of_the_end_is_no_row(tmp_path):
    assert parse(CsvParser(), b"a,b\r\n1,2\r\n\x1a", tmp_path).rows == [("Sheet1", 2, {"a": "1", "b": "2"})]


def test_what_is_guessed_is_told(tmp_path):
    content = "Name\tCity, State\nDoé\tAustin, TX\nRoe\tBoise, ID\n".encode("cp1252")
    read = parse(CsvParser(), content, tmp_path)
    assert read.rows[0] == ("Sheet1", 2, {"Name": "Doé", "City, State": "Austin, TX"})
    assert read.facts["warnings"] == [
        "the encoding is a guess: cp1252",
        "the separator is a guess: another one would make as regular a table",
    ]
