"""Rows as COPY text."""

from __future__ import annotations

import pytest

from devstack.sample.copy_text import copy_chunks, copy_line

LINES = {
    "null": ((None, "x"), "\\N\tx\n"),
    "empty text": (("", ""), "\t\n"),
    "text that looks like null": (("\\N",), "\\\\N\n"),
    "separators": (("a\tb\nc\rd",), "a\\tb\\nc\\rd\n"),
    "backslash before n": (("\\n",), "\\\\n\n"),
    "end marker": (("\\.",), "\\\\.\n"),
    "control character": (("\x01",), "\x01\n"),
}


@pytest.mark.parametrize(("row", "line"), LINES.values(), ids=LINES)
def test_row_is_escaped(row: tuple[str | None, ...], line: str) -> None:
    assert copy_line(row) == line


def test_chunks_hold_whole_rows_in_order() -> None:
    rows = [(str(number), "x" * 50_000) for number in range(7)]
    chunks = list(copy_chunks(rows))
    assert [chunk.count(b"\n") for chunk in chunks] == [3, 3, 1]
    assert b"".join(chunks) == "".join(copy_line(row) for row in rows).encode()


def test_no_rows_give_no_chunk() -> None:
    assert list(copy_chunks([])) == []
