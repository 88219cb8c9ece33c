from __future__ import annotations

from typing import Any

import pytest

from devstack.demo.file_check import FileTally, differences
from devstack.sample.objects.contents import HEADER, SheetRow
from devstack.sample.objects.expected import Expected

MISSING = Expected("failed", "not_found")
PDF = Expected("fetched", sha256="ab", size_bytes=9, text="curtain wall", pages=2)
PDF_FOUND = {
    "status": "fetched",
    "sha256": "ab",
    "size_bytes": 9,
    "content_text": "curtain\nwall",
    "page_count": 2,
    "extraction_status": "ok",
}
LOCKED = Expected("fetched", sha256="ab", size_bytes=9, readable=False)
LOCKED_FOUND = {"status": "fetched", "sha256": "ab", "size_bytes": 9, "extraction_status": "encrypted"}
GOOD_ROW = SheetRow("S", 2, ("a", "b", "1", "2", "c"))
SHEET = Expected(
    "fetched",
    sha256="ab",
    size_bytes=9,
    text="a b 1 2 c",
    rows=(GOOD_ROW, SheetRow("S", 3, ("", "", "", "", "x"), bad=True)),
)
SHEET_FOUND = {
    "status": "fetched",
    "sha256": "ab",
    "size_bytes": 9,
    "content_text": "S\na b 1 2 c",
    "rows_accepted": 1,
    "rows_rejected": 1,
}
ROWS = {("S", 2): dict(zip(HEADER, ("a", "b", "1", "2", "c"), strict=True))}
EQUAL: dict[str, tuple[Expected, dict[str, Any], dict[Any, Any]]] = {
    "failed": (MISSING, {"status": "failed", "reason": "not_found"}, {}),
    "pdf": (PDF, PDF_FOUND, {}),
    "locked": (LOCKED, LOCKED_FOUND, {}),
    "sheet": (SHEET, SHEET_FOUND, ROWS),
}
UNEQUAL: dict[str, tuple[Expected, dict[str, Any] | None, dict[Any, Any], list[str]]] = {
    "missing": (PDF, None, {}, ["not in the index"]),
    "another reason": (
        MISSING,
        {"status": "failed", "reason": "network"},
        {},
        ["expected failed not_found, got failed network"],
    ),
    "no failure": (MISSING, PDF_FOUND, {}, ["expected failed not_found, got fetched"]),
    "other bytes": (PDF, {**PDF_FOUND, "sha256": "cd"}, {}, ["other bytes"]),
    "another text": (PDF, {**PDF_FOUND, "content_text": "curtain"}, {}, ["another text"]),
    "no text": (PDF, {**PDF_FOUND, "content_text": None}, {}, ["another text"]),
    "other pages": (PDF, {**PDF_FOUND, "page_count": 1}, {}, ["expected 2 pages, got 1"]),
    "a text of nothing": (LOCKED, {**LOCKED_FOUND, "content_text": "x"}, {}, ["a text where none was put in"]),
    "read and locked": (LOCKED, {**LOCKED_FOUND, "extraction_status": "ok"}, {}, ["read, though no one can"]),
    "a row missing": (SHEET, SHEET_FOUND, {}, ["other rows"]),
    "a row too many": (SHEET, SHEET_FOUND, {**ROWS, ("S", 3): {}}, ["other rows"]),
    "another value": (SHEET, SHEET_FOUND, {("S", 2): {**ROWS["S", 2], "Note": "d"}}, ["other rows"]),
    "rejected rows not counted": (
        SHEET,
        {**SHEET_FOUND, "rows_rejected": 0},
        ROWS,
        ["expected 1 rows and 1 rejected, got (1, 0)"],
    ),
}


@pytest.mark.parametrize(("wanted", "found", "rows"), EQUAL.values(), ids=EQUAL)
def test_what_was_put_in_is_found(wanted: Expected, found: dict[str, Any], rows: dict[Any, Any]) -> None:
    assert list(differences(wanted, found, rows)) == []


@pytest.mark.parametrize(("wanted", "found", "rows", "told"), UNEQUAL.values(), ids=UNEQUAL)
def test_difference_is_told(
    wanted: Expected, found: dict[str, Any] | None, rows: dict[Any, Any], told: list[str]
) -> None:
    assert list(differences(wanted, found, rows)) == told


def test_tally_counts_ends_texts_and_rows() -> None:
    tally = FileTally()
    tally.enter("a", MISSING, {"status": "failed", "reason": "not_found"}, {})
    tally.enter("b", PDF, PDF_FOUND, {})
    tally.enter("c", SHEET, SHEET_FOUND, ROWS)

    assert (tally.references, tally.texts, tally.words, tally.rows, tally.equal) == (3, 2, 7, 1, True)
    assert tally.by_end() == [("fetched", 2), ("failed, not_found", 1)]


def test_only_the_first_differences_are_kept() -> None:
    tally = FileTally()
    for number in range(7):
        tally.enter(f"f{number}", PDF, None, {})

    assert (tally.different, tally.equal) == (7, False)
    assert tally.samples == [f"f{number}: not in the index" for number in range(5)]
