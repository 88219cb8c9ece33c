"""Places share the downloads: one that hangs stops no other (rule V14)."""

from __future__ import annotations

import pytest

from file_fetcher.fetching.shares import Shares

pytestmark = pytest.mark.rule("V14")
ROOM = 16


def _begin(shares: Shares, place: str, now: float, *, alone: bool = False) -> int:
    """How many of a place begin, of as many as may be."""
    count = 0
    while shares.may_begin(place, ROOM, now, alone=alone):
        shares.begun(place)
        count += 1
    return count


def _moves(shares: Shares, place: str, now: float) -> None:
    shares.begun(place)
    shares.ended(place, now, well=True)


def test_v14_what_stands_still_has_half_of_the_room_together() -> None:
    shares = Shares()
    assert [_begin(shares, place, 0.0) for place in ("a", "b", "c")] == [8, 1, 1]
    _moves(shares, "good", 1.0)
    assert _begin(shares, "good", 1.0) == ROOM - 10


def test_v14_what_nobody_else_waits_for_has_all_of_the_room() -> None:
    assert _begin(Shares(), "a", 0.0, alone=True) == ROOM


def test_v14_place_that_held_all_and_hangs_leaves_others_their_turn() -> None:
    shares = Shares()
    _moves(shares, "a", 0.0)
    assert _begin(shares, "a", 1.0) == ROOM
    assert _begin(shares, "new", 20.0) == 1
    shares.ended("new", 20.0, well=True)
    assert _begin(shares, "new", 20.0) == 4
    assert _begin(shares, "newer", 20.0) == 1


def test_v14_many_that_hang_leave_what_moves_its_part() -> None:
    shares = Shares()
    begun = sum(_begin(shares, f"hangs {number}", 0.0) for number in range(1_000))
    assert begun <= ROOM * 3 // 4
    _moves(shares, "good", 1.0)
    assert _begin(shares, "good", 1.0) >= ROOM // 4


@pytest.mark.parametrize("room", [1, 2, 3, 8, 64])
def test_v14_there_is_a_bound_and_room_for_one_of_another_place(room: int) -> None:
    shares = Shares()
    while shares.may_begin("hangs", room, 0.0, alone=True):
        shares.begun("hangs")
    assert shares.under_way == room
    assert shares.may_begin("other", room, 0.0)
    for number in range(1_000):
        place = f"more {number}"
        while shares.may_begin(place, room, 0.0):
            shares.begun(place)
    assert room < shares.under_way <= Shares.most(room)


def test_v14_place_that_ends_badly_is_forgotten_once_nothing_of_it_is_under_way() -> None:
    shares = Shares()
    for number in range(100):
        shares.begun(str(number))
        shares.ended(str(number), 1.0, well=False)
    assert (shares.under_way, shares._places) == (0, {})
