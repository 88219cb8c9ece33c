from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from schemas.errors import RecordError
from schemas.file_results import (
    Content,
    Extraction,
    FileResult,
    FileRow,
    Provenance,
    Status,
    file_row_id,
    result_version,
    row_version_of,
)

NOW_US = 1_796_000_000_000_000
BEFORE_2035_US = 2_051_222_399_999_999  # the last microsecond of 2034
YEAR_US = 31_557_600_000_000

RESULT = FileResult(
    file_id="photos/7/url",
    version=40_961,
    row_version=10,
    attempt=1,
    status=Status.FETCHED,
    provenance=Provenance("photos/7", "public.photos", "photos", "url", "file", "url"),
    key="https://h/größe.pdf",
    content=Content(12, "ab" * 32, "application/pdf", "file:///store/ab"),
    extraction=Extraction("ok", "pypdfium2 5", "text", meta={"Title": "x"}, warnings=("one", "two")),
)
ROW = FileRow("photos/7/url", "photos/7", "Sheet 1/a", 2, 40_961, {"Part": "bolt"})
NEITHER = replace(RESULT, status=Status.GONE, content=None, extraction=None)


@pytest.mark.parametrize("result", [RESULT, NEITHER], ids=["fetched", "gone"])
def test_result_reads_back_as_it_was_written(result: FileResult) -> None:
    assert FileResult.from_json(result.to_json()) == result


@pytest.mark.parametrize("row", [ROW, replace(ROW, values={}, gone=True), replace(ROW, values={}, reason="too long")])
def test_row_reads_back_as_it_was_written(row: FileRow) -> None:
    assert FileRow.from_json(row.to_json()) == row


def test_text_that_is_no_unicode_does_not_stop_the_writing() -> None:
    assert FileResult.from_json(replace(RESULT, detail="a\ud800").to_json()).detail == "a?"


@pytest.mark.rule("F3")
def test_f3_version_grows_with_the_row_and_within_it_with_the_attempt() -> None:
    assert result_version(10, 0) == 40_960
    assert result_version(10, 6) == 40_966
    assert result_version(10, 4_095) < result_version(11, 0)
    assert result_version(10, 5_000) == result_version(10, 4_095)


@pytest.mark.rule("F3")
def test_f3_versions_rise_from_every_result_that_is_stored() -> None:
    """Results were the row's version x 4096 + attempt: those of rows before 2035 stay so, and later ones lie above."""
    stored = [version * 4096 + attempt for version in (1, NOW_US, BEFORE_2035_US) for attempt in (0, 6, 4_095)]
    assert [
        result_version(version, attempt) for version in (1, NOW_US, BEFORE_2035_US) for attempt in (0, 6, 4_095)
    ] == (stored)
    later = [result_version(BEFORE_2035_US + 1 + more, attempt) for more in (0, 1, YEAR_US) for attempt in (0, 6, 255)]
    assert sorted(set(stored + later)) == stored + later
    assert later[0] == stored[-1] + 1


@pytest.mark.rule("F3")
def test_f3_version_fits_into_a_long_until_the_year_2136() -> None:
    assert 2**63 - 60 * 86_400_000_000 * 256 < result_version(5_260_000_000_000_000, 255) < 2**63


@pytest.mark.parametrize("attempt", [0, 6, 255])
@pytest.mark.parametrize("row_version", [1, NOW_US, BEFORE_2035_US, BEFORE_2035_US + 1, BEFORE_2035_US + YEAR_US])
def test_row_version_is_read_from_the_version_of_a_result(row_version: int, attempt: int) -> None:
    assert row_version_of(result_version(row_version, attempt)) == row_version


def test_id_of_a_row_is_that_of_its_file_with_sheet_and_number() -> None:
    assert ROW.row_id == "photos/7/url/Sheet%201%2Fa/2"
    assert file_row_id("f", "", 1) == "f//1"


def _with(record: FileResult | FileRow, **changed: Any) -> bytes:
    return json.dumps({**json.loads(record.to_json()), **changed}).encode()


WRONG: dict[str, bytes] = {
    "no JSON": b"{",
    "no UTF-8": b"\xff",
    "no object": b"[]",
    "no format": b"{}",
    "a newer format": _with(RESULT, format=2),
    "a project that is a number": _with(RESULT, project_id=5),
    "a version that no 64 bits hold": _with(RESULT, version=10**20),
    "a version that is a truth value": _with(RESULT, version=True),
    "an unknown status": _with(RESULT, status="lost"),
    "a provenance that is none": _with(RESULT, provenance={}),
    "a content that is none": _with(RESULT, content=[]),
    "an extraction that is none": _with(RESULT, extraction={"status": 7}),
    "nothing but a format": b'{"format": 1}',
}


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG)
def test_record_that_is_no_result_is_an_error(value: bytes) -> None:
    with pytest.raises(RecordError):
        FileResult.from_json(value)


@pytest.mark.parametrize(
    "value", [b"{", b"[]", b"{}", b'{"format": 1}', _with(ROW, format=2), _with(ROW, values={"a": 1}), RESULT.to_json()]
)
def test_record_that_is_no_row_is_an_error(value: bytes) -> None:
    with pytest.raises(RecordError):
        FileRow.from_json(value)


def test_error_quotes_no_value_of_the_record() -> None:
    with pytest.raises(RecordError) as caught:
        FileResult.from_json(_with(RESULT, content="5ecret"))
    assert "5ecret" not in str(caught.value)
