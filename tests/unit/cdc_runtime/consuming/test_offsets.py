"""Which offsets may be committed: each rule of `cdc_runtime.consuming.offsets` has a test."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cdc_runtime.consuming.offsets import OffsetTracker
from cdc_runtime.consuming.records import TopicPartition

PLACE = TopicPartition("cdc.public.projects", 0)
OTHER = TopicPartition("cdc.public.projects", 1)


def test_nothing_is_committable_before_a_record_is_taken():
    assert OffsetTracker().next_offset is None


def test_a_done_record_lets_the_offset_behind_it_be_committed():
    tracker = OffsetTracker()
    tracker.taken(7)
    tracker.done(7)
    assert tracker.next_offset == 8


def test_a_later_record_waits_for_an_earlier_one():
    tracker = OffsetTracker()
    for offset in (10, 11, 12):
        tracker.taken(offset)
    tracker.done(12)
    tracker.done(11)
    assert (tracker.next_offset, tracker.open_count, tracker.oldest_open) == (10, 1, 10)
    tracker.done(10)
    assert (tracker.next_offset, tracker.open_count, tracker.oldest_open) == (13, 0, None)


def test_gaps_of_compaction_are_passed_with_the_records_around_them():
    tracker = OffsetTracker()
    for offset in (1, 5, 40):
        tracker.taken(offset)
    tracker.done(1)
    assert tracker.next_offset == 5
    tracker.done(5)
    assert tracker.next_offset == 40


def test_a_record_delivered_again_is_not_taken_again():
    tracker = OffsetTracker(next_offset=5)
    assert tracker.taken(4) is False
    assert tracker.taken(5) is True
    assert tracker.taken(5) is False
    tracker.done(5)
    assert tracker.taken(5) is False
    assert tracker.next_offset == 6


def test_a_record_done_twice_counts_once():
    tracker = OffsetTracker()
    tracker.taken(1)
    tracker.taken(2)
    tracker.done(1)
    tracker.done(1)
    assert (tracker.next_offset, tracker.open_count) == (2, 1)


@given(st.data())
def test_the_next_offset_never_passes_an_open_record_and_never_falls(data: st.DataObject):
    numbers = data.draw(st.lists(st.integers(0, 1000), min_size=1, unique=True).map(sorted))
    order = data.draw(st.permutations(numbers))
    tracker = OffsetTracker()
    for offset in numbers:
        tracker.taken(offset)
    is_open = set(numbers)
    before = numbers[0]
    for offset in order:
        tracker.done(offset)
        is_open.remove(offset)
        assert tracker.next_offset is not None
        assert tracker.next_offset >= before
        assert not is_open or tracker.next_offset == min(is_open)
        assert tracker.open_count == len(is_open)
        before = tracker.next_offset
    assert tracker.next_offset == numbers[-1] + 1


def test_record_that_stays_open_for_long_does_not_keep_those_that_are_done_behind_it() -> None:
    tracker = OffsetTracker(0)
    for offset in range(20_000):
        tracker.taken(offset)
        if offset:
            tracker.done(offset)
        assert len(tracker._taken) <= 1027
    tracker.done(7)
    assert (tracker.next_offset, tracker.open_count, tracker.oldest_open) == (0, 1, 0)
    tracker.done(0)
    assert (tracker.next_offset, tracker.open_count, tracker.oldest_open) == (20_000, 0, None)
