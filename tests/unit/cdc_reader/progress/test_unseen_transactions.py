"""What reads beside the stream have to see, within one session and over the next (rule S1)."""

from __future__ import annotations

import pytest

from cdc_reader.postgres.pg_snapshot import Snapshot
from cdc_reader.progress.unseen_transactions import LISTED, UnseenTransactions, still_unseen
from schemas.offsets import Unseen

EPOCH = 1 << 32
BEGUN = Snapshot(100, 110, frozenset({100, 103}))


def delivered(*xids: int, snapshot: Snapshot = BEGUN) -> UnseenTransactions:
    unseen = UnseenTransactions(snapshot)
    for xid in xids:
        unseen.add(xid)
    return unseen


@pytest.mark.rule("S1")
def test_s1_what_was_delivered_is_waited_for_until_a_snapshot_has_seen_it() -> None:
    unseen = UnseenTransactions(BEGUN, {103})
    unseen.add(117)
    assert unseen.current() == {103, 117}
    unseen.seen({103})
    assert unseen.current() == {117}


@pytest.mark.rule("S1")
def test_s1_what_is_delivered_while_a_snapshot_is_taken_is_waited_for_by_the_next() -> None:
    unseen = delivered(103)
    asked = unseen.current()
    unseen.add(117)
    unseen.seen(asked)
    assert unseen.current() == {117}


@pytest.mark.rule("S1")
def test_s1_snapshot_ends_the_wait_for_what_it_sees_and_for_nothing_else() -> None:
    unseen = delivered(103, 110, 112, 120)
    unseen.seen_by(Snapshot(103, 118, frozenset({103, 112})))
    assert unseen.current() == {103, 112, 120}


@pytest.mark.rule("S1")
def test_s1_what_a_snapshot_saw_before_it_was_delivered_is_not_waited_for() -> None:
    """A reader that lags behind delivers transactions that everybody sees."""
    assert delivered(99, 101, 100).current() == {100}


@pytest.mark.rule("S1")
def test_s1_snapshot_that_was_taken_earlier_takes_nothing_back() -> None:
    unseen = delivered(112)
    unseen.seen_by(Snapshot(115, 115, frozenset()))
    unseen.seen_by(BEGUN)
    unseen.add(113)
    assert unseen.current() == frozenset()


@pytest.mark.rule("S1")
def test_s1_xids_are_stored_with_their_epoch() -> None:
    unseen = delivered(EPOCH - 3, 2, snapshot=Snapshot(EPOCH - 3, EPOCH, frozenset({EPOCH - 3})))
    assert unseen.to_store() == Unseen((EPOCH - 3, EPOCH + 2))


@pytest.mark.rule("S1")
def test_s1_few_are_stored_one_by_one() -> None:
    unseen = delivered(103, *range(110, 109 + LISTED))
    assert unseen.to_store() == Unseen((103, *range(110, 109 + LISTED)))


@pytest.mark.rule("S1")
def test_s1_many_are_stored_as_a_range_beside_what_runs_for_long() -> None:
    """The range begins where the snapshot ends, so an old transaction does not stretch it."""
    unseen = delivered(103, 100, *range(900_000, 112, -3))
    assert unseen.to_store() == Unseen((100, 103), (110, 900_000))
    unseen.seen_by(Snapshot(103, 900_001, frozenset({103, 899_700})))
    assert unseen.to_store() == Unseen((103, 899_700))


@pytest.mark.rule("S1")
def test_s1_range_ends_behind_all_that_was_delivered() -> None:
    unseen = delivered(*range(110, 110 + LISTED), 500)
    assert unseen.to_store().between == (110, 500)
    unseen.add(499)
    assert unseen.to_store().between == (110, 500)
    unseen.add(501)
    assert unseen.to_store().between == (110, 501)


STORED: dict[str, tuple[Unseen | None, set[int]]] = {
    "named ones that run": (Unseen((103, 105)), {103}),
    "what runs of a range, and its ends": (Unseen((), (103, 109)), {103, 107, 109}),
    "named ones below a range": (Unseen((100,), (104, 108)), {100, 107}),
    "nothing": (Unseen(), set()),
    "unknown: all that runs": (None, {100, 103, 107, 109}),
}


@pytest.mark.rule("S1")
@pytest.mark.parametrize(("stored", "waits_for"), STORED.values(), ids=STORED)
def test_s1_new_session_waits_for_what_an_earlier_one_may_have_delivered(
    stored: Unseen | None, waits_for: set[int]
) -> None:
    snapshot = Snapshot(100, 110, frozenset({100, 103, 107, 109}))
    assert still_unseen(stored, snapshot) == waits_for
