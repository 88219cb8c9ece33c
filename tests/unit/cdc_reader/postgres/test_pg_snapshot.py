"""Rule S1: what a snapshot sees of the transactions that the stream delivered."""

from __future__ import annotations

import pytest

from cdc_reader.postgres.pg_snapshot import Snapshot
from schemas.errors import ProtocolError

EPOCH = 1 << 32

SEEN = {
    "below xmin": ("10:20:10,14", 9, True),
    "running": ("10:20:10,14", 14, False),
    "over, between": ("10:20:10,14", 12, True),
    "at xmax": ("10:20:", 20, False),
    "above xmax": ("10:20:", 25, False),
    "second epoch, below": (f"{EPOCH + 5}:{EPOCH + 9}:{EPOCH + 7}", 6, True),
    "second epoch, running": (f"{EPOCH + 5}:{EPOCH + 9}:{EPOCH + 7}", 7, False),
    "from the epoch before": (f"{EPOCH + 5}:{EPOCH + 9}:", EPOCH - 3, True),
    "just before the wrap, newer": (f"{EPOCH - 10}:{EPOCH - 5}:", 2, False),
}


@pytest.mark.rule("S1")
@pytest.mark.parametrize(("text", "xid", "seen"), SEEN.values(), ids=SEEN)
def test_s1_snapshot_tells_which_transactions_it_sees(text: str, xid: int, seen: bool) -> None:
    assert (not Snapshot.parse(text).unseen([xid])) is seen


def test_unseen_keeps_only_what_is_not_visible() -> None:
    assert Snapshot.parse("10:20:14").unseen({9, 14, 19, 20}) == {14, 20}


EPOCHS = {
    "of the same epoch": (EPOCH + 9, 12, EPOCH + 12),
    "of the next epoch": (EPOCH - 5, 2, EPOCH + 2),
    "wide already": (EPOCH - 5, EPOCH + 2, EPOCH + 2),
    "the furthest ahead": (20, (1 << 31) + 19, (1 << 31) + 19),
}


@pytest.mark.rule("S1")
@pytest.mark.parametrize(("xmax", "xid", "wide"), EPOCHS.values(), ids=EPOCHS)
def test_s1_what_is_not_visible_is_told_with_its_epoch(xmax: int, xid: int, wide: int) -> None:
    assert Snapshot(xmax, xmax, frozenset()).unseen([xid]) == {wide}


@pytest.mark.parametrize("text", ["", "10:20", "a:b:c", "10:20:14;"])
def test_anything_else_is_a_protocol_error(text: str) -> None:
    with pytest.raises(ProtocolError):
        Snapshot.parse(text)
