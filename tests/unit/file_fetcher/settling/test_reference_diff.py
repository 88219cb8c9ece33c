from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from file_fetcher.settling.file_identity import digest, location_digest
from file_fetcher.settling.reference_diff import Change, compare, same_references, says_all_of
from schemas.file_references import FileReference
from schemas.file_state import HeldFile, HeldRecord, State
from tests.unit.file_fetcher.rows import reference, row

LINK = "https://files.example.com/a.pdf"
SIGNED = f"{LINK}?X-Amz-Signature=01"
SIGNED_ANEW = f"{LINK}?X-Amz-Signature=02"


def _held(of: FileReference, state: State = State.FETCHED, project: str = "", **more: Any) -> HeldFile:
    return HeldFile(
        of.file_id,
        of.column,
        of.key,
        of.kind.value,
        10,
        state,
        of.entry,
        place=location_digest(of.location),
        context=digest(project),
        **more,
    )


def _record(*files: HeldFile) -> HeldRecord:
    return HeldRecord("photos/7", "public.photos", 4, 10, 0, files)


def test_references_of_a_row_that_nothing_is_known_of_are_new() -> None:
    first, second = reference("a.pdf"), reference("b.pdf", "plan_s3_key")
    difference = compare(None, row(11, first, second))
    assert difference.fetch == ((first, Change.NEW), (second, Change.NEW))
    assert (difference.same, difference.gone) == ((), ())


def test_reference_that_stays_is_not_fetched_again() -> None:
    file = _held(reference())
    difference = compare(_record(file), row(11, reference()))
    assert (difference.fetch, difference.same, difference.gone) == ((), (file,), ())


def test_other_key_is_fetched() -> None:
    changed = reference("b.pdf")
    difference = compare(_record(_held(reference("a.pdf"))), row(11, changed))
    assert difference.fetch == ((changed, Change.CHANGED),)
    assert (difference.same, difference.gone) == ((), ())


def test_reference_that_the_row_no_longer_has_is_gone() -> None:
    stays, goes = _held(reference("a.pdf", "plans_s3_keys", "a")), _held(reference("b.pdf", "plans_s3_keys", "b"))
    difference = compare(_record(stays, goes), row(11, reference("a.pdf", "plans_s3_keys", "a")))
    assert (difference.fetch, difference.same, difference.gone) == ((), (stays,), (goes,))


def test_row_without_references_ends_all() -> None:
    file = _held(reference())
    assert compare(_record(file), row(11)).gone == (file,)


@pytest.mark.rule("P8")
def test_p8_nothing_is_concluded_of_a_column_that_an_event_could_not_carry() -> None:
    file = _held(reference())
    difference = compare(_record(file), row(11, unknown=frozenset({"image_s3_key"})))
    assert (difference.fetch, difference.same, difference.gone) == ((), (file,), ())


def test_other_project_is_fetched_again_since_it_stands_in_the_result() -> None:
    difference = compare(_record(_held(reference(), project="1")), row(11, reference(), project_id="2"))
    assert [change for _, change in difference.fetch] == [Change.CHANGED]
    assert compare(_record(_held(reference(), project="1")), row(11, reference(), project_id="1")).fetch == ()


def test_key_that_becomes_a_link_is_fetched() -> None:
    file = replace(_held(reference("a.pdf")), key="s3://b/a.pdf")
    assert compare(_record(file), row(11, reference("s3://b/a.pdf"))).fetch


SIGNATURES = {
    "fetched": (State.FETCHED, "", False),
    "skipped for what it is": (State.SKIPPED, "too_large", False),
    "skipped, since it had expired": (State.SKIPPED, "url_expired", True),
    "failed": (State.FAILED, "access_denied", True),
    "waits for a retry": (State.RETRYING, "access_denied", True),
}


@pytest.mark.parametrize(("state", "reason", "again"), SIGNATURES.values(), ids=SIGNATURES)
def test_link_that_is_signed_anew_is_fetched_only_where_the_old_one_did_not_lead_to_it(
    state: State, reason: str, again: bool
) -> None:
    file = _held(reference(SIGNED, "url"), state, reason=reason)
    difference = compare(_record(file), row(11, reference(SIGNED_ANEW, "url")))
    assert bool(difference.fetch) is again
    assert bool(difference.same) is not again


@pytest.mark.parametrize("state", State)
def test_link_that_is_as_it_was_is_not_fetched_again(state: State) -> None:
    file = _held(reference(SIGNED, "url"), state, reason="url_expired")
    assert compare(_record(file), row(11, reference(SIGNED, "url"))).fetch == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{LINK}?id=5", f"{LINK}?id=6"),
        ("s3://b/a.pdf?versionId=1", "s3://b/a.pdf?versionId=2"),
        (f"{LINK}?id=5&X-Amz-Signature=01", f"{LINK}?id=6&X-Amz-Signature=01"),
    ],
)
@pytest.mark.parametrize("state", State)
def test_link_whose_query_means_another_file_is_fetched(before: str, after: str, state: State) -> None:
    file = _held(reference(before, "url"), state, reason="too_large")
    assert compare(_record(file), row(11, reference(after, "url"))).fetch


def test_file_whose_retry_is_lost_is_fetched_anew() -> None:
    file = _held(reference(), State.RETRYING)
    assert compare(_record(file), row(11, reference())).same == (file,)
    assert compare(_record(file), row(11, reference()), frozenset({file.file_id})).fetch


def test_two_rows_want_the_same_where_files_locations_and_project_are_the_same() -> None:
    first = row(10, reference("a.pdf"), reference("b.pdf", "plan_s3_key"), project_id="1")
    assert same_references(first, row(11, reference("b.pdf", "plan_s3_key"), reference("a.pdf"), project_id="1"))
    assert not same_references(first, row(11, reference("a.pdf"), project_id="1"))
    assert not same_references(row(10, reference(SIGNED)), row(11, reference(SIGNED_ANEW)))
    assert not same_references(row(10, reference(), project_id="1"), row(11, reference(), project_id="2"))
    assert same_references(row(10, project_id="1"), row(11, project_id="2"))


def test_newer_event_says_all_that_an_older_one_says_unless_it_lacks_a_column_or_is_older() -> None:
    lacks = frozenset({"image_s3_key"})
    assert says_all_of(row(11), row(10))
    assert says_all_of(row(11), row(10, unknown=lacks))
    assert says_all_of(row(11, unknown=lacks), row(10, unknown=lacks))
    assert not says_all_of(row(11, unknown=lacks), row(10))
    assert not says_all_of(row(9), row(10))


@pytest.mark.parametrize(
    ("state", "reread", "again"),
    [
        (State.FAILED, True, True),
        (State.FAILED, False, False),
        (State.SKIPPED, True, False),
        (State.FETCHED, True, False),
        (State.RETRYING, True, False),
    ],
)
def test_what_has_failed_is_tried_again_when_its_row_is_read_again(state: State, reread: bool, again: bool) -> None:
    difference = compare(_record(_held(reference(), state)), row(11, reference(), reread=reread))
    assert [change for _, change in difference.fetch] == ([Change.CHANGED] if again else [])
