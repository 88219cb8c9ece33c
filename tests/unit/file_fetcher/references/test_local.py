"""What the local store remembers of rows and of retries."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from file_fetcher.references.changes import Ended, Holds, NoLongerWaits, Waits
from file_fetcher.references.local import ReferenceStore
from file_fetcher.references.positions import ReadPosition
from schemas.file_state import State
from tests.unit.file_fetcher.references.holdings import held, held_file, retry

PARTITIONS = [("public.photos", 4)]


@pytest.fixture
def store(tmp_path):
    opened = ReferenceStore(tmp_path)
    yield opened
    opened.close()


def waits(row_version=10, revision=0, **more):
    """A row whose only reference waits for its next attempt."""
    file = held_file(state=State.RETRYING, **{"version": row_version, "attempt": 1, "since_ms": 500, **more})
    return held("photos/7", row_version, file, revision=revision)


def test_a_row_holds_what_was_said_last(store):
    assert store.get("photos/7") is None
    store.apply([Holds(held())])
    store.apply([Holds(held(row_version=11)), Holds(held("photos/8"))])
    assert store.get("photos/7") == held(row_version=11)
    assert store.get("photos/8") == held("photos/8")


@pytest.mark.parametrize("older", [held(row_version=9, revision=9), held(row_version=10, revision=1)])
def test_what_is_older_changes_nothing(store, older):
    known = held(row_version=10, revision=2)
    store.apply([Holds(known), Holds(older)])
    assert store.get("photos/7") == known


def test_of_two_with_the_same_order_the_later_is_kept_as_compaction_keeps_it(store):
    later = held("photos/7", 10, held_file(key="b.pdf"))
    store.apply([Holds(held()), Holds(later)])
    assert store.get("photos/7") == later


@pytest.mark.parametrize(("version", "kept"), [(9, True), (10, False), (11, False)])
def test_an_end_counts_from_its_own_version_on(store, version, kept):
    store.apply([Holds(held(revision=7)), Ended("photos/7", version)])
    assert (store.get("photos/7") is not None) is kept


def test_an_end_of_a_row_that_holds_nothing_changes_nothing(store):
    store.apply([Holds(held()), Ended("photos/8", 99)])
    assert store.get("photos/7") == held()


def test_changes_happen_together_or_not_at_all(store):
    def broken():
        yield Holds(held())
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        store.apply(broken())
    assert store.get("photos/7") is None
    store.apply([Holds(held())])
    assert store.get("photos/7") == held()


def test_rows_below_a_floor_are_given_in_pages(store):
    ids = ["photos/1", "photos/10", "photos/2", "photos/3"]
    store.apply([Holds(held(name, row_version=version)) for version, name in enumerate(ids, 10)])
    store.apply([Holds(held("photos/4", 1, partition=5)), Holds(held("notes/1", 1, table="public.notes"))])
    first = store.below("public.photos", 4, 13, 2)
    assert [record.record_id for record in first] == ["photos/1", "photos/10"]
    assert store.below("public.photos", 4, 13, 2, after="photos/10") == [held("photos/2", 12)]
    assert store.below("public.photos", 4, 13, 2, after="photos/2") == []


def test_a_retry_is_due_at_its_time_and_in_its_partition(store):
    store.apply([Holds(waits()), Waits(retry())])
    assert store.due(999, PARTITIONS, 10) == []
    assert store.due(1_000, PARTITIONS, 10) == [retry()]
    assert store.due(1_000, [("public.photos", 3), ("public.notes", 4)], 10) == []
    assert store.due(1_000, [], 10) == []
    assert store.due(1_000, PARTITIONS, 10, besides=[retry().file_id]) == []
    assert store.due(1_000, PARTITIONS, 10, besides={"photos/2/url"}) == [retry()]


def test_due_retries_come_the_oldest_first(store):
    for number, due_ms in ((1, 300), (2, 100), (3, 200)):
        name = f"photos/{number}"
        file = held_file(f"{name}/url", State.RETRYING, attempt=1, since_ms=number)
        store.apply([Holds(held(name, 10, file, partition=number))])
        store.apply([Waits(retry(f"{name}/url", record_id=name, partition=number, due_ms=due_ms))])
    partitions = [("public.photos", number) for number in (1, 2, 3)]
    assert [each.due_ms for each in store.due(1_000, partitions, 2)] == [100, 200]
    assert store.waiting(partitions) == (3, 1)
    assert store.waiting(partitions[2:]) == (1, 3)
    assert store.waiting([]) == (0, None)


def test_a_retry_may_be_given_before_the_row_that_waits_for_it(store):
    store.apply([Waits(retry()), Holds(waits())])
    assert store.due(1_000, PARTITIONS, 10) == [retry()]


@pytest.mark.rule("V9")
@pytest.mark.parametrize(
    "nothing",
    [[], [Holds(held())], [Holds(waits(11))], [Holds(waits(attempt=2))], [Holds(waits()), Ended("photos/7", 10)]],
    ids=["no row", "fetched", "another version", "another attempt", "ended"],
)
def test_v9_a_retry_that_nothing_waits_for_is_not_kept(store, nothing):
    store.apply([*nothing, Waits(retry())])
    assert store.due(10_000, PARTITIONS, 10) == []


@pytest.mark.rule("V9")
@pytest.mark.parametrize(
    "after",
    [
        Holds(held(revision=1)),
        Holds(waits(11)),
        Holds(waits(revision=1, attempt=2)),
        Holds(held("photos/7", 11, held_file("photos/7/other"))),
        Ended("photos/7", 10),
    ],
    ids=["fetched", "brought again by a newer version", "next attempt", "gone", "row ended"],
)
def test_v9_a_retry_goes_when_its_reference_no_longer_waits_for_it(store, after):
    store.apply([Holds(waits()), Waits(retry())])
    store.apply([after])
    assert store.due(10_000, PARTITIONS, 10) == []


def test_a_retry_stays_while_its_reference_still_waits_for_it(store):
    store.apply([Holds(waits()), Waits(retry())])
    still = held("photos/7", 12, held_file(state=State.RETRYING, attempt=1, since_ms=500), held_file("photos/7/new"))
    store.apply([Holds(still)])
    assert store.due(1_000, PARTITIONS, 10) == [retry()]


def test_a_retry_that_is_put_off_without_an_attempt_is_due_later(store):
    store.apply([Holds(waits()), Waits(retry())])
    store.apply([Holds(waits(revision=1)), Waits(retry(due_ms=9_000))])
    assert store.due(8_999, PARTITIONS, 10) == []
    assert store.due(9_000, PARTITIONS, 10) == [retry(due_ms=9_000)]


def test_a_reference_that_waits_for_a_retry_that_is_not_there_is_lost(store):
    record = held("photos/7", 10, held_file("photos/7/other"), *waits().files)
    store.apply([Holds(record)])
    assert store.lost_retries(PARTITIONS, 10) == [("public.photos", "photos/7", *waits().files)]
    assert store.lost_retries([("public.photos", 3)], 10) == []
    assert store.lost_retries(PARTITIONS, 0) == []
    assert store.waiting(PARTITIONS) == (1, 500)
    store.apply([Waits(retry())])
    assert store.lost_retries(PARTITIONS, 10) == []


@pytest.mark.parametrize(
    ("change", "there"),
    [
        (NoLongerWaits("photos/7/url"), False),
        (NoLongerWaits("photos/7/url", 10, 1), False),
        (NoLongerWaits("photos/7/url", 9, 1), True),
        (NoLongerWaits("photos/7/url", 10, 0), True),
        (NoLongerWaits("photos/8/url"), True),
    ],
)
def test_a_retry_that_is_done_with_is_forgotten(store, change, there):
    store.apply([Holds(waits()), Waits(retry())])
    store.apply([change])
    assert bool(store.due(1_000, PARTITIONS, 10)) is there


def test_positions_are_kept_by_topic_and_partition(store):
    store.set_position("refs", 0, ReadPosition("id", 7, 1_000))
    store.set_position("refs", 1, ReadPosition("id", 8, 1_000))
    store.set_position("refs", 0, ReadPosition("id", 9, 2_000))
    assert store.positions("refs") == {0: ReadPosition("id", 9, 2_000), 1: ReadPosition("id", 8, 1_000)}
    assert store.positions("retry") == {}


def test_reading_from_the_beginning_forgets_the_position_first(store):
    store.set_position("refs", 0, ReadPosition("id", 7, 1_000))
    store.set_position("refs", 1, ReadPosition("id", 8, 1_000))
    store.begin_reading("refs", [0])
    assert store.positions("refs") == {1: ReadPosition("id", 8, 1_000)}


def test_rows_of_which_the_topic_says_nothing_are_dropped_and_all_others_stay(store):
    store.apply([Holds(held(f"photos/{number}", revision=3, partition=4)) for number in range(5)])
    store.apply([Holds(held("photos/9", partition=5)), Holds(waits())])
    mark = store.begin_reading("refs", [1])
    # Read again as it was, as something older, as something newer; and changed meanwhile by its owner.
    store.apply([Holds(held("photos/0", revision=3)), Holds(held("photos/1", 9)), Holds(held("photos/2", 11))])
    store.apply([Holds(held("photos/3", revision=4))])
    assert store.drop_unseen(1, 3, mark) == 2
    left = [number for number in (*range(5), 7, 9) if store.get(f"photos/{number}") is not None]
    assert left == [0, 1, 2, 3, 9]
    assert store.waiting(PARTITIONS) == (0, None)


def test_all_is_there_after_the_store_was_opened_again(tmp_path):
    store = ReferenceStore(tmp_path)
    store.apply([Holds(waits()), Waits(retry())])
    store.set_position("refs", 0, ReadPosition("id", 7, 1_000))
    store.close()
    store.close()
    again = ReferenceStore(tmp_path)
    assert again.get("photos/7") == waits()
    assert again.due(1_000, PARTITIONS, 10) == [retry()]
    assert again.positions("refs") == {0: ReadPosition("id", 7, 1_000)}
    again.close()


def test_threads_may_use_the_store_at_once(store):
    def work(number):
        for version in range(1, 40):
            store.apply([Holds(held(f"photos/{number}", version))])
            assert store.get(f"photos/{number}") == held(f"photos/{number}", version)
            found.append(version)

    found: list[int] = []
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 * 39


_orders = st.tuples(st.integers(1, 4), st.integers(0, 2))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(_orders, st.integers(1, 4)), max_size=12), st.integers(0, 12))
def test_reading_a_part_of_the_topic_once_more_changes_nothing(tmp_path_factory, story, again_from):
    """A member that was killed reads from an older position what it had applied before."""
    changes = [
        Ended("photos/7", each) if isinstance(each, int) else Holds(held("photos/7", each[0], revision=each[1]))
        for each in sorted(story, key=lambda each: (each, 9) if isinstance(each, int) else each)
    ]
    once, twice = (ReferenceStore(tmp_path_factory.mktemp("store")) for _ in range(2))
    once.apply(changes)
    twice.apply(changes)
    twice.apply(changes[again_from:])
    assert twice.get("photos/7") == once.get("photos/7")
    once.close()
    twice.close()
