from __future__ import annotations

import pytest

from file_fetcher.parsers.formats.csv_dialects import CsvDialect, dialect_of

CASES = {
    "commas": ("a,b\n1,2\n", CsvDialect(",")),
    "a single column": ("name\nbeam, long\nslab\n", CsvDialect(",")),
    "nothing": ("", CsvDialect(",")),
    "decimal commas": ("name;price\nbeam;4,50\nslab;1,20\n", CsvDialect(";")),
    "said by the first line": ("sep=;\r\nName;Qty\r\nBeam;4\r\n", CsvDialect(";", is_said=True)),
    "said in capitals": ("SEP=|\na|b\n", CsvDialect("|", is_said=True)),
    "as many commas as tabs": (
        "Name\tCity, State\nDoe\tAustin, TX\nRoe\tBoise, ID\n",
        CsvDialect("\t", rivals=","),
    ),
    "spaces before quotes": (
        '"Name", "Place", "Qty"\n"Beam", "Hall 1, north", "4"\n"Bolt", "Hall 2, south", "5"\n',
        CsvDialect(",", skips_spaces=True),
    ),
    "spaces before quotes that hold no comma": ('"Name", "Place"\n"a", "b"\n', CsvDialect(",", skips_spaces=True)),
    "escaped quotes": (
        'id,text,qty\n1,"say \\"hi\\", ok",4\n2,"plain",5\n',
        CsvDialect(",", escapes=True),
    ),
    "a cell that ends with a backslash": ('path,n\n"C:\\",1\n"D:\\",2\n', CsvDialect(",")),
}


@pytest.mark.parametrize(("text", "dialect"), CASES.values(), ids=CASES)
def test_dialect_is_told_by_the_first_lines(text: str, dialect: CsvDialect) -> None:
    lines = text.splitlines(keepends=True)
    assert dialect_of(lines[0] if lines else "", [line for line in lines if line.strip()]) == dialect
