"""What a work fetches when it starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from file_fetcher.references.changes import Holds
from file_fetcher.references.retries import Retry
from file_fetcher.settling.reference_diff import Change
from file_fetcher.settling.settlement import settle
from file_fetcher.work import Again, Fetch, Outcome, Row
from file_fetcher.work_plan import WorkPlan, plan
from schemas.file_state import HeldRecord
from tests.unit.file_fetcher.rows import OWN_TOPICS, TOPIC, done, reference, row, work

FILE = "photos/7/image_s3_key"
LATER = Again(1, 60_000, "not_found", "s3:photos")
RETRY = Retry(FILE, "photos/7", "public.photos", 4, 10, 1, 60_000, TOPIC, b"7", b"event")


def held(of: Row, outcome: Outcome | None = None) -> HeldRecord:
    """What is remembered of a row after an event."""
    changes = settle(done(work(of), outcome), None, OWN_TOPICS, 1_000).changes
    (record,) = [change.record for change in changes if isinstance(change, Holds)]
    return record


def test_new_and_changed_references_are_fetched_and_the_same_are_not() -> None:
    same, new = reference("https://h/a.pdf", "url"), reference("b.pdf")
    before = held(row(10, same, reference("a.pdf")))
    assert plan(work(row(11, same, new)), before, (), 9_000) == WorkPlan(
        {FILE: Fetch(new, 0, 9_000)}, {Change.SAME: 1, Change.GONE: 0, Change.CHANGED: 1}
    )


def test_everything_of_a_row_of_which_nothing_is_remembered_is_new() -> None:
    new = reference("a.pdf")
    planned = plan(work(row(10, new)), None, (), 9_000)
    assert planned == WorkPlan({FILE: Fetch(new, 0, 9_000)}, {Change.SAME: 0, Change.GONE: 0, Change.NEW: 1})


@pytest.mark.parametrize("version", [9, 10])
def test_event_that_is_no_newer_than_what_is_remembered_fetches_nothing(version: int) -> None:
    assert plan(work(row(version, reference("b.pdf"))), held(row(10, reference("a.pdf"))), (), 0) == WorkPlan()


def test_lost_retry_goes_on_with_its_attempts() -> None:
    """Else a file that is not there would be asked for without end."""
    waiting = held(row(10, reference()), replace(LATER, attempt=3))
    planned = plan(work(row(11, reference())), waiting, {FILE}, 9_000)
    assert planned.fetches == {FILE: Fetch(reference(), 3, 1_000)}


@pytest.mark.rule("V9")
@pytest.mark.parametrize(
    ("of", "retry", "fetches"),
    {
        "it waits": (row(10, reference()), RETRY, {FILE: Fetch(reference(), 1, 1_000)}),
        "for another version": (row(10, reference()), replace(RETRY, row_version=9), {}),
        "for another attempt": (row(10, reference()), replace(RETRY, attempt=2), {}),
        "its column refers to nothing": (row(10), RETRY, {}),
    }.values(),
    ids=["it waits", "for another version", "for another attempt", "its column refers to nothing"],
)
def test_v9_retry_fetches_what_waits_for_just_it(of: Row, retry: Retry, fetches: dict[str, Fetch]) -> None:
    """Red when `waiting_file` looks at the file's id alone."""
    assert plan(work(of, retry), held(row(10, reference()), LATER), (), 9_000).fetches == fetches


@pytest.mark.rule("V9")
def test_v9_retry_of_a_row_that_ended_fetches_nothing() -> None:
    """Red when `_of_retry` does without the memory of the row."""
    assert plan(work(row(10, reference()), RETRY), None, (), 0) == WorkPlan()
