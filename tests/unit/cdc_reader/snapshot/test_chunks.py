"""Statements and sizes of snapshot chunks."""

from __future__ import annotations

from cdc_reader.snapshot.chunks import ChunkSize, ReadPlan, literal
from cdc_reader.snapshot.window import ChunkRows, Window, sweep_looks_wrong

PLAN = ReadPlan('ONLY "public"."a""b"', ('"id"', '"tags"::text'), ('"id"', '"day"'), ("bigint", "date"))


def test_first_chunk_begins_at_the_start() -> None:
    assert PLAN.range_query(None, 10) == (
        'COPY (SELECT "id", "tags"::text FROM ONLY "public"."a""b" ORDER BY "id", "day" LIMIT 10)'
        " TO STDOUT (FORMAT binary)"
    )


def test_next_chunk_begins_behind_the_last_key() -> None:
    assert "WHERE (\"id\", \"day\") > ('7'::bigint, '2024-01-01'::date) ORDER BY" in PLAN.range_query(
        ("7", "2024-01-01"), 10
    )


def test_s5_row_filter_applies_to_every_read() -> None:
    plan = ReadPlan('"t"', ('"id"',), ('"id"',), ("text",), filter="live")
    assert "WHERE (live) AND (\"id\") > ('x'::text)" in plan.range_query(("x",), 5)
    assert "WHERE (live) AND (\"id\") IN (('x'::text), ('y'::text))" in plan.keys_query([("x",), ("y",)])


def test_literals_cannot_end_early() -> None:
    assert literal("a'b") == "'a''b'"
    assert literal("a\\'b") == " E'a\\\\''b'"


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
    window = Window("attempt", overtaken={b"2", b"9"})
    chunk = ChunkRows(rows=[(b"1", b"one", ()), (b"2", b"two", ())], size=6, complete=True, absent=[b"8", b"9"])
    assert list(window.surviving(chunk)) == [(b"1", b"one", ())]
    assert list(window.gone(chunk)) == [b"8"]


def test_s7_sweep_of_under_half_the_rows_looks_wrong() -> None:
    assert sweep_looks_wrong(49, expected=100)
    assert not sweep_looks_wrong(50, expected=100)
    assert not sweep_looks_wrong(0, expected=0)
