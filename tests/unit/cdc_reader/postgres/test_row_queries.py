"""Statements that read rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc_reader.postgres.key_order import KeyColumn, Operators, literal
from cdc_reader.postgres.row_queries import ReadPlan, confirmed, streamed
from tests.unit.cdc_reader.discovery.catalogs import key_column

PLAN = ReadPlan('ONLY "public"."a""b"', ('"id"', '"tags"'), (key_column("id", "bigint"),), frozenset({'"tags"'}))
PAIR = ReadPlan('"t"', ('"id"', '"day"'), (key_column("id", "bigint"), key_column("day", "date")))
CODE = KeyColumn(
    '"code"',
    "ext.ci",
    "ext.ci",
    Operators("ext.<", "ext.=", "ext.>=", "ext.>"),
    'ext."of words"',
)


@pytest.mark.rule("S8")
def test_s8_first_chunk_begins_at_the_start() -> None:
    assert PLAN.range_query(None, 10) == (
        'COPY (SELECT r."id",'
        ' CASE WHEN r."tags" IS DISTINCT FROM NULL THEN pg_catalog.format(\'%s\', r."tags") END,'
        ' (row_number() OVER () = 1 OR ((r."id"::bigint) OPERATOR(pg_catalog.>) (lag(r."id"::bigint) OVER ())))'
        ' FROM (SELECT r."id", r."tags" FROM ONLY "public"."a""b" AS r'
        ' ORDER BY r."id"::bigint USING OPERATOR(pg_catalog.<) LIMIT 10) AS r)'
        " TO STDOUT (FORMAT binary)"
    )


@pytest.mark.rule("S8")
def test_s8_next_chunk_begins_behind_the_last_key_by_the_operator_that_orders() -> None:
    plan = ReadPlan('"t"', ('"code"',), (CODE,))
    assert plan.range_query(("x",), 10) == (
        'COPY (SELECT r."code", ((r."code"::ext.ci COLLATE ext."of words") OPERATOR(ext.>)'
        ' (lag(r."code"::ext.ci COLLATE ext."of words", 1, \'x\'::ext.ci) OVER ()))'
        ' FROM (SELECT r."code" FROM "t" AS r'
        ' WHERE ((r."code"::ext.ci COLLATE ext."of words") OPERATOR(ext.>) (\'x\'::ext.ci))'
        ' ORDER BY r."code"::ext.ci COLLATE ext."of words" USING OPERATOR(ext.<) LIMIT 10) AS r)'
        " TO STDOUT (FORMAT binary)"
    )


def test_keys_of_several_columns_are_compared_as_rows() -> None:
    assert (
        "WHERE ((r.\"id\"::bigint, r.\"day\"::date) OPERATOR(pg_catalog.>) ('7'::bigint, '2024-01-01'::date)) ORDER BY"
        in PAIR.range_query(("7", "2024-01-01"), 10)
    )


def test_keys_whose_operators_have_several_names_are_compared_column_by_column() -> None:
    plan = ReadPlan('"t"', (), (key_column("id", "bigint"), CODE))
    code = 'r."code"::ext.ci COLLATE ext."of words"'
    assert (
        "WHERE (r.\"id\"::bigint OPERATOR(pg_catalog.>=) '7'::bigint"
        " AND (r.\"id\"::bigint OPERATOR(pg_catalog.>) '7'::bigint"
        f" OR (r.\"id\"::bigint OPERATOR(pg_catalog.=) '7'::bigint AND {code} OPERATOR(ext.>) 'x'::ext.ci)))"
        in plan.range_query(("7", "x"), 10)
    )


@pytest.mark.rule("S5")
def test_s5_row_filter_applies_to_every_read() -> None:
    plan = ReadPlan('"t"', ('"id"',), (key_column("id", "text"),), filter="live")
    assert "WHERE (live) AND ((r.\"id\"::text) OPERATOR(pg_catalog.>) ('x'::text))" in plan.range_query(("x",), 5)
    assert (
        "WHERE (live) AND r.\"id\"::text OPERATOR(pg_catalog.=) ANY (ARRAY['x'::text, 'y'::text])"
        in plan.keys_query([("x",), ("y",)])
    )


PARTED = replace(PAIR, leaves=(16400, 16407))
STREAMED = "r.tableoid OPERATOR(pg_catalog.=) ANY ('{16400,16407}'::pg_catalog.oid[])"


@pytest.mark.rule("S5", "D3")
def test_s5_server_says_of_each_row_of_a_range_whether_its_leaf_is_streamed() -> None:
    """A condition below the limit would have each chunk go through the whole of a leaf that waits."""
    query = PARTED.range_query(None, 10)
    assert query.startswith(f'COPY (SELECT r."id", r."day", {STREAMED}, (row_number() OVER () = 1 OR ')
    assert 'FROM (SELECT r."id", r."day", r.tableoid FROM "t" AS r ORDER BY ' in query
    assert query.count("tableoid") == 2


@pytest.mark.rule("S5", "D3")
def test_s5_single_keys_are_those_of_streamed_leaves() -> None:
    """The planner is kept from asking it of each leaf."""
    query = replace(PARTED, filter="live").keys_query([("7", "x")])
    assert query.startswith(
        'COPY (SELECT r."id", r."day" FROM (SELECT r."id", r."day", r.tableoid FROM "t" AS r WHERE '
    )
    assert query.endswith(f" OFFSET 0) AS r WHERE {STREAMED}) TO STDOUT (FORMAT binary)")
    assert "WHERE (live) AND ((r." in query


def test_single_keys_of_several_columns_are_compared_one_by_one() -> None:
    assert (
        "((r.\"id\"::bigint OPERATOR(pg_catalog.=) '7'::bigint AND r.\"day\"::date OPERATOR(pg_catalog.=) 'x'::date)"
        in PAIR.keys_query([("7", "x")])
    )


def copied(*words: bytes) -> list[bytes]:
    return [b"\0\2\0\0\0\1a" + word for word in words]


YES, NO, NULL = b"\0\0\0\1\1", b"\0\0\0\1\0", b"\xff\xff\xff\xff"


@pytest.mark.rule("S8")
@pytest.mark.parametrize("word", [NO, NULL], ids=["no", "null"])
def test_s8_one_row_that_the_server_does_not_confirm_voids_all(word: bytes) -> None:
    assert confirmed(copied(YES, YES)) == [b"\0\1\0\0\0\1a"] * 2
    assert confirmed([]) == []
    assert confirmed(copied(YES, word, YES)) is None


@pytest.mark.rule("S5", "D3")
def test_s5_word_on_the_leaf_of_each_row_is_taken_off() -> None:
    assert streamed(copied(YES, NO, YES)) == ([b"\0\1\0\0\0\1a"] * 3, [True, False, True])
    assert streamed([]) == ([], [])


def test_literals_cannot_end_early() -> None:
    assert literal("a'b") == "'a''b'"
    assert literal("a\\'b") == " E'a\\\\''b'"
