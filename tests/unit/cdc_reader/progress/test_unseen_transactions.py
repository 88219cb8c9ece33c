"""Rule S1: which transactions a read beside the stream waits for."""

from __future__ import annotations

import pytest

from cdc_reader.progress.unseen_transactions import UnseenTransactions


@pytest.mark.rule("S1")
def test_s1_what_was_delivered_is_waited_for_until_a_snapshot_has_seen_it() -> None:
    unseen = UnseenTransactions({3})
    unseen.add(7)
    assert unseen.current() == {3, 7}
    unseen.seen({3})
    assert unseen.current() == {7}


@pytest.mark.rule("S1")
def test_s1_what_is_delivered_while_a_snapshot_is_taken_is_waited_for_by_the_next() -> None:
    unseen = UnseenTransactions({3})
    asked = unseen.current()
    unseen.add(7)
    unseen.seen(asked)
    assert asked == {3}
    assert unseen.current() == {7}
