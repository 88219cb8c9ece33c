"""Every reference of every row has one document that tells its newest result, and there is no other."""

from __future__ import annotations

from typing import Any

from rowferry.reconcile.difference import Difference
from rowferry.reconcile.files.comparison import FileComparison
from rowferry.reconcile.files.facts import Outcome
from rowferry.reconcile.files.ledger import FileLedger
from rowferry.reconcile.files.report import FileReport, FileTable
from rowferry.reconcile.report import NotCompared, Report, TableReport
from rowferry.reconcile.shapes import Described, Shape
from schemas.tables import FileColumn
from tests.unit.rowferry.reconcile.sides import Documents, Rows

PHOTOS = Shape(
    Described(
        "public",
        "photos",
        {"id": "int8", "s3_key": "text"},
        ("id",),
        ("id", "s3_key"),
        (),
        (FileColumn("s3_key", "s3_key", "s3_key"),),
    )
)
FETCHED = Outcome("fetched", "", 4096)


def row(number: int, key: str = "a.pdf") -> dict[str, str]:
    return {"id": str(number), "s3_key": key}


def name(number: int, table: str = "photos") -> str:
    return f"{table}/{number}/s3_key"


def document(number: int, outcome: Outcome = FETCHED, *, key: str = "a.pdf", table: str = "photos") -> dict[str, Any]:
    return {
        name(number, table): {
            "file_id": name(number, table),
            "record_id": f"{table}/{number}",
            "source_table": table,
            "source_column": "s3_key",
            "kind": "s3_key",
            "relationship_type": "file",
            "file_name": key,
            "source_uri": f"s3://bucket/{key}",
            "status": outcome.status,
            "reason": outcome.reason,
            "version": outcome.version,
        }
    }


def compare(
    rows: list[dict[str, str]],
    files: dict[str, Any],
    results: list[tuple[str, Outcome]],
    *,
    file_rows: dict[str, Any] | None = None,
    tables: frozenset[str] | None = None,
) -> FileReport:
    sides = Rows({"photos": rows}), Documents(files), Documents(file_rows or {})
    with FileLedger() as ledger:
        return FileComparison([PHOTOS], *sides, tables).run(ledger, results)


def test_reference_with_its_document_is_accounted_for() -> None:
    report = compare([row(1), {"id": "2"}], document(1), [(name(1), FETCHED)])

    assert report == FileReport((FileTable("photos", 1, 1),), {("fetched", ""): 1})
    assert report.equal


def test_skipped_and_failed_references_are_accounted_for_by_reason() -> None:
    large, missing = Outcome("skipped", "too_large", 4096), Outcome("failed", "not_found", 4102)

    report = compare(
        [row(1), row(2), row(3)],
        document(1, large) | document(2, missing) | document(3, missing),
        [(name(1), large), (name(2), missing), (name(3), missing)],
    )

    assert report.equal
    assert report.outcomes == {("skipped", "too_large"): 1, ("failed", "not_found"): 2}


def test_reference_without_a_document_is_missing() -> None:
    report = compare([row(1), row(2)], document(1), [(name(1), FETCHED)])

    assert report.tables == (
        FileTable("photos", 2, 1, {"missing": 1}, {"missing": (Difference("photos/2/s3_key", ()),)}),
    )
    assert not report.equal


def test_document_without_a_reference_is_surplus() -> None:
    report = compare([{"id": "1"}], document(1), [(name(1), FETCHED)])

    assert report.tables[0].counts == {"surplus": 1}


def test_document_of_a_table_without_references_is_surplus() -> None:
    report = compare([], document(1, table="plans"), [(name(1, "plans"), FETCHED)])

    assert report.tables[1] == FileTable(
        "plans", 0, 1, {"surplus": 1}, {"surplus": (Difference("plans/1/s3_key", ()),)}
    )


def test_memory_of_a_file_that_is_gone_is_none() -> None:
    gone = {name(1): {"deleted": True, "version": 8192, "expire_at": 1}}

    report = compare([{"id": "1"}], gone, [(name(1), FETCHED), (name(1), Outcome("gone", "", 8192))])

    assert report == FileReport((FileTable("photos", 0, 0),), memories=1)


def test_document_of_the_old_key_is_different_in_the_named_fields() -> None:
    report = compare([row(1, "b.pdf")], document(1), [(name(1), FETCHED)])

    assert report.tables[0].counts == {"different": 1}
    assert report.tables[0].first == {"different": (Difference("photos/1/s3_key", ("file_name", "source_uri")),)}


def test_document_of_an_older_result_is_outdated() -> None:
    newest = Outcome("failed", "not_found", 8192)

    report = compare([row(1)], document(1), [(name(1), newest), (name(1), FETCHED)])

    assert report.tables[0].counts == {"outdated": 1}


def test_document_of_which_no_result_is_known_is_outdated() -> None:
    assert compare([row(1)], document(1), []).tables[0].counts == {"outdated": 1}


def test_rows_of_a_spreadsheet_have_a_document_each() -> None:
    sheet = Outcome("fetched", "", 4096, rows_accepted=2)
    rows = {
        "photos/1/s3_key/Sheet1/2": {"source_table": "photos", "row_number": 2},
        "photos/1/s3_key/Sheet1/3": {"source_table": "photos", "row_number": 3},
        "photos/1/s3_key/Sheet1/4": {"deleted": True},
    }

    report = compare([row(1)], document(1), [(name(1), sheet)], file_rows=rows)

    assert (report.equal, report.row_documents) == (True, 2)


def test_spreadsheet_with_another_number_of_row_documents_is_named() -> None:
    sheet = Outcome("fetched", "", 4096, rows_accepted=2)
    rows = {"photos/1/s3_key/Sheet1/2": {"source_table": "photos"}, "photos/2/s3_key/s/1": {"source_table": "photos"}}

    report = compare(
        [row(1), row(2)], document(1) | document(2), [(name(1), sheet), (name(2), FETCHED)], file_rows=rows
    )

    assert report.tables[0].counts == {"wrong_rows": 2}
    assert report.tables[0].first["wrong_rows"] == (
        Difference("photos/1/s3_key", ()),
        Difference("photos/2/s3_key", ()),
    )


def test_rows_that_outlived_their_table_are_named() -> None:
    report = compare([], {}, [], file_rows={"plans/1/s3_key/s/1": {"source_table": "plans"}})

    assert report.tables[1].counts == {"wrong_rows": 1}


def test_other_tables_are_left_alone_when_only_some_are_compared() -> None:
    sheet = Outcome("fetched", "", 4096, rows_accepted=9)

    report = compare(
        [row(1)],
        document(1) | document(1, table="plans"),
        [(name(1), FETCHED), (name(1, "plans"), sheet)],
        tables=frozenset({"photos"}),
    )

    assert report == FileReport((FileTable("photos", 1, 1),), {("fetched", ""): 1})


RECORDS = (TableReport("photos", 2, 2),)


def test_text_tells_files_behind_records() -> None:
    large = Outcome("skipped", "too_large", 4096)
    files = compare([row(1), row(2, "b.pdf")], document(1, large) | document(2), [(name(1), large), (name(2), FETCHED)])

    assert Report(RECORDS, files=files).to_text() == (
        "table   rows  documents  missing  surplus  different\n"
        "photos     2          2        0        0          0\n"
        "total      2          2        0        0          0\n"
        "files of table  references  documents  missing  surplus  different  outdated  wrong rows\n"
        "photos                   2          2        0        0          1         0           0\n"
        "total                    2          2        0        0          1         0           0\n"
        "fetched: 1\n"
        "skipped (too_large): 1\n"
        "rows of spreadsheets: 0\n"
        "different: photos/2/s3_key: file_name, source_uri\n"
        "index and database differ\n"
    )


def test_json_holds_the_files() -> None:
    found = Report(RECORDS, files=compare([row(1), row(2)], document(1), [(name(1), FETCHED)])).to_json()

    assert found["equal"] is False
    assert found["files"] == {
        "compared": True,
        "equal": False,
        "references": 2,
        "documents": 1,
        "row_documents": 0,
        "memories": 0,
        "outcomes": [{"status": "fetched", "reason": "", "documents": 1}],
        "tables": [
            {
                "table": "photos",
                "equal": False,
                "references": 2,
                "documents": 1,
                "missing": 1,
                "first_missing": ["photos/2/s3_key"],
                "surplus": 0,
                "first_surplus": [],
                "different": 0,
                "first_different": [],
                "outdated": 0,
                "first_outdated": [],
                "wrong_rows": 0,
                "first_wrong_rows": [],
            }
        ],
    }


def test_files_that_were_not_compared_are_told_with_the_reason_and_do_not_differ() -> None:
    report = Report(RECORDS, files=NotCompared("there is no topic cdc._files"))

    assert report.equal
    assert report.to_json()["files"] == {"compared": False, "reason": "there is no topic cdc._files"}
    assert "files were not compared: there is no topic cdc._files\n" in report.to_text()
