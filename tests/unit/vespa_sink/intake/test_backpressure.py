from __future__ import annotations

from vespa_sink.intake.backpressure import Bounds, Flow

BOUNDS = Bounds(records=10, bytes=1000, partition_records=4, partition_bytes=400)


def _flow(**taken: int) -> Flow[str]:
    flow: Flow[str] = Flow(BOUNDS)
    for partition, records in taken.items():
        for _ in range(records):
            flow.taken(partition, 10)
    return flow


def test_nothing_pauses_below_the_bounds() -> None:
    assert _flow(p=3, q=3).turn() == ([], [])


def test_partition_pauses_at_its_bound_and_the_others_go_on() -> None:
    flow = _flow(p=4, q=1)
    assert flow.turn() == (["p"], [])
    assert flow.turn() == ([], [])


def test_partition_resumes_at_half_of_its_bound() -> None:
    flow = _flow(p=4)
    flow.turn()
    flow.done("p", 10)
    assert flow.turn() == ([], [])
    flow.done("p", 10)
    assert flow.turn() == ([], ["p"])


def test_all_partitions_pause_at_the_bound_for_all_and_resume_at_half() -> None:
    flow = _flow(p=3, q=3, r=3)
    flow.taken("s", 10)
    assert flow.turn() == (["p", "q", "r", "s"], [])
    for partition in ("p", "q"):
        for _ in range(2):
            flow.done(partition, 10)
    assert flow.turn() == ([], [])
    flow.done("r", 10)
    assert flow.turn() == ([], ["p", "q", "r", "s"])


def test_bytes_are_bounded_like_records() -> None:
    flow: Flow[str] = Flow(BOUNDS)
    flow.taken("p", 400)
    flow.taken("q", 399)
    assert flow.turn() == (["p"], [])
    flow.taken("r", 250)
    assert flow.turn() == (["q", "r"], [])


def test_dropped_partition_counts_no_more() -> None:
    flow = _flow(p=4, q=6)
    flow.turn()
    flow.drop("p")
    flow.done("p", 10)
    assert (flow.records, flow.bytes) == (6, 60)
