"""What a comparison found, for eyes."""

from __future__ import annotations

from rowferry.reconcile.difference import Difference
from rowferry.reconcile.files.report import FileReport, FileTable
from rowferry.reconcile.report import Report, TableReport

LONG = "rows/" + "x" * 200_000


def test_id_that_fills_screens_is_told_by_its_beginning_and_length() -> None:
    """Red where it is printed whole; JSON has it whole."""
    table = TableReport(
        *("rows", 1, 1, 1, 1, 1), first_missing=(LONG,), first_surplus=(LONG,), first_different=(Difference(LONG, ()),)
    )
    file = FileTable("rows", 1, 1, {"missing": 1}, {"missing": (Difference(LONG, ()),)})
    report = Report((table,), files=FileReport((file,)))
    text = report.to_text()
    assert max(map(len, text.splitlines())) < 300
    assert text.count("(200,005 characters)") == 4
    assert report.to_json()["tables"][0]["first_missing"] == (LONG,)
