from __future__ import annotations

import pytest

from cdc_runtime.consuming.backpressure import Backpressure, Bounds

pytestmark = pytest.mark.rule("V14")
BOUNDS = Bounds(records=16, bytes=1600, partition_records=6, partition_bytes=600)
NOW = 1000.0


def _backpressure(**taken: int) -> Backpressure[str]:
    """What is open of partitions of which nothing was done yet."""
    backpressure: Backpressure[str] = Backpressure(BOUNDS)
    for partition, records in taken.items():
        _take(backpressure, partition, records)
    return backpressure


def _take(backpressure: Backpressure[str], partition: str, records: int, size: int = 10) -> None:
    backpressure.add(partition)
    for _ in range(records):
        backpressure.taken(partition, size)


def _moves(backpressure: Backpressure[str], *partitions: str) -> None:
    for partition in partitions:
        _take(backpressure, partition, 1)
        backpressure.done(partition, 10)


def test_nothing_pauses_below_the_bounds() -> None:
    backpressure = _backpressure(p=3, q=3)
    assert backpressure.turn(NOW) == ([], [])
    assert backpressure.batch == 3


def test_partition_pauses_at_its_bound_and_the_others_go_on() -> None:
    backpressure = _backpressure(p=6, q=1)
    assert backpressure.turn(NOW) == (["p"], [])
    assert backpressure.turn(NOW) == ([], [])


def test_partition_resumes_at_half_of_its_bound() -> None:
    backpressure = _backpressure(p=6)
    backpressure.turn(NOW)
    backpressure.done("p", 10)
    assert backpressure.turn(NOW) == ([], [])
    for _ in range(2):
        backpressure.done("p", 10)
    assert backpressure.turn(NOW) == ([], ["p"])


def test_what_stands_still_takes_half_of_all_at_most() -> None:
    backpressure = _backpressure(p=4, q=4)
    _moves(backpressure, "good")
    _take(backpressure, "good", 3)
    assert backpressure.turn(NOW) == (["p", "q"], [])
    _take(backpressure, "good", 2)
    assert backpressure.turn(NOW) == ([], [])


def test_what_moves_pauses_at_half_of_all_too_and_resumes_at_half_of_that() -> None:
    backpressure: Backpressure[str] = Backpressure(BOUNDS)
    _moves(backpressure, "p", "q")
    for partition in ("p", "q"):
        _take(backpressure, partition, 4)
    assert backpressure.turn(NOW) == (["p", "q"], [])
    for _ in range(3):
        backpressure.done("p", 10)
    assert backpressure.turn(NOW) == ([], [])
    backpressure.done("q", 10)
    assert backpressure.turn(NOW) == ([], ["p", "q"])


def test_partition_of_which_nothing_is_done_stands_still_after_a_while() -> None:
    backpressure: Backpressure[str] = Backpressure(BOUNDS)
    _moves(backpressure, "p", "q")
    for partition in ("p", "q"):
        _take(backpressure, partition, 3)
    assert backpressure.turn(NOW) == ([], [])
    _take(backpressure, "r", 3)
    assert backpressure.turn(NOW + 9) == ([], [])
    assert backpressure.turn(NOW + 11) == (["p", "q", "r"], [])


def test_what_moves_has_what_is_left_of_what_began_to_stand_still() -> None:
    backpressure: Backpressure[str] = Backpressure(BOUNDS)
    _moves(backpressure, "p", "q")
    for partition in ("p", "q"):
        _take(backpressure, partition, 3)
    backpressure.turn(NOW)
    _moves(backpressure, "good")
    for partition, records in (("p", 2), ("q", 2), ("good", 5)):
        _take(backpressure, partition, records)
    assert backpressure.turn(NOW + 11) == (["p", "q"], [])
    _take(backpressure, "good", 1)
    assert backpressure.turn(NOW + 11) == (["good"], [])


def test_partition_of_which_nothing_is_open_is_read_although_all_is_taken() -> None:
    backpressure = _backpressure(p=6, q=6, r=4, good=0)
    assert backpressure.turn(NOW) == (["p", "q", "r"], [])
    assert backpressure.batch == 1
    _take(backpressure, "good", 1)
    assert backpressure.turn(NOW) == (["good"], [])
    backpressure.done("good", 10)
    assert backpressure.turn(NOW) == ([], ["good"])


def test_nothing_is_read_a_quarter_above_the_bounds() -> None:
    backpressure = _backpressure(p=6, q=6, r=6, s=2, empty=0)
    assert backpressure.turn(NOW) == (["p", "q", "r", "s", "empty"], [])


def test_bytes_are_bounded_like_records() -> None:
    backpressure: Backpressure[str] = Backpressure(BOUNDS)
    _take(backpressure, "p", 1, 600)
    _take(backpressure, "q", 1, 199)
    assert backpressure.turn(NOW) == (["p"], [])
    _take(backpressure, "q", 1, 1)
    assert backpressure.turn(NOW) == (["q"], [])


def test_dropped_partition_counts_no_more() -> None:
    backpressure = _backpressure(p=6, q=6, r=6)
    assert backpressure.turn(NOW)[0] == ["p", "q", "r"]
    backpressure.drop("p")
    backpressure.drop("q")
    backpressure.done("p", 10)
    for _ in range(3):
        backpressure.done("r", 10)
    assert backpressure.turn(NOW) == ([], ["r"])
    assert backpressure.batch == 3


@pytest.mark.parametrize(
    ("bounds", "batches"), [(Bounds(), (500, 20, 1)), (Bounds(8, 800, 2, 200), (1, 1, 1))], ids=["usual", "tiny"]
)
def test_less_is_read_at_once_the_more_is_open(bounds: Bounds, batches: tuple[int, int, int]) -> None:
    backpressure: Backpressure[int] = Backpressure(bounds)
    seen = []
    for share in (0, bounds.records // 2, bounds.records // 2):
        for number in range(share):
            backpressure.taken(number % 8, 1)
        backpressure.turn(NOW)
        seen.append(backpressure.batch)
    assert tuple(seen) == batches
