"""Statements that read rows."""

from __future__ import annotations

import pytest

from cdc_reader.postgres.row_queries import ReadPlan, literal

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


@pytest.mark.rule("S5")
def test_s5_row_filter_applies_to_every_read() -> None:
    plan = ReadPlan('"t"', ('"id"',), ('"id"',), ("text",), filter="live")
    assert "WHERE (live) AND (\"id\") > ('x'::text)" in plan.range_query(("x",), 5)
    assert "WHERE (live) AND (\"id\") IN (('x'::text), ('y'::text))" in plan.keys_query([("x",), ("y",)])


def test_literals_cannot_end_early() -> None:
    assert literal("a'b") == "'a''b'"
    assert literal("a\\'b") == " E'a\\\\''b'"
