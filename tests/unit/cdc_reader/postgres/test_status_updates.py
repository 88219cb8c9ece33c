"""The bytes that a walsender gets, and when it gets them."""

from __future__ import annotations

import struct

import pytest

from cdc_reader.postgres.status_updates import StatusUpdates
from schemas.errors import ProtocolError

AT = 0x16B_0000
WAL_END = 0x16B_3748
EPOCH_2000_US = 946_684_800_000_000


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def updates(clock: Clock) -> StatusUpdates:
    return StatusUpdates(AT, interval_s=5, clock=clock, now_us=lambda: EPOCH_2000_US + 7)


def keepalive(*, asks: bool, wal_end: int = WAL_END) -> bytes:
    return struct.pack("!cQqB", b"k", wal_end, 3, asks)


def positions(message: bytes | None) -> tuple[int, int, int]:
    """Its write, flush and apply."""
    assert message is not None
    _, write, flush, apply, _, asks = struct.unpack("!cQQQQB", message)
    assert asks == 0
    return write, flush, apply


def test_status_has_what_is_confirmed_in_the_bytes_of_the_protocol(updates: StatusUpdates) -> None:
    updates.confirm(WAL_END)
    position = "00000000016b3748"
    assert updates.status().hex() == "72" + 3 * position + "0000000000000007" + "00"


@pytest.mark.rule("P13")
def test_p13_keepalive_that_asks_is_answered_with_its_end_and_nothing_confirmed(updates: StatusUpdates) -> None:
    updates.keepalive(keepalive(asks=True))
    answer = updates.answer()
    assert answer is not None
    assert answer.hex() == "72" + "00000000016b3748" + 2 * "0000000000000000" + "0000000000000007" + "00"
    assert updates.answer() is None


@pytest.mark.rule("P3")
def test_p3_answer_confirms_nothing_and_the_confirmed_position_follows(updates: StatusUpdates, clock: Clock) -> None:
    updates.confirm(AT + 5)
    updates.status()
    updates.keepalive(keepalive(asks=True))
    assert positions(updates.answer())[1:] == (0, 0)
    assert not updates.due  # together in one packet they would make the server forget the answer
    clock.now_s += 0.2
    assert updates.due
    assert positions(updates.status()) == (AT + 5, AT + 5, AT + 5)
    assert not updates.due


@pytest.mark.rule("P3")
def test_p3_confirmed_position_never_moves_back(updates: StatusUpdates) -> None:
    updates.confirm(AT + 5)
    updates.confirm(AT + 3)
    assert positions(updates.status()) == (AT + 5, AT + 5, AT + 5)
    updates.keepalive(keepalive(asks=True))
    updates.answer()
    assert positions(updates.status()) == (AT + 5, AT + 5, AT + 5)


@pytest.mark.rule("P13")
def test_p13_answers_keep_a_gap_and_the_last_one_is_given(updates: StatusUpdates, clock: Clock) -> None:
    updates.keepalive(keepalive(asks=True))
    assert updates.answer() is not None
    answers = 0
    for asked in range(1000):  # a second of a server that asks as soon as it has an answer
        updates.keepalive(keepalive(asks=True, wal_end=WAL_END + asked))
        answers += updates.answer() is not None
        clock.now_s += 0.001
    assert answers <= 10
    assert updates.answer_in_s is not None
    clock.now_s += updates.answer_in_s + 0.001
    assert positions(updates.answer())[0] == WAL_END + 999
    assert updates.answer_in_s is None


def test_keepalive_that_does_not_ask_gets_no_answer(updates: StatusUpdates) -> None:
    updates.keepalive(keepalive(asks=False))
    assert updates.answer_in_s is None
    assert updates.answer() is None


def test_status_goes_out_each_interval_and_when_more_is_confirmed(updates: StatusUpdates, clock: Clock) -> None:
    assert updates.due
    updates.status()
    clock.now_s += 4.9
    assert not updates.due
    clock.now_s += 0.2
    assert updates.due
    updates.status()
    updates.confirm(AT + 5)
    assert not updates.may_follow
    clock.now_s += 0.2
    assert updates.due
    assert updates.may_follow


def test_keepalive_that_was_cut_is_a_protocol_error(updates: StatusUpdates) -> None:
    with pytest.raises(ProtocolError, match="expected a keepalive of 18 bytes, got 17"):
        updates.keepalive(keepalive(asks=True)[:-1])
