from __future__ import annotations

from collections import deque

import pytest

from cdc_runtime.consuming.topic_lives import Log, Start
from file_fetcher.work import Again
from schemas.errors import RecordError, Unreachable
from schemas.wire import UnknownSchema
from tests.unit.file_fetcher.brokers import ABORTS, UNHEARD
from tests.unit.file_fetcher.members import MEMBER, OTHER, World
from tests.unit.file_fetcher.rows import PARTITION, reference, row

GONE = "photos/7/image_s3_key", "gone"
FETCHED = "photos/7/image_s3_key", "fetched"


def test_row_is_fetched_settled_and_its_offset_committed(world: World) -> None:
    world.own()
    world.take(world.event("a.pdf"))
    assert not world.step()
    assert world.broker.committed == {}
    world.downloads.run()
    assert world.step()
    assert (world.results(), world.broker.committed) == ([FETCHED], {PARTITION: 6})
    assert world.fetcher.idle


def test_row_that_never_referred_to_anything_costs_nothing_but_its_offset(world: World) -> None:
    world.own()
    world.take(world.event(), world.event())
    assert world.fetcher.idle
    world.step(5.0)
    assert world.broker.calls == [([], {PARTITION: 7}, "generation 7")]


@pytest.mark.rule("F2")
def test_f2_nothing_is_handled_before_what_was_remembered_was_read(world: World) -> None:
    (held,) = world.own(ready=False)
    world.take(world.event("a.pdf"))
    world.work()
    assert world.fetching.asked == []
    world.fetcher.ready(held, Start(Log("life 1", 0, 9), None))
    world.work()
    assert world.results() == [FETCHED]


def test_record_before_the_committed_offset_is_not_handled_again(world: World) -> None:
    (held,) = world.own(ready=False)
    world.take(world.event("a.pdf"), world.event("b.pdf"))
    world.ready(held, 6)
    world.work()
    # Its log is looked at first: it may be another one.
    assert (held.doubted, world.fetching.asked) == (True, [])
    held.doubted = False
    world.fetcher.go_on(held)
    world.work()
    assert world.fetching.asked == ["b.pdf"]


def test_record_that_is_delivered_twice_is_handled_once(world: World) -> None:
    world.own()
    twice = world.event("a.pdf")
    world.take(twice)
    world.work()
    world.take(twice)
    world.work()
    assert (world.fetching.asked, world.broker.committed) == (["a.pdf"], {PARTITION: 6})


def test_row_that_is_deleted_during_a_download_leaves_nothing(world: World) -> None:
    world.own()
    world.take(world.event("a.pdf"), world.event())
    world.work()
    assert (world.results(), world.fetching.asked) == ([], [])
    assert world.store.get("photos/7") is None
    assert world.broker.committed == {PARTITION: 7}


def test_row_that_changes_during_a_download_gets_the_new_file_only(world: World) -> None:
    world.own()
    world.take(world.event("a.pdf"), world.event("b.pdf"), world.event("c.pdf"))
    world.work()
    assert (world.fetching.asked, world.results()) == (["c.pdf"], [FETCHED])
    held = world.store.get("photos/7")
    assert held is not None
    assert (held.row_version, held.files[0].key) == (13, "c.pdf")
    assert world.broker.committed == {PARTITION: 8}


def test_outcome_of_a_cancelled_work_that_comes_late_counts_for_nothing(world: World) -> None:
    world.own()
    world.take(world.event("a.pdf"))
    task = world.downloads.tasks.popleft()
    task(lambda problem: None)
    world.take(world.event("b.pdf"))
    world.work()
    assert world.results() == [FETCHED]
    held = world.store.get("photos/7")
    assert held is not None
    assert held.files[0].key == "b.pdf"


def test_row_that_changes_while_it_is_settled_follows(world: World) -> None:
    world.own()
    world.broker.fates = [UNHEARD]
    world.take(world.event("a.pdf"))
    world.downloads.run()
    world.step()
    world.take(world.event())
    world.work()
    assert (world.results(), world.broker.committed) == ([FETCHED, GONE], {PARTITION: 7})
    assert world.fetcher.idle


@pytest.mark.rule("V4")
def test_v4_floor_stands_alone_in_its_partition(world: World) -> None:
    world.own()
    world.take(world.event("a.pdf"), world.floor(), world.event("b.pdf"))
    world.step()
    assert (world.results(), len(world.downloads.tasks)) == ([], 1)
    world.work()
    assert world.results() == [FETCHED, GONE, FETCHED]
    assert world.broker.committed == {PARTITION: 8}
    held = world.store.get("photos/7")
    assert held is not None
    assert held.files[0].key == "b.pdf"


@pytest.mark.rule("V4")
def test_v4_floor_ends_nothing_of_another_partition_and_does_not_hold_it_up(world: World) -> None:
    world.own(PARTITION, OTHER)
    world.take(world.event("a.pdf"), world.event("c.pdf", name="photos/9", topic_partition=OTHER), world.floor())
    world.take(world.event(name="photos/10", topic_partition=OTHER))
    world.work()
    assert world.broker.committed == {PARTITION: 7, OTHER: 7}
    assert world.store.get("photos/7") is None
    assert world.store.get("photos/9") is not None


@pytest.mark.rule("V4")
@pytest.mark.parametrize("fate", [ABORTS, UNHEARD])
def test_v4_floor_whose_transaction_fails_is_carried_out_before_it_passes(world: World, fate: str) -> None:
    world.own()
    world.take(world.event("a.pdf"))
    world.work()
    world.broker.fates = [fate]
    world.take(world.floor())
    world.step()
    assert world.broker.committed == {PARTITION: 6}
    world.work()
    assert world.store.get("photos/7") is None
    assert set(world.results()) == {FETCHED, GONE}
    assert world.broker.committed == {PARTITION: 7}


def _wait_for_retry(world: World, *locations: str) -> None:
    """Row 7 waits for another try of its first file."""
    world.fetching.outcomes["a.pdf"] = Again(1, int(world.clock.now * 1000) + 60_000, "not_found")
    world.take(world.event(*(locations or ["a.pdf"])))
    world.downloads.run()
    world.step()
    world.fetching.outcomes.clear()
    world.fetching.asked.clear()


def test_retry_is_carried_out_when_it_is_due_and_not_before(world: World) -> None:
    world.own()
    _wait_for_retry(world)
    assert (world.results(), world.broker.committed) == ([], {PARTITION: 6})
    world.work()
    assert world.fetching.asked == []
    world.step(60.0)
    world.work()
    assert (world.fetching.asked, world.results()) == (["a.pdf"], [FETCHED])
    assert world.broker.files()[0].version == 11 * 4096 + 1
    world.step(600.0)
    assert not world.downloads.tasks


def test_retry_of_a_row_that_changed_is_not_carried_out(world: World) -> None:
    world.own()
    _wait_for_retry(world)
    world.take(world.event("b.pdf"))
    world.work()
    world.step(60.0)
    world.work()
    assert (world.fetching.asked, world.results()) == (["b.pdf"], [FETCHED])


@pytest.mark.rule("V9")
def test_v9_retry_that_waits_behind_a_change_finds_that_it_is_not_wanted(world: World) -> None:
    world.own()
    _wait_for_retry(world)
    world.take(world.event("b.pdf"))
    world.step(60.0)
    world.work()
    assert (world.fetching.asked, world.results()) == (["b.pdf"], [FETCHED])
    assert world.fetcher.idle


def test_row_that_is_deleted_during_a_retry_ends_as_gone(world: World) -> None:
    world.own()
    _wait_for_retry(world)
    world.step(60.0)
    assert len(world.downloads.tasks) == 1
    world.take(world.event())
    world.work()
    assert world.results()[-1] == GONE
    assert world.store.get("photos/7") is None
    assert world.fetcher.idle


def _lose_retry(world: World) -> None:
    """Let a retry come due whose column holds no references any more."""
    _wait_for_retry(world)
    (said,) = world.reading.says.values()
    world.reading.says[b"4/5"] = row(said.version)
    world.step(60.0)
    world.work()


def test_retry_whose_column_holds_no_references_any_more_is_given_up(world: World) -> None:
    world.own()
    _lose_retry(world)
    assert (world.fetching.asked, world.results()) == ([], [])
    assert world.store.lost("photos/7") == {"photos/7/image_s3_key"}
    assert world.fetcher.idle


def test_lost_retry_is_made_good_by_the_rows_next_event(world: World) -> None:
    world.own()
    _lose_retry(world)
    world.take(world.event("a.pdf"))
    world.work()
    assert (world.fetching.asked, world.results()) == (["a.pdf"], [FETCHED])


def test_retry_waits_while_a_floor_does(world: World) -> None:
    world.own()
    _wait_for_retry(world)
    world.take(world.event("b.pdf", name="photos/8"), world.floor())
    world.step(60.0)
    assert len(world.downloads.tasks) == 1
    world.work()
    assert world.fetching.asked == ["b.pdf"]
    assert world.store.get("photos/7") is None


@pytest.mark.rule("F1")
def test_f1_what_is_finished_is_settled_when_a_partition_is_revoked_and_the_rest_is_left(world: World) -> None:
    world.own(PARTITION, OTHER)
    world.take(world.event("a.pdf"))
    world.downloads.run()
    world.take(world.event("b.pdf", name="photos/8"), world.event("c.pdf", name="photos/9", topic_partition=OTHER))
    world.fetcher.revoke([PARTITION], MEMBER)
    assert (world.results(), world.broker.committed) == ([FETCHED], {PARTITION: 6})
    world.work()
    assert world.fetching.asked == ["a.pdf", "c.pdf"]
    assert world.broker.committed == {PARTITION: 6, OTHER: 6}
    assert world.fetcher.idle


def test_partition_that_comes_back_begins_anew(world: World) -> None:
    world.own()
    first = world.event("a.pdf")
    world.take(first)
    late = world.downloads.tasks.popleft()
    world.fetcher.drop([PARTITION], "lost")
    world.own()
    late(lambda problem: None)
    world.take(first)
    world.work()
    assert (world.fetching.asked, world.results()) == (["a.pdf"], [FETCHED])
    assert world.broker.committed == {PARTITION: 6}


def test_records_of_a_partition_that_is_not_held_are_passed_over(world: World) -> None:
    world.own()
    world.take(world.event("a.pdf", topic_partition=OTHER))
    world.work()
    assert (world.fetching.asked, world.broker.calls) == ([], [])


@pytest.mark.rule("P10")
def test_p10_record_whose_schema_is_unknown_holds_its_partition_until_it_can_be_read(world: World) -> None:
    world.own(PARTITION, OTHER)
    of = row(11, reference("a.pdf"))
    blocked = world.record(deque([UnknownSchema(b"12345678"), UnknownSchema(b"12345678"), of]))
    world.take(
        blocked, world.event("b.pdf", name="photos/8"), world.event("c.pdf", name="photos/9", topic_partition=OTHER)
    )
    world.downloads.run()
    assert world.fetching.asked == ["c.pdf"]
    assert not world.health.readiness()[0]
    assert world.fetcher.turns() == ([PARTITION], [])
    world.work()
    assert world.fetching.asked == ["c.pdf", "a.pdf", "b.pdf"]
    assert world.broker.committed == {PARTITION: 7, OTHER: 6}
    assert world.health.readiness()[0]
    assert world.fetcher.turns() == ([], [PARTITION])


def test_record_that_can_never_be_read_is_a_dead_letter_and_the_next_goes_on(world: World) -> None:
    world.own()
    world.take(world.record(RecordError("expected an event, got none")), world.event("a.pdf"))
    world.work()
    assert len(world.letters.written) == 1
    assert (world.results(), world.broker.committed) == ([FETCHED], {PARTITION: 7})


def test_dead_letter_that_cannot_be_written_holds_the_partition_and_then_lets_it_go_on(world: World) -> None:
    world.own()
    world.letters.problem = Unreachable("expected Kafka, got no answer")
    world.take(world.record(RecordError("expected an event, got none")))
    world.work()
    assert world.broker.committed == {}
    assert world.fetcher.turns() == ([PARTITION], [])
    world.letters.problem = None
    world.work()
    assert world.fetcher.turns() == ([], [PARTITION])
    assert (len(world.letters.written), world.broker.committed) == (1, {PARTITION: 6})


def test_reading_pauses_when_enough_is_open_and_goes_on_at_half(world: World) -> None:
    world.own()
    world.take(*(world.event("a.pdf", name=f"photos/{number}") for number in range(3)))
    assert world.fetcher.turns() == ([PARTITION], [])
    world.downloads.tasks.popleft()(lambda problem: None)
    world.step()
    assert world.fetcher.turns() == ([], [])
    world.work()
    assert world.fetcher.turns() == ([], [PARTITION])


def test_error_of_a_thread_stops_the_service(world: World) -> None:
    world.own()
    world.downloads.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        world.step()


@pytest.mark.rule("F2")
def test_f2_while_state_is_read_nothing_is_started_or_settled(world: World) -> None:
    """A row that ended looks as if it were there until its tombstone is read: its event would find nothing new."""
    world.own()
    world.take(world.event("a.pdf"))
    world.downloads.run()
    world.fetcher.reading(begins=True)
    world.take(world.event("b.pdf", name="photos/8"))
    world.work()
    assert (world.results(), world.fetching.asked) == ([], ["a.pdf"])
    assert world.fetcher.turns() == ([PARTITION], [])
    world.fetcher.reading(begins=False)
    world.work()
    assert world.results() == [FETCHED, ("photos/8/image_s3_key", "fetched")]
    assert world.broker.committed == {PARTITION: 7}
    assert world.fetcher.turns() == ([], [PARTITION])


def test_partitions_that_are_taken_away_while_state_is_read_are_given_up_unsettled(world: World) -> None:
    world.own()
    world.take(world.event("a.pdf"))
    world.downloads.run()
    world.fetcher.reading(begins=True)
    world.fetcher.revoke([PARTITION], MEMBER)
    world.fetcher.reading(begins=False)
    world.work()
    assert (world.results(), world.broker.committed) == ([], {})


def test_while_an_outcome_is_unheard_no_other_row_is_started(world: World) -> None:
    world.own()
    world.broker.fates = [UNHEARD]
    world.take(world.event("a.pdf"))
    world.downloads.run()
    world.step()
    world.take(world.event("b.pdf", name="photos/8"))
    world.downloads.run()
    assert world.fetching.asked == ["a.pdf"]
    world.work()
    assert world.fetching.asked == ["a.pdf", "b.pdf"]
    assert world.results() == [FETCHED, ("photos/8/image_s3_key", "fetched")]
