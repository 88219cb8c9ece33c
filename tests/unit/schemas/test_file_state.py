from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from schemas.errors import RecordError
from schemas.file_state import HeldFile, HeldRecord, State

FILE = HeldFile(
    "photos/7/url",
    "url",
    "https://h/größe.pdf",
    "url",
    10,
    State.FETCHED,
    place="ab:cd",
    rows=(("Sheet 1", 1, 3), ("T", 5, 5)),
)
RECORD = HeldRecord("photos/7", "public.photos", 4, 12, 1, (FILE, replace(FILE, file_id="x", state=State.RETRYING)))


def test_record_reads_back_as_it_was_written() -> None:
    assert HeldRecord.from_json(RECORD.to_json()) == RECORD


def test_row_version_decides_before_the_revision() -> None:
    assert RECORD.order == (12, 1)
    assert replace(RECORD, row_version=13, revision=0).order > RECORD.order
    assert replace(RECORD, revision=2).order > RECORD.order


def _with(**changed: Any) -> bytes:
    return json.dumps({**json.loads(RECORD.to_json()), **changed}).encode()


def _file(**changed: Any) -> bytes:
    (first, _) = json.loads(RECORD.to_json())["files"]
    return _with(files=[{**first, **changed}])


WRONG: dict[str, bytes] = {
    "no JSON": b"{",
    "no UTF-8": b"\xff",
    "no object": b"[]",
    "no format": b"{}",
    "nothing but a format": b'{"format": 1}',
    "a newer format": _with(format=2),
    "a table that has no name": _with(table="photos"),
    "a file whose size is text": _file(size_bytes="7"),
    "files that are none": _with(files=[7]),
    "a file without its fields": _with(files=[{}]),
    "an unknown state": _file(state="lost"),
    "rows without end": _file(rows=[["S", 1, 10**15]]),
    "a range that is none": _file(rows=[["S", 1]]),
}


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG)
def test_record_that_is_none_is_an_error(value: bytes) -> None:
    with pytest.raises(RecordError):
        HeldRecord.from_json(value)
