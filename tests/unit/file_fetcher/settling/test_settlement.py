from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from file_fetcher.references.changes import Ended, Holds, NoLongerWaits, Waits
from file_fetcher.references.retries import Retry
from file_fetcher.settling.settlement import Settlement, settle, settle_floor, waiting_file
from file_fetcher.settling.writes import Write
from file_fetcher.work import Again, Outcome, ParsedRow, Row, Work
from schemas.file_results import FileResult, FileRow, Status
from schemas.file_state import HeldRecord, State
from tests.unit.file_fetcher.rows import OWN_TOPICS, TOPICS, done, failed, got, reference, row, skipped, work

NOW_MS = 1_700_000_100_000
IMAGE = "photos/7/image_s3_key"
AGAIN = Again(1, NOW_MS + 5_000, "not_found", "s3:photos")
RETRIES = "cdc._retry.rowferry-file-fetcher"
LETTERS = "cdc._dlq.rowferry-file-fetcher"


def _settle(of: Work, held: HeldRecord | None = None) -> Settlement:
    return settle(of, held, OWN_TOPICS, NOW_MS)


def _changed(of: Row, held: HeldRecord | None = None, outcome: Outcome | None = None) -> Settlement:
    return _settle(done(work(of), outcome), held)


def _held(settlement: Settlement) -> HeldRecord:
    (change,) = (each for each in settlement.changes if isinstance(each, Holds))
    return change.record


def _remembered(version: int = 10, outcome: Outcome | None = None, **more: Any) -> HeldRecord:
    """What is remembered after an event of row 7."""
    return _held(_changed(row(version, reference(), **more), outcome=outcome))


def _to(topic: str, writes: Iterable[Write]) -> list[Write]:
    return [each for each in writes if each.topic == topic]


def _results(settlement: Settlement) -> list[FileResult]:
    return [FileResult.from_json(each.value or b"") for each in _to("cdc._files", settlement.all_writes())]


def _rows(settlement: Settlement) -> list[FileRow]:
    return [FileRow.from_json(each.value or b"") for each in _to("cdc._file_rows", settlement.all_writes())]


def _retry(held: HeldRecord, attempt: int = 1) -> Retry:
    (file,) = held.files
    return Retry(file.file_id, "photos/7", held.table, 4, file.version, attempt, 0, "cdc.public.photos", b"7", b"event")


def test_f3_file_that_was_fetched_becomes_a_result_of_the_rows_version() -> None:
    settlement = _changed(row(10, reference("plans/a.pdf"), project_id="3", committed_ms=1_699_999_999_000))
    (result,) = _results(settlement)
    assert result.file_id == IMAGE
    assert (result.version, result.row_version, result.attempt) == (40_960, 10, 0)
    assert (result.status, result.reason, result.bucket) == (Status.FETCHED, "", "photos")
    assert (result.key, result.file_name, result.project_id) == ("plans/a.pdf", "a.pdf", "3")
    assert (result.ended_at_ms, result.row_committed_ms) == (NOW_MS, 1_699_999_999_000)
    assert result.content is not None
    assert result.content.size_bytes == 12
    assert result.extraction is not None
    assert result.provenance.record_id == "photos/7"
    assert (result.provenance.table, result.provenance.source_table) == ("public.photos", "photos")
    assert (result.provenance.column, result.provenance.kind) == ("image_s3_key", "s3_key")
    assert result.provenance.relationship_type == "image"


def test_row_remembers_what_it_holds() -> None:
    held = _held(_changed(row(10, reference("plans/a.pdf"))))
    assert (held.record_id, held.table, held.partition, held.order) == ("photos/7", "public.photos", 4, (10, 0))
    (file,) = held.files
    assert (file.file_id, file.key, file.version, file.state) == (IMAGE, "plans/a.pdf", 10, State.FETCHED)
    assert (file.size_bytes, file.sha256, file.attempt) == (12, "ab" * 32, 0)


def test_f2_everything_goes_to_the_partition_of_the_rows_state() -> None:
    outcomes: dict[str, Outcome] = {"image_s3_key": got([("S", 1, 1)]), "plan_s3_key": failed(), "file_s3_key": AGAIN}
    of = done(work(row(10, *(reference(column=column) for column in outcomes))))
    of.outcomes = {each.file_id: outcomes[each.column] for each in of.row.references}
    writes = list(_settle(of).all_writes())
    assert {each.topic for each in writes} == {"cdc._files", "cdc._file_rows", "cdc._file_refs", RETRIES, LETTERS}
    assert {each.partition for each in writes} == {1}


def test_what_the_local_store_is_told_is_what_the_topic_says() -> None:
    settlement = _changed(row(10, reference()))
    (write,) = _to("cdc._file_refs", settlement.all_writes())
    assert write.key == b"photos/7"
    assert HeldRecord.from_json(write.value or b"") == _held(settlement)


def test_file_that_is_skipped_says_why_and_is_no_dead_letter() -> None:
    settlement = _changed(row(10, reference()), outcome=skipped())
    (result,) = _results(settlement)
    assert (result.status, result.reason, result.detail) == (Status.SKIPPED, "too_large", "it has 101 bytes")
    assert result.content is None
    assert _held(settlement).files[0].state is State.SKIPPED
    assert not _to(LETTERS, settlement.all_writes())


def test_file_that_has_failed_is_a_result_and_a_dead_letter_that_names_it() -> None:
    settlement = _settle(done(work(row(10, reference())), failed(), attempt=6))
    (result,) = _results(settlement)
    assert (result.status, result.reason, result.version) == (Status.FAILED, "not_found", 40_966)
    (letter,) = _to(LETTERS, settlement.all_writes())
    headers = dict(letter.headers)
    assert (letter.key, letter.value) == (b"7", b"event")
    assert headers["rowferry.file_id"] == IMAGE.encode()
    assert headers["rowferry.attempt"] == b"7"
    assert headers["__connect.errors.stage"] == b"fetch"
    assert headers["__connect.errors.exception.message"] == b"not_found: no such object"


def test_file_that_is_tried_again_has_no_result_and_a_retry_with_its_event() -> None:
    settlement = _changed(row(10, reference()), outcome=AGAIN)
    assert _results(settlement) == []
    (write,) = _to(RETRIES, settlement.all_writes())
    assert (write.key, write.value) == (b"7", b"event")
    assert dict(write.headers) == {
        "rowferry.file_id": IMAGE.encode(),
        "rowferry.record_id": b"photos/7",
        "rowferry.attempt": b"1",
        "rowferry.not_before_ms": b"1700000105000",
        "rowferry.row_version": b"10",
        "rowferry.topic": b"cdc.public.photos",
        "rowferry.partition": b"4",
    }
    (file,) = _held(settlement).files
    assert (file.state, file.attempt, file.due_ms, file.reason) == (State.RETRYING, 1, NOW_MS + 5_000, "not_found")
    assert [type(each) for each in settlement.changes] == [Waits, Holds]
    assert settlement.retries == 1


def test_reference_that_stays_keeps_the_version_that_brought_it() -> None:
    settlement = _settle(done(work(row(12))), None)
    assert list(settlement.all_writes()) == []
    unchanged = done(work(row(12, reference())))
    unchanged.fetches, unchanged.outcomes = {}, {}
    settlement = _settle(unchanged, _remembered())
    assert _results(settlement) == []
    held = _held(settlement)
    assert (held.order, held.files[0].version, held.files[0].state) == ((12, 0), 10, State.FETCHED)


def test_new_signature_is_remembered_though_nothing_is_fetched() -> None:
    before = _held(_changed(row(10, reference("https://h/a.pdf?X-Amz-Signature=01", "url"))))
    unchanged = work(row(11, reference("https://h/a.pdf?X-Amz-Signature=02", "url")))
    unchanged.started = True
    held = _held(_settle(unchanged, before))
    assert held.files[0].place != before.files[0].place
    assert replace(held.files[0], place=before.files[0].place) == before.files[0]


@pytest.mark.parametrize("version", [10, 9])
def test_f3_event_that_is_not_newer_than_what_is_remembered_changes_nothing(version: int) -> None:
    settlement = _changed(row(version, reference("b.pdf")), _remembered(10))
    assert (list(settlement.all_writes()), settlement.changes) == ([], [])


def test_v3_reference_that_is_gone_stays_as_a_result_with_a_newer_version() -> None:
    settlement = _changed(row(11, reference("b.pdf", "plan_s3_key")), _remembered(10))
    gone, new = sorted(_results(settlement), key=lambda result: result.file_id)
    assert (gone.file_id, gone.status, gone.version, gone.row_version) == (IMAGE, Status.GONE, 45_056, 11)
    assert (gone.content, gone.attempt) == (None, 0)
    assert (new.file_id, new.status) == ("photos/7/plan_s3_key", Status.FETCHED)
    assert [file.file_id for file in _held(settlement).files] == ["photos/7/plan_s3_key"]


def test_row_that_holds_nothing_any_more_is_ended_by_a_tombstone_with_its_version() -> None:
    settlement = _changed(row(11), _remembered(10))
    (result,) = _results(settlement)
    assert (result.status, result.version) == (Status.GONE, 45_056)
    (tombstone,) = _to("cdc._file_refs", settlement.all_writes())
    assert (tombstone.key, tombstone.value) == (b"photos/7", None)
    assert tombstone.headers == (("rowferry.version", b"11"),)
    assert settlement.changes == [Ended("photos/7", 11)]


def test_p8_reference_of_a_column_that_could_not_be_carried_stays() -> None:
    settlement = _changed(row(11, unknown=frozenset({"image_s3_key"})), _remembered(10))
    assert _results(settlement) == []
    held = _held(settlement)
    assert (held.order, held.files) == ((11, 0), _remembered(10).files)


def test_p8_nothing_is_remembered_of_a_row_of_which_nothing_was_known() -> None:
    settlement = _changed(row(11, unknown=frozenset({"image_s3_key"})))
    assert (list(settlement.all_writes()), settlement.changes) == ([], [])


def test_rows_of_a_spreadsheet_carry_the_version_of_the_result() -> None:
    parsed = [ParsedRow("S", 2, {"Part": "bolt"}), ParsedRow("S", 3, {}, "too many columns")]
    outcome = got([("S", 2, 3)], open_rows=lambda: iter(parsed))
    settlement = _changed(row(10, reference("a.csv"), project_id="3"), outcome=outcome)
    assert _rows(settlement) == [
        FileRow(IMAGE, "photos/7", "S", 2, 40_960, {"Part": "bolt"}, file_name="a.csv", project_id="3"),
        FileRow(IMAGE, "photos/7", "S", 3, 40_960, {}, "too many columns", file_name="a.csv", project_id="3"),
    ]
    assert _held(settlement).files[0].rows == (("S", 2, 3),)


def test_rows_that_the_new_content_does_not_have_are_gone() -> None:
    before = _remembered(10, got([("S", 1, 3), ("T", 1, 1)]))
    settlement = _changed(row(11, reference("b.csv")), before, got([("S", 2, 2)]))
    found = {(each.sheet, each.row_number): (each.gone, each.version) for each in _rows(settlement)}
    assert found == {
        ("S", 1): (True, 45_056),
        ("S", 2): (False, 45_056),
        ("S", 3): (True, 45_056),
        ("T", 1): (True, 45_056),
    }


ENDS = {"skipped": skipped(), "failed": failed(), "fetched without rows": got()}


@pytest.mark.parametrize("outcome", ENDS.values(), ids=ENDS)
def test_all_rows_are_gone_with_their_content(outcome: Outcome) -> None:
    settlement = _changed(row(11, reference("b.csv")), _remembered(10, got([("S", 1, 2)])), outcome)
    assert [(each.row_number, each.gone, each.version) for each in _rows(settlement)] == [
        (1, True, 45_056),
        (2, True, 45_056),
    ]
    assert _held(settlement).files[0].rows == ()


def test_rows_of_the_old_content_stay_while_the_new_one_is_tried_again() -> None:
    before = _remembered(10, got([("S", 1, 2)]))
    waits = _changed(row(11, reference("b.csv")), before, AGAIN)
    assert _rows(waits) == []
    held = _held(waits)
    of = done(work(row(11, reference("b.csv")), _retry(held)), got([("S", 1, 1)]), attempt=1)
    assert [(each.row_number, each.gone, each.version) for each in _rows(_settle(of, held))] == [
        (1, False, 45_057),
        (2, True, 45_057),
    ]


def test_rows_of_a_reference_that_is_gone_while_it_waits_are_gone() -> None:
    waits = _held(_changed(row(11, reference("b.csv")), _remembered(10, got([("S", 1, 2)])), AGAIN))
    assert [each.row_number for each in _rows(_changed(row(12), waits)) if each.gone] == [1, 2]


def test_row_too_large_for_a_record_is_rejected_and_the_others_are_not() -> None:
    parsed = [ParsedRow("S", 1, {"A": "x" * 16_000_000}), ParsedRow("S", 2, {"A": "y"})]
    settlement = _changed(row(10, reference()), outcome=got([("S", 1, 2)], open_rows=lambda: iter(parsed)))
    assert [(each.row_number, each.reason, dict(each.values)) for each in _rows(settlement)] == [
        (1, "row_too_large", {}),
        (2, "", {"A": "y"}),
    ]


def test_retry_ends_its_reference_and_no_other() -> None:
    of = done(work(row(10, reference(), reference("b.pdf", "plan_s3_key"))))
    of.outcomes[IMAGE] = AGAIN
    held = _held(_settle(of))
    retry = Retry(IMAGE, "photos/7", "public.photos", 4, 10, 1, 0, "cdc.public.photos", b"7", b"event")
    settlement = _settle(done(work(of.row, retry), attempt=1), held)
    (result,) = _results(settlement)
    assert (result.file_id, result.status, result.version, result.attempt) == (IMAGE, Status.FETCHED, 40_961, 1)
    after = _held(settlement)
    assert after.order == (10, 1)
    assert {file.file_id: file.state for file in after.files} == {
        IMAGE: State.FETCHED,
        "photos/7/plan_s3_key": State.FETCHED,
    }


def test_retry_that_fails_waits_for_the_next_with_the_rows_newest_version() -> None:
    held = replace(_remembered(10, AGAIN), row_version=14, revision=0)
    of = done(work(row(10, reference()), _retry(held)), Again(2, NOW_MS + 30_000, "not_found"), attempt=1)
    settlement = _settle(of, held)
    after = _held(settlement)
    assert (after.order, after.files[0].version, after.files[0].attempt) == ((14, 1), 10, 2)
    (write,) = _to(RETRIES, settlement.all_writes())
    assert dict(write.headers)["rowferry.attempt"] == b"2"
    assert dict(write.headers)["rowferry.row_version"] == b"10"


def test_reference_that_waits_keeps_since_when_it_is_tried() -> None:
    held = _remembered(10, AGAIN)
    of = done(work(row(10, reference()), _retry(held)), Again(2, NOW_MS, "not_found"), attempt=1)
    assert held.files[0].since_ms == 1_000
    assert _held(_settle(of, held)).files[0].since_ms == 1_000


def _other(held: HeldRecord, **changed: Any) -> HeldRecord:
    return replace(held, files=(replace(held.files[0], **changed),))


WAITING = _remembered(10, AGAIN)
NOT_WANTED = {
    "nothing is remembered of the row": None,
    "the row no longer has it": replace(WAITING, files=(replace(WAITING.files[0], file_id="photos/7/url"),)),
    "a newer event brought it": _other(WAITING, version=11),
    "a later try waits": _other(WAITING, attempt=2),
    "it was fetched": _other(WAITING, state=State.FETCHED),
    "it has failed": _other(WAITING, state=State.FAILED),
}


@pytest.mark.parametrize("held", NOT_WANTED.values(), ids=NOT_WANTED)
@pytest.mark.rule("V9")
def test_v9_retry_of_what_nobody_waits_for_changes_nothing(held: HeldRecord | None) -> None:
    of = done(work(row(10, reference()), _retry(WAITING)), attempt=1)
    settlement = _settle(of, held)
    assert list(settlement.all_writes()) == []
    assert settlement.changes == [NoLongerWaits(IMAGE, 10, 1)]
    assert waiting_file(held, _retry(WAITING)) is None


def test_retry_whose_event_no_longer_holds_the_reference_is_given_up() -> None:
    """The column is no file column any more: the row is read again, which says what it holds now."""
    of = work(row(10), _retry(WAITING))
    of.started = True
    assert waiting_file(WAITING, _retry(WAITING)) == WAITING.files[0]
    settlement = _settle(of, WAITING)
    assert list(settlement.all_writes()) == []
    assert settlement.changes == [NoLongerWaits(IMAGE, 10, 1)]


def test_reference_that_was_not_fetched_waits_for_a_try_of_its_own() -> None:
    """When the work began something else was remembered, so that there was nothing to fetch."""
    of = work(row(11, reference()))
    of.started = True
    settlement = _settle(of, None)
    assert _results(settlement) == []
    (file,) = _held(settlement).files
    assert (file.state, file.attempt, file.due_ms, file.version) == (State.RETRYING, 0, NOW_MS, 11)
    (write,) = _to(RETRIES, settlement.all_writes())
    assert dict(write.headers)["rowferry.attempt"] == b"0"


def test_event_settled_twice_after_an_unknown_outcome_gives_nothing_the_second_time() -> None:
    of = done(work(row(10, reference())))
    again = _settle(of, _held(_settle(of)))
    assert (list(again.all_writes()), again.changes) == ([], [])


def test_event_settled_anew_after_an_abort_gives_the_same_again() -> None:
    of = done(work(row(10, reference())), got([("S", 1, 2)]))
    assert list(_settle(of).all_writes()) == list(_settle(of).all_writes())


def test_floor_ends_all_of_a_row_with_its_own_version() -> None:
    settlement = settle_floor(_remembered(10, got([("S", 1, 1)])), 20, OWN_TOPICS, NOW_MS)
    written, row_gone, tombstone = settlement.all_writes()
    result = FileResult.from_json(written.value or b"")
    assert (result.status, result.version, result.row_version) == (Status.GONE, 81_920, 20)
    assert (result.provenance.table, result.provenance.source_table) == ("public.photos", "photos")
    gone = FileRow.from_json(row_gone.value or b"")
    assert (gone.gone, gone.version) == (True, 81_920)
    assert (tombstone.partition, tombstone.value, tombstone.headers) == (1, None, (("rowferry.version", b"20"),))
    assert settlement.changes == [Ended("photos/7", 20)]


def test_floor_names_the_table_of_another_schema_as_documents_do() -> None:
    held = replace(_remembered(10), table="crm.photos", record_id="crm.photos/7")
    (result,) = _results(settle_floor(held, 20, OWN_TOPICS, NOW_MS))
    assert result.provenance.source_table == "crm.photos"


def test_size_is_the_most_that_is_written() -> None:
    before = _remembered(10, got([("S", 1, 30)]))
    settlement = _changed(row(11, reference("b.csv")), before, got([("S", 1, 40)]))
    assert settlement.size == 1 + 40 + 30 + 1
    assert len(list(settlement.all_writes())) == 1 + 40 + 1


def test_no_write_holds_a_signature() -> None:
    of = done(work(row(10, reference("https://files.example.com/a.pdf?X-Amz-Signature=5ecre7", "url"))), failed())
    writes = [each for each in _settle(of).all_writes() if each.topic != LETTERS]
    assert writes
    assert not any(b"5ecre7" in (each.value or b"") for each in writes)


def test_writes_are_made_when_they_are_asked_for() -> None:
    asked: list[int] = []

    def rows() -> Iterable[ParsedRow]:
        for number in (1, 2):
            asked.append(number)
            yield ParsedRow("S", number)

    settlement = _changed(row(10, reference()), outcome=got([("S", 1, 2)], open_rows=rows))
    assert asked == []
    writes = settlement.all_writes()
    keys = [json.loads(write.value or b"{}").get("row_number") for write in writes if write.topic == TOPICS.file_rows]
    assert (keys, asked) == ([1, 2], [1, 2])
