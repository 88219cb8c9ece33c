"""A place that hangs stops no other (rule V14)."""

from __future__ import annotations

import pytest

from tests.unit.file_fetcher.members import OTHER, World
from tests.unit.file_fetcher.rows import PARTITION


@pytest.mark.rule("V14")
def test_v14_partition_whose_host_hangs_stops_no_other(world: World) -> None:
    # Taken out: one bound for all.
    world.own(PARTITION, OTHER)
    world.take(*(world.event("hangs.pdf", name=f"photos/{number}") for number in range(3)))
    assert world.fetcher.turns() == ([PARTITION], [])
    hanging = list(world.downloads.tasks)
    world.downloads.tasks.clear()
    for number in range(10, 20):
        assert world.fetcher.batch == 1
        world.take(world.event("a.pdf", name=f"photos/{number}", topic_partition=OTHER))
        world.work()
        pause, _ = world.fetcher.turns()
        assert OTHER not in pause
    assert (len(world.results()), world.broker.committed[OTHER]) == (10, 15)
    world.downloads.tasks.extend(hanging)
    world.work()
    assert len(world.results()) == 13
    assert world.fetcher.turns() == ([], [PARTITION])


@pytest.mark.rule("V14")
def test_v14_download_is_of_the_place_that_its_file_comes_from(world: World) -> None:
    world.own()
    world.take(world.event("a.pdf"), world.event("b.pdf", name="photos/8"))
    assert world.downloads.places == ["place of a.pdf", "place of b.pdf"]
