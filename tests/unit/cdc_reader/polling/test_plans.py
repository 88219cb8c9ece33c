"""Rule L1: what the next poll of a table reads follows from what was read before, and where."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc_reader.polling.plans import Kind, Life, Moment, PollTerms, marked, poll_plan, written_since
from schemas.poll_marks import DONE, HELD, RUNNING, PollMark
from tests.unit.cdc_reader.polling.polled import polled

TABLE = polled()
VIEW = polled(kind="v")
TIMED = polled("at", kind="v")
DAY_US = 86_400_000_000
NOW = Moment("s1", 1, "started", horizon=1_000, next_xid=1_010, clock_us=10 * DAY_US, newest="2026-01-02")
TERMS = PollTerms(whole_interval_s=86_400, overlap_s=60)
FINGERPRINT = TABLE.definition
DONE_BEFORE = PollMark(
    "public.v", DONE, 500, "topic-1", FINGERPRINT, 7, "s1", 1, "started", 900, "2026-01-01", 9 * DAY_US, 9 * DAY_US + 1
)
DONE_BEFORE = replace(DONE_BEFORE, incarnation="life-1")
LIFE = Life("life-1", "topic-1")


def plan(table=TABLE, mark=DONE_BEFORE, moment=NOW, **more):
    return poll_plan(table, mark, moment, TERMS, **{"life": LIFE, **more})


@pytest.mark.rule("L1")
def test_l1_rows_written_since_the_horizon_are_read() -> None:
    found = plan()
    assert (found.kind, found.condition) == (Kind.CHANGED, written_since(900))


@pytest.mark.rule("L1")
def test_l1_rows_behind_the_newest_are_read_where_there_is_no_xmin() -> None:
    found = plan(TIMED)
    assert found.kind is Kind.CHANGED
    assert found.condition == (
        "r.\"at\" OPERATOR(pg_catalog.>=) ('2026-01-01'::pg_catalog.timestamptz OPERATOR(pg_catalog.-) "
        "'60.000000 seconds'::pg_catalog.interval) OR r.\"at\" IS NULL"
    )


FIRST = {
    "never read": ({"mark": None}, "the table is new to this pipeline"),
    "cut off": ({"mark": replace(DONE_BEFORE, state=RUNNING)}, "the first read was cut off"),
    "another topic": ({"life": Life("life-1", "topic-2")}, "its topic was made again"),
    "another life of the slot": ({"life": Life("life-2", "topic-1")}, "the slot began again"),
    "asked for": ({"again": True}, "it was asked for"),
}


@pytest.mark.rule("L1")
@pytest.mark.parametrize(("case", "cause"), FIRST.values(), ids=FIRST)
def test_l1_every_row_is_published_first(case: dict, cause: str) -> None:
    found = plan(**case)
    assert (found.kind, found.cause, found.condition) == (Kind.FIRST, cause, None)


WHOLE = {
    "a view": ({"table": VIEW}, "nothing tells which rows changed"),
    "another definition": ({"mark": replace(DONE_BEFORE, fingerprint="00")}, "the definition of the table changed"),
    "recreated": ({"mark": replace(DONE_BEFORE, oid=8)}, "the definition of the table changed"),
    "another server": (
        {"moment": replace(NOW, system_id="s2")},
        "the server is another one, or was started again",
    ),
    "another timeline": ({"moment": replace(NOW, timeline=2)}, "the server is another one, or was started again"),
    "restored, on its timeline": (
        {"moment": replace(NOW, started_at="later")},
        "the server is another one, or was started again",
    ),
    "clock set back": ({"moment": replace(NOW, clock_us=9 * DAY_US - 1)}, "the clock of the server was set back"),
    "long ago": ({"mark": replace(DONE_BEFORE, whole_at_us=9 * DAY_US)}, "it was not read whole for long"),
    "behind what was read": (
        {"moment": replace(NOW, next_xid=899)},
        "the server has not come to the transactions that were read",
    ),
    "wrapped around": (
        {"moment": replace(NOW, next_xid=900 + 2**31)},
        "transaction ids have wrapped around since",
    ),
    "no horizon": ({"mark": replace(DONE_BEFORE, horizon=None)}, "nothing tells which rows changed since"),
    "no rows by time": ({"table": TIMED, "mark": replace(DONE_BEFORE, newest=None)}, "it had no rows"),
}


@pytest.mark.rule("L1")
@pytest.mark.parametrize(("case", "cause"), WHOLE.values(), ids=WHOLE)
def test_l1_all_rows_are_compared_where_changes_cannot_be_told(case: dict, cause: str) -> None:
    found = plan(**case)
    assert (found.kind, found.cause, found.condition) == (Kind.WHOLE, cause, None)


@pytest.mark.rule("L1")
def test_l1_one_below_the_half_is_still_told_by_xmin() -> None:
    assert plan(moment=replace(NOW, next_xid=899 + 2**31)).kind is Kind.CHANGED


def test_a_held_poll_goes_on_by_changes() -> None:
    assert plan(mark=replace(DONE_BEFORE, state=HELD)).kind is Kind.CHANGED


@pytest.mark.rule("L1")
def test_l1_mark_of_changes_keeps_when_the_table_was_read_whole() -> None:
    mark = marked(TABLE, plan(), DONE_BEFORE, NOW, rows=12)
    assert mark == replace(DONE_BEFORE, horizon=1_000, newest="2026-01-02", read_at_us=10 * DAY_US, rows=12)
    whole = marked(VIEW, plan(VIEW), DONE_BEFORE, NOW, rows=12)
    assert (whole.whole_at_us, whole.horizon) == (10 * DAY_US, None)


def test_column_that_tells_no_newer_rows_is_named() -> None:
    assert polled("name", kind="v").unusable == "expected a column of a date or a time, got 'name'"
    assert polled("at").unusable == "its rows tell themselves which were written: xmin"
    assert TIMED.unusable == ""


def test_condition_is_added_to_the_row_filter() -> None:
    filtered = replace(TABLE, table=replace(TABLE.table, read=replace(TABLE.table.read, filter="id > 3")))
    assert filtered.changed("x").read.filter == "(id > 3) AND (x)"
    assert TABLE.changed("x").read.filter == "x"
