"""Sizes of snapshot chunks, and which of their rows are published."""

from __future__ import annotations

import pytest

from cdc_reader.snapshot.chunks import ChunkSize
from cdc_reader.snapshot.window import ChunkRows, Window, sweep_looks_wrong


@pytest.mark.rule("S3")
def test_s3_chunks_are_bounded_by_bytes_too() -> None:
    size = ChunkSize(10_000, 1_000_000)
    size.read(500, 5_000_000)
    assert size.rows == 100


def test_chunks_grow_fourfold_at_most_and_never_above_the_bound() -> None:
    size = ChunkSize(10_000, 1_000_000_000)
    grown = []
    for _ in range(4):
        size.read(size.rows, 1_000)
        grown.append(size.rows)
    assert grown == [2_000, 8_000, 10_000, 10_000]


def test_rows_that_the_stream_overtook_are_dropped() -> None:
    window = Window(overtaken={b"2", b"9"})
    chunk = ChunkRows(rows=[(b"1", b"one", ()), (b"2", b"two", ())], size=6, complete=True, absent=[b"8", b"9"])
    assert list(window.surviving(chunk)) == [(b"1", b"one", ())]
    assert list(window.gone(chunk)) == [b"8"]


@pytest.mark.rule("S7")
def test_s7_sweep_of_under_half_the_rows_looks_wrong() -> None:
    assert sweep_looks_wrong(49, expected=100)
    assert not sweep_looks_wrong(50, expected=100)
    assert not sweep_looks_wrong(0, expected=0)
