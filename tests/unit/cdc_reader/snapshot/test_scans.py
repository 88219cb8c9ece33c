"""Rules S6, S7 and D1: when a scan goes on, begins again, and may sweep."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from cdc_reader.snapshot.chunks import ChunkSize
from cdc_reader.snapshot.scan_states import Phase
from cdc_reader.snapshot.scans import DONE, HELD, ReadResult, Scan, cause_of_scan, resumable
from cdc_reader.snapshot.window import ChunkRows
from schemas.names import TableName
from schemas.offsets import SnapshotProgress

PROGRESS = SnapshotProgress(
    table="public.items",
    state="running",
    cause="new",
    incarnation="one",
    below_version=5,
    oid=1,
    fingerprint="",
    rows=0,
    order="by id",
)
NOW = {"incarnation": "one", "oid": 1, "order": "by id"}


def table(oid: int = 1, order: str = "by id") -> Any:
    """What of a captured table tells whether its scan goes on."""
    return SimpleNamespace(entry=SimpleNamespace(oid=oid), read=SimpleNamespace(order=order))


def scan(**more: object) -> Scan:
    return Scan(TableName("public", "items"), "new", ChunkSize(100, 1_000_000), **more)  # type: ignore[arg-type]


def rows(*keys: bytes) -> list[tuple[bytes, bytes, tuple[tuple[str, str], ...]]]:
    return [(key, b"row", ()) for key in keys]


def test_scan_of_this_life_and_definition_goes_on() -> None:
    assert resumable(PROGRESS, table(), "one")
    assert cause_of_scan(replace(PROGRESS, state="done"), table(), "one") is None


OTHERS = {
    "S6: another life of the slot": ({"incarnation": "two"}, "the slot began again"),
    "D1: another OID": ({"oid": 2}, "the table was dropped and recreated"),
    "S8: another order": ({"order": "by text"}, "the table is read in another order"),
}


@pytest.mark.rule("S6", "S8", "D1")
@pytest.mark.parametrize(("change", "cause"), OTHERS.values(), ids=OTHERS)
def test_scan_of_before_begins_anew(change: dict[str, object], cause: str) -> None:
    now: dict[str, Any] = {**NOW, **change}
    incarnation = now.pop("incarnation")
    assert not resumable(PROGRESS, table(**now), incarnation)
    assert cause_of_scan(PROGRESS, table(**now), incarnation) == cause


@pytest.mark.rule("S8")
def test_s8_scan_of_a_reader_that_did_not_record_its_order_begins_anew() -> None:
    stored = replace(PROGRESS, order=None)
    assert cause_of_scan(stored, table(), "one") == "the table is read in another order"
    assert cause_of_scan(replace(stored, state="done"), table(), "one") is None, "what is done stays so"


def test_table_without_progress_is_new() -> None:
    assert cause_of_scan(None, table(), "one") == "the table is new to this pipeline"


def test_progress_moves_behind_the_rows_of_a_chunk() -> None:
    current = scan(progress=PROGRESS)
    current.chunk_done(ChunkRows(rows(b"1", b"2"), 6, complete=False), ("2",))
    assert current.progress is not None
    assert (current.progress.rows, current.progress.last_key) == (2, ("2",))


def test_scan_for_keys_ends_when_each_has_been_read_or_is_absent() -> None:
    current = scan(keys=[b"1", b"2", b"3"])
    cut_short = ChunkRows(rows(b"1"), 3, complete=False)
    current.chunk_done(cut_short, None)
    assert current.keys == [b"2", b"3"]
    assert not current.complete(cut_short)
    last = ChunkRows(rows(b"3"), 3, complete=True, absent=[b"2"])
    current.chunk_done(last, None)
    assert current.complete(last)


def test_new_attempt_forgets_the_one_before() -> None:
    current = scan(progress=PROGRESS)
    current.wait_for_low("first", 10.0)
    current.open_window("first", 20.0)
    assert current.waits_for is Phase.READING
    assert current.take(ReadResult("first", ChunkRows([], 0, complete=True)))
    assert current.waits_for is Phase.HIGH
    current.wait_for_low("second", 30.0)
    assert (current.phase, current.attempt) == (Phase.LOW, "second")
    assert current.window is None
    late = ReadResult("first", ChunkRows([], 0, complete=True))
    assert not current.take(late), "a worker that was late is not believed"
    assert current.result is None


SWEEPS = {
    "as many rows as ever": (100, 100, 0, False, DONE),
    "half the rows": (50, 100, 0, False, DONE),
    "fewer than half": (49, 100, 0, False, HELD),
    "fewer, but the stream saw the deletes": (20, 100, 70, False, DONE),
    "fewer, and an operator insists": (1, 100, 0, True, DONE),
    "the estimate, at the first scan": (40, None, 0, False, HELD),
}


@pytest.mark.rule("S7")
@pytest.mark.parametrize(("found", "known", "deletes", "forced", "state"), SWEEPS.values(), ids=SWEEPS)
def test_s7_sweep_follows_a_scan_that_looks_right(
    found: int, known: int | None, deletes: int, forced: bool, state: str
) -> None:
    current = scan(progress=replace(PROGRESS, rows=found, complete_rows=known), deletes_seen=deletes)
    assert current.finish(row_estimate=100, forced=forced).state == state
    assert current.phase is Phase.OVER


@pytest.mark.rule("S7")
def test_s7_held_sweep_does_not_lower_what_is_expected() -> None:
    current = scan(progress=replace(PROGRESS, rows=10, complete_rows=100))
    assert current.finish(row_estimate=0, forced=False).complete_rows == 100
