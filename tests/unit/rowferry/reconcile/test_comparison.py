"""Every row has one document, equal in every field, and there is no other."""

from __future__ import annotations

from typing import Any

import pytest

from rowferry.reconcile.command import until_equal
from rowferry.reconcile.comparison import Comparison
from rowferry.reconcile.difference import Difference
from rowferry.reconcile.ledger import Ledger
from rowferry.reconcile.report import Report, TableReport
from rowferry.reconcile.shapes import Described, Shape
from tests.unit.rowferry.reconcile.sides import Documents, Rows

PHOTOS = Shape(Described("public", "photos", {"id": "int8", "name": "text"}, ("id",), ("id", "name"), ()))
PLANS = Shape(Described("public", "plans", {"id": "int8", "name": "text"}, ("id",), ("id", "name"), ()))


def row(number: int, name: str = "x") -> dict[str, str]:
    return {"id": str(number), "name": name}


def document(table: str, number: int, name: str = "x") -> tuple[str, dict[str, Any]]:
    doc_id = f"{table}/{number}"
    return doc_id, {
        "doc_id": doc_id,
        "source_table": table,
        "source_id": str(number),
        "metadata": row(number, name),
    }


def compare(
    rows: dict[str, list[dict[str, str]]], documents: dict[str, dict[str, Any]], *, only: bool = False
) -> Report:
    shapes = [PHOTOS] if only else [PHOTOS, PLANS]
    with Ledger() as ledger:
        return Comparison(shapes, Rows(rows), Documents(documents), only_these=only).run(ledger)


def test_equal_sides_are_equal() -> None:
    report = compare({"photos": [row(1), row(2)]}, dict([document("photos", 1), document("photos", 2)]))

    assert report == Report((TableReport("photos", 2, 2), TableReport("plans", 0, 0)))
    assert report.equal


def test_row_without_a_document_is_missing() -> None:
    report = compare({"photos": [row(1), row(2)]}, dict([document("photos", 1)]))

    assert report.tables[0] == TableReport("photos", 2, 1, missing=1, first_missing=("photos/2",))
    assert not report.equal


def test_document_without_a_row_is_surplus() -> None:
    report = compare({"photos": [row(1)]}, dict([document("photos", 1), document("photos", 2)]))

    assert report.tables[0] == TableReport("photos", 1, 2, surplus=1, first_surplus=("photos/2",))


def test_document_of_a_table_that_is_not_captured_is_surplus() -> None:
    report = compare({}, dict([document("ghosts", 1)]))

    assert report.tables[0] == TableReport("ghosts", 0, 1, surplus=1, first_surplus=("ghosts/1",))


def test_other_tables_are_left_alone_when_only_some_are_compared() -> None:
    report = compare({"photos": [row(1)]}, dict([document("photos", 1), document("plans", 1)]), only=True)

    assert report == Report((TableReport("photos", 1, 1),))


def test_document_that_says_something_else_is_different_in_the_named_field() -> None:
    report = compare({"photos": [row(1, "new")]}, dict([document("photos", 1, "old")]))

    assert report.tables[0] == TableReport(
        "photos", 1, 1, different=1, first_different=(Difference("photos/1", ("metadata.name",)),)
    )


@pytest.mark.rule("P8")
def test_p8_columns_that_a_document_says_it_lacks_are_named_so() -> None:
    doc_id, fields = document("photos", 1)
    fields |= {"metadata": {"id": "1"}, "omitted": ["name"]}

    (table, _) = compare({"photos": [row(1)]}, {doc_id: fields}).tables
    assert (table.different, table.first_different) == (1, (Difference("photos/1", ("omitted.name",)),))


@pytest.mark.rule("P8")
def test_p8_row_without_a_value_is_equal_to_a_document_that_says_it_lacks_the_column() -> None:
    # Nothing is lost then, whatever the event could not carry.
    doc_id, fields = document("photos", 1)
    fields |= {"metadata": {"id": "1"}, "omitted": ["name"]}

    assert compare({"photos": [{"id": "1"}]}, {doc_id: fields}).equal


def test_second_document_of_a_row_is_surplus() -> None:
    doc_id, fields = document("photos", 1)

    report = compare({"photos": [row(1)]}, {doc_id: fields, "photos/copy": fields})

    assert report.tables[0] == TableReport("photos", 1, 2, surplus=1, first_surplus=("photos/copy",))


def test_rows_that_share_an_id_lack_a_document() -> None:
    report = compare({"photos": [row(1), row(1)]}, dict([document("photos", 1)]))

    assert report.tables[0] == TableReport("photos", 2, 1, missing=1)


def test_memory_of_a_deleted_row_is_no_document() -> None:
    report = compare({}, {"photos/1": {"deleted": True}})

    assert report == Report((TableReport("photos", 0, 0), TableReport("plans", 0, 0)), memories=1)


def test_deleted_document_that_kept_its_data_is_surplus() -> None:
    doc_id, fields = document("photos", 1)

    assert compare({}, {doc_id: {**fields, "deleted": True}}).tables[0].surplus == 1


def test_only_the_first_few_are_named() -> None:
    report = compare({"photos": [row(number) for number in range(9)]}, {})

    assert report.tables[0].missing == 9
    assert report.tables[0].first_missing == ("photos/0", "photos/1", "photos/2", "photos/3", "photos/4")


def test_text_names_ids_and_columns_and_no_values() -> None:
    report = compare({"photos": [row(1, "secret")], "plans": [row(5)]}, dict([document("photos", 1, "hidden")]))

    assert report.to_text() == (
        "table   rows  documents  missing  surplus  different\n"
        "photos     1          1        0        0          1\n"
        "plans      1          0        1        0          0\n"
        "total      2          1        1        0          1\n"
        "different: photos/1: metadata.name\n"
        "missing: plans/5\n"
        "index and database differ\n"
    )


def test_json_holds_the_whole_report() -> None:
    found = Report((TableReport("photos", 2, 2),), (("log", "none: has no primary key"),), 3).to_json()

    assert found == {
        "equal": True,
        "rows": 2,
        "documents": 2,
        "memories": 3,
        "tables": [
            {
                "equal": True,
                "table": "photos",
                "rows": 2,
                "documents": 2,
                "missing": 0,
                "surplus": 0,
                "different": 0,
                "first_missing": (),
                "first_surplus": (),
                "first_different": (),
            }
        ],
        "not_captured": [{"table": "log", "reason": "none: has no primary key"}],
        "files": {"compared": False, "reason": "no table that is compared has a column that refers to files"},
    }


UNEQUAL = Report((TableReport("photos", 1, 0, missing=1),))
EQUAL = Report((TableReport("photos", 1, 1),))


def test_waiting_ends_with_the_first_equal_report() -> None:
    reports = iter([UNEQUAL, EQUAL])

    assert until_equal(lambda: next(reports), wait_s=30) is EQUAL


def test_waiting_ends_with_its_time() -> None:
    assert until_equal(lambda: UNEQUAL, wait_s=0) is UNEQUAL
