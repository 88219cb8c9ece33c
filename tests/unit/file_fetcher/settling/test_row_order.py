from __future__ import annotations

from file_fetcher.references.retries import Retry
from file_fetcher.settling.row_order import Lanes
from file_fetcher.work import Row, Work
from tests.unit.file_fetcher.rows import PLACE, done, reference, row, work

LACKS = frozenset({"image_s3_key"})


def _retry(of: Row) -> Work:
    file_id = "photos/7/image_s3_key"
    retry = Retry(file_id, of.record_id, of.table, 4, of.version, 1, 0, "cdc.public.photos", b"7", b"event")
    return work(of, retry)


def _started(of: Row) -> Work:
    new = done(work(of))
    new.outcomes.clear()
    return new


def _under_way(lanes: Lanes, of: Row) -> Work:
    """A work that was started and has no outcome yet."""
    new = _started(of)
    assert lanes.offer(new) == (True, [])
    return new


def test_works_of_different_rows_go_side_by_side() -> None:
    lanes = Lanes()
    assert lanes.offer(work(row(10))) == (True, [])
    assert lanes.offer(work(row(10, record_id="photos/8"))) == (True, [])


def test_works_of_a_row_follow_each_other() -> None:
    lanes = Lanes()
    first = _under_way(lanes, row(10, reference()))
    second = work(row(11, reference()))
    assert lanes.offer(second) == (False, [])
    assert lanes.is_current(first)
    assert not lanes.is_current(second)
    assert lanes.done(first) is second
    assert lanes.is_current(second)
    assert lanes.done(second) is None
    assert lanes.ahead_of(second) is None


def test_only_the_newest_of_the_events_that_wait_is_kept() -> None:
    lanes = Lanes()
    first = _under_way(lanes, row(10, reference()))
    second, third = work(row(11, reference())), work(row(12, reference()))
    lanes.offer(second)
    assert lanes.offer(third) == (False, [second])
    assert lanes.done(first) is third


def test_event_that_lacks_a_column_makes_none_needless_that_has_it() -> None:
    lanes = Lanes()
    first = _under_way(lanes, row(10, reference("a.pdf")))
    says, lacks = work(row(11, reference("a.pdf"), reference("b.pdf", "url"))), work(row(12, unknown=LACKS))
    lanes.offer(says)
    assert lanes.offer(lacks) == (False, [])
    assert lanes.done(first) is says
    assert lanes.done(says) is lacks


def test_event_that_lacks_a_column_cancels_nothing_that_has_it() -> None:
    lanes = Lanes()
    first = _under_way(lanes, row(10, reference("a.pdf")))
    lanes.offer(work(row(11, unknown=LACKS)))
    assert not first.cancelled


def test_event_with_a_lower_version_replaces_none() -> None:
    lanes = Lanes()
    first = _under_way(lanes, row(10, reference("a.pdf")))
    newer, older = work(row(12, reference("a.pdf"))), work(row(9, reference("b.pdf")))
    lanes.offer(newer)
    assert lanes.offer(older) == (False, [])
    assert not first.cancelled
    assert lanes.done(first) is newer


def test_event_that_refers_to_something_else_cancels_what_is_under_way() -> None:
    lanes = Lanes()
    first = _under_way(lanes, row(10, reference("a.pdf")))
    lanes.offer(work(row(11, reference("b.pdf"))))
    assert first.cancelled


def test_delete_cancels_what_is_under_way() -> None:
    lanes = Lanes()
    first = _under_way(lanes, row(10, reference("a.pdf")))
    lanes.offer(work(row(11)))
    assert first.cancelled


def test_event_that_refers_to_the_same_cancels_nothing() -> None:
    lanes = Lanes()
    first = _under_way(lanes, row(10, reference("a.pdf")))
    lanes.offer(work(row(11, reference("a.pdf"))))
    assert not first.cancelled


def test_work_that_is_finished_is_not_cancelled_since_it_may_be_in_a_transaction() -> None:
    lanes = Lanes()
    first = done(work(row(10, reference("a.pdf"))))
    lanes.offer(first)
    lanes.offer(work(row(11, reference("b.pdf"))))
    assert not first.cancelled


def test_retry_waits_behind_what_is_under_way_and_is_not_replaced() -> None:
    lanes = Lanes()
    first = _under_way(lanes, row(10, reference()))
    retry, event = _retry(row(9, reference())), work(row(11, reference()))
    lanes.offer(retry)
    assert lanes.offer(event) == (False, [])
    assert lanes.done(first) is retry
    assert lanes.done(retry) is event


def test_retry_under_way_is_not_cancelled() -> None:
    lanes = Lanes()
    retry = _retry(row(10, reference("a.pdf")))
    lanes.offer(retry)
    retry.started = True
    lanes.offer(work(row(11, reference("b.pdf"))))
    assert not retry.cancelled


def test_retry_makes_no_event_needless() -> None:
    lanes = Lanes()
    first = _under_way(lanes, row(10, reference()))
    event = work(row(11, reference()))
    lanes.offer(event)
    assert lanes.offer(_retry(row(10, reference()))) == (False, [])
    assert lanes.done(first) is event


def test_works_of_a_partition_are_open_until_they_end_or_are_needless() -> None:
    lanes = Lanes()
    first = _under_way(lanes, row(10, reference()))
    second, third = work(row(11, reference())), work(row(12, reference()))
    lanes.offer(second)
    assert lanes.open_in(PLACE) == 2
    lanes.offer(third)
    assert lanes.open_in(PLACE) == 2
    lanes.done(first)
    assert lanes.open_in(PLACE) == 1
    lanes.done(third)
    assert lanes.open_in(PLACE) == 0


def test_end_of_a_work_that_is_not_under_way_is_no_end() -> None:
    lanes = Lanes()
    first = _under_way(lanes, row(10, reference()))
    assert lanes.done(work(row(10, reference()))) is None
    assert lanes.is_current(first)
    assert lanes.open_in(PLACE) == 1


def test_works_of_a_dropped_partition_are_cancelled_and_forgotten() -> None:
    lanes = Lanes()
    first = _under_way(lanes, row(10, reference()))
    second = work(row(11, reference()))
    lanes.offer(second)
    assert lanes.drop([PLACE]) == [first, second]
    assert first.cancelled
    assert lanes.open_in(PLACE) == 0
    assert lanes.done(first) is None
    assert lanes.offer(work(row(10, reference()))) == (True, [])
    assert lanes.open_in(PLACE) == 1


def test_late_end_of_a_dropped_work_does_not_end_its_successor() -> None:
    lanes = Lanes()
    first = _under_way(lanes, row(10, reference()))
    lanes.drop([PLACE])
    second = _under_way(lanes, row(10, reference()))
    assert lanes.done(first) is None
    assert lanes.is_current(second)
    assert lanes.open_in(PLACE) == 1
