from __future__ import annotations

from file_fetcher.references.retries import Retry
from file_fetcher.settling.row_order import RowOrder
from file_fetcher.work import Row, Work
from tests.unit.file_fetcher.rows import PARTITION, done, reference, row, work

LACKS = frozenset({"image_s3_key"})


def _retry(of: Row) -> Work:
    file_id = "photos/7/image_s3_key"
    retry = Retry(file_id, of.record_id, of.table, 4, of.version, 1, 0, "cdc.public.photos", b"7", b"event")
    return work(of, retry)


def _started(of: Row) -> Work:
    new = done(work(of))
    new.outcomes.clear()
    return new


def _under_way(row_order: RowOrder, of: Row) -> Work:
    """A work that was started and has no outcome yet."""
    new = _started(of)
    assert row_order.offer(new) == (True, [])
    return new


def test_works_of_different_rows_go_side_by_side() -> None:
    row_order = RowOrder()
    assert row_order.offer(work(row(10))) == (True, [])
    assert row_order.offer(work(row(10, record_id="photos/8"))) == (True, [])


def test_works_of_a_row_follow_each_other() -> None:
    row_order = RowOrder()
    first = _under_way(row_order, row(10, reference()))
    second = work(row(11, reference()))
    assert row_order.offer(second) == (False, [])
    assert row_order.is_current(first)
    assert not row_order.is_current(second)
    assert row_order.done(first) is second
    assert row_order.is_current(second)
    assert row_order.done(second) is None
    assert row_order.ahead_of(second) is None


def test_only_the_newest_of_the_events_that_wait_is_kept() -> None:
    row_order = RowOrder()
    first = _under_way(row_order, row(10, reference()))
    second, third = work(row(11, reference())), work(row(12, reference()))
    row_order.offer(second)
    assert row_order.offer(third) == (False, [second])
    assert row_order.done(first) is third


def test_event_that_lacks_a_column_makes_none_needless_that_has_it() -> None:
    row_order = RowOrder()
    first = _under_way(row_order, row(10, reference("a.pdf")))
    says, lacks = work(row(11, reference("a.pdf"), reference("b.pdf", "url"))), work(row(12, unknown=LACKS))
    row_order.offer(says)
    assert row_order.offer(lacks) == (False, [])
    assert row_order.done(first) is says
    assert row_order.done(says) is lacks


def test_event_that_lacks_a_column_cancels_nothing_that_has_it() -> None:
    row_order = RowOrder()
    first = _under_way(row_order, row(10, reference("a.pdf")))
    row_order.offer(work(row(11, unknown=LACKS)))
    assert not first.cancelled


def test_event_with_a_lower_version_replaces_none() -> None:
    row_order = RowOrder()
    first = _under_way(row_order, row(10, reference("a.pdf")))
    newer, older = work(row(12, reference("a.pdf"))), work(row(9, reference("b.pdf")))
    row_order.offer(newer)
    assert row_order.offer(older) == (False, [])
    assert not first.cancelled
    assert row_order.done(first) is newer


def test_event_that_refers_to_something_else_cancels_what_is_under_way() -> None:
    row_order = RowOrder()
    first = _under_way(row_order, row(10, reference("a.pdf")))
    row_order.offer(work(row(11, reference("b.pdf"))))
    assert first.cancelled


def test_delete_cancels_what_is_under_way() -> None:
    row_order = RowOrder()
    first = _under_way(row_order, row(10, reference("a.pdf")))
    row_order.offer(work(row(11)))
    assert first.cancelled


def test_event_that_refers_to_the_same_cancels_nothing() -> None:
    row_order = RowOrder()
    first = _under_way(row_order, row(10, reference("a.pdf")))
    row_order.offer(work(row(11, reference("a.pdf"))))
    assert not first.cancelled


def test_work_that_is_finished_is_not_cancelled_since_it_may_be_in_a_transaction() -> None:
    row_order = RowOrder()
    first = done(work(row(10, reference("a.pdf"))))
    row_order.offer(first)
    row_order.offer(work(row(11, reference("b.pdf"))))
    assert not first.cancelled


def test_retry_waits_behind_what_is_under_way_and_is_not_replaced() -> None:
    row_order = RowOrder()
    first = _under_way(row_order, row(10, reference()))
    retry, event = _retry(row(9, reference())), work(row(11, reference()))
    row_order.offer(retry)
    assert row_order.offer(event) == (False, [])
    assert row_order.done(first) is retry
    assert row_order.done(retry) is event


def test_retry_under_way_is_not_cancelled() -> None:
    row_order = RowOrder()
    retry = _retry(row(10, reference("a.pdf")))
    row_order.offer(retry)
    retry.started = True
    row_order.offer(work(row(11, reference("b.pdf"))))
    assert not retry.cancelled


def test_retry_makes_no_event_needless() -> None:
    row_order = RowOrder()
    first = _under_way(row_order, row(10, reference()))
    event = work(row(11, reference()))
    row_order.offer(event)
    assert row_order.offer(_retry(row(10, reference()))) == (False, [])
    assert row_order.done(first) is event


def test_works_of_a_partition_are_open_until_they_end_or_are_needless() -> None:
    row_order = RowOrder()
    first = _under_way(row_order, row(10, reference()))
    second, third = work(row(11, reference())), work(row(12, reference()))
    row_order.offer(second)
    assert row_order.open_in(PARTITION) == 2
    row_order.offer(third)
    assert row_order.open_in(PARTITION) == 2
    row_order.done(first)
    assert row_order.open_in(PARTITION) == 1
    row_order.done(third)
    assert row_order.open_in(PARTITION) == 0


def test_end_of_a_work_that_is_not_under_way_is_no_end() -> None:
    row_order = RowOrder()
    first = _under_way(row_order, row(10, reference()))
    assert row_order.done(work(row(10, reference()))) is None
    assert row_order.is_current(first)
    assert row_order.open_in(PARTITION) == 1


def test_works_of_a_dropped_partition_are_cancelled_and_forgotten() -> None:
    row_order = RowOrder()
    first = _under_way(row_order, row(10, reference()))
    second = work(row(11, reference()))
    row_order.offer(second)
    assert row_order.drop([PARTITION]) == [first, second]
    assert first.cancelled
    assert row_order.open_in(PARTITION) == 0
    assert row_order.done(first) is None
    assert row_order.offer(work(row(10, reference()))) == (True, [])
    assert row_order.open_in(PARTITION) == 1


def test_late_end_of_a_dropped_work_does_not_end_its_successor() -> None:
    row_order = RowOrder()
    first = _under_way(row_order, row(10, reference()))
    row_order.drop([PARTITION])
    second = _under_way(row_order, row(10, reference()))
    assert row_order.done(first) is None
    assert row_order.is_current(second)
    assert row_order.open_in(PARTITION) == 1
