"""One poll of one table goes from rows to keys to what is missing, and deletes nothing that looks wrong."""

from __future__ import annotations

import pytest

from cdc_reader.polling.plans import Kind, Moment, PollPlan
from cdc_reader.polling.table_poll import Step, TablePoll
from cdc_reader.snapshot.chunks import ChunkSize
from schemas.control import Command
from schemas.control import Kind as CommandKind
from tests.unit.cdc_reader.polling.polled import polled

TABLE = polled()
MOMENT = Moment("s1", 1, "started", 1, 2, 3)


def poll(kind: Kind, condition: str | None = None, **more) -> TablePoll:
    return TablePoll(TABLE, PollPlan(kind, condition=condition), MOMENT, 1, more.pop("known", 0), ChunkSize(10, 1000))


@pytest.mark.rule("L1")
def test_l1_changes_are_followed_by_every_key() -> None:
    found = poll(Kind.CHANGED, "changed")
    assert found.next_chunk(1).query.count("(changed)") == 1
    found.chunk_read(3, 30, ("3",), complete=False, seen_lsn=5)
    assert "OPERATOR(pg_catalog.>) ('3'::bigint)" in found.next_chunk(1).query
    found.chunk_read(1, 10, ("4",), complete=True, seen_lsn=4)
    assert (found.step, found.last_key) == (Step.KEYS, None)
    keys = found.next_chunk(1)
    assert "changed" not in keys.query
    assert '"name"' not in keys.query
    found.chunk_read(2, 10, ("9",), complete=True, seen_lsn=7)
    assert (found.step, found.found, found.rows_read, found.seen_lsn) == (Step.MISSING, 2, 4, 7)


@pytest.mark.rule("L1")
def test_l1_a_whole_read_has_seen_every_key() -> None:
    found = poll(Kind.WHOLE)
    found.chunk_read(5, 30, ("5",), complete=True, seen_lsn=5)
    assert (found.step, found.found) == (Step.MISSING, 5)


def test_a_chunk_cut_before_its_first_row_begins_again() -> None:
    found = poll(Kind.WHOLE)
    found.chunk_read(1, 1, ("1",), complete=False, seen_lsn=1)
    found.chunk_read(0, 0, None, complete=False, seen_lsn=1)
    assert found.last_key == ("1",)


@pytest.mark.rule("S7")
def test_s7_more_than_half_of_many_rows_look_wrong() -> None:
    found = poll(Kind.WHOLE, known=300)
    assert [found.looks_wrong(missing) for missing in (100, 150, 151, 300)] == [False, False, True, True]
    few = poll(Kind.WHOLE, known=100)
    assert not few.looks_wrong(100)


@pytest.mark.rule("S7")
def test_s7_an_operator_insists() -> None:
    found = poll(Kind.FIRST, known=300)
    found.commands = [Command("c", CommandKind.SWEEP, ("public.v",), "me", 1, force=True)]
    assert not found.looks_wrong(300)
