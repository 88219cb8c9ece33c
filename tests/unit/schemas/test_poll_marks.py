"""Records of polls are read back as they were written, and what is none is refused."""

from __future__ import annotations

import json

import pytest

from schemas.errors import RecordError
from schemas.poll_marks import DONE, PollMark
from schemas.row_digests import row_digest

MARK = PollMark("public.v", DONE, 5, "topic", "aa", 7, "s", 1, "t0", 2**40, "2026-01-01", 3, 4, 5)


def test_mark_is_read_back() -> None:
    assert PollMark.from_json(MARK.to_json()) == MARK
    assert MARK.record_key == b"poll:public.v"


@pytest.mark.parametrize("change", [{"state": "?"}, {"table": "v"}, {"format": 2}, {"below_version": "5"}])
def test_what_is_no_mark_is_refused(change) -> None:
    with pytest.raises(RecordError):
        PollMark.from_json(json.dumps(json.loads(MARK.to_json()) | change).encode())


def test_digest_depends_on_row_schema_and_what_is_left_out() -> None:
    found = {
        row_digest(b"f" * 8, b"row"),
        row_digest(b"g" * 8, b"row"),
        row_digest(b"f" * 8, b"other"),
        row_digest(b"f" * 8, b"row", [("a", "why")]),
        row_digest(b"f" * 8, b"row", [("a", "other")]),
    }
    assert len(found) == 5
    assert {len(each) for each in found} == {16}
