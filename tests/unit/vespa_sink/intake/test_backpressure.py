from __future__ import annotations

from vespa_sink.intake.backpressure import Backpressure, Bounds

BOUNDS = Bounds(records=10, bytes=1000, partition_records=4, partition_bytes=400)


def _backpressure(**taken: int) -> Backpressure[str]:
    backpressure: Backpressure[str] = Backpressure(BOUNDS)
    for partition, records in taken.items():
        for _ in range(records):
            backpressure.taken(partition, 10)
    return backpressure


def test_nothing_pauses_below_the_bounds() -> None:
    assert _backpressure(p=3, q=3).turn() == ([], [])


def test_partition_pauses_at_its_bound_and_the_others_go_on() -> None:
    backpressure = _backpressure(p=4, q=1)
    assert backpressure.turn() == (["p"], [])
    assert backpressure.turn() == ([], [])


def test_partition_resumes_at_half_of_its_bound() -> None:
    backpressure = _backpressure(p=4)
    backpressure.turn()
    backpressure.done("p", 10)
    assert backpressure.turn() == ([], [])
    backpressure.done("p", 10)
    assert backpressure.turn() == ([], ["p"])


def test_all_partitions_pause_at_the_bound_for_all_and_resume_at_half() -> None:
    backpressure = _backpressure(p=3, q=3, r=3)
    backpressure.taken("s", 10)
    assert backpressure.turn() == (["p", "q", "r", "s"], [])
    for partition in ("p", "q"):
        for _ in range(2):
            backpressure.done(partition, 10)
    assert backpressure.turn() == ([], [])
    backpressure.done("r", 10)
    assert backpressure.turn() == ([], ["p", "q", "r", "s"])


def test_bytes_are_bounded_like_records() -> None:
    backpressure: Backpressure[str] = Backpressure(BOUNDS)
    backpressure.taken("p", 400)
    backpressure.taken("q", 399)
    assert backpressure.turn() == (["p"], [])
    backpressure.taken("r", 250)
    assert backpressure.turn() == (["q", "r"], [])


def test_dropped_partition_counts_no_more() -> None:
    backpressure = _backpressure(p=4, q=6)
    backpressure.turn()
    backpressure.drop("p")
    backpressure.done("p", 10)
    assert (backpressure.records, backpressure.bytes) == (6, 60)
