"""A floor is a barrier in its partition (rule V4): what it waits for, what it removes, when it is over."""

from __future__ import annotations

import pytest

from tests.unit.vespa_sink.world.sinks import OTHER, PARTITION, World, played
from tests.unit.vespa_sink.world.vespa import Fate

# After it no request of the partition's last owner, nor one of ours, can be left.
LATE_S = 20.0


async def _settled(world: World, *topic_partitions: object) -> None:
    """A sink that has its partition for so long that no other's write can come."""
    await world.start(*topic_partitions)  # type: ignore[arg-type]
    await world.passes(LATE_S)


@pytest.mark.rule("V4")
@played()
async def test_v4_floor_removes_the_rows_below_it_and_no_other(world: World) -> None:
    # Taken out: the floor's version in its query, and in the condition of its removes.
    for key, version, partition in [(1, 10, 0), (2, 19, 0), (3, 20, 0), (4, 10, 1)]:
        world.vespa.hold_row(key, "held", version, partition)
    await _settled(world, PARTITION, OTHER)
    world.floor(20)
    await world.until(lambda: world.committed() == 1)
    assert world.titles() == {3: "held", 4: "held"}


@pytest.mark.rule("V4")
@played()
async def test_v4_floor_waits_for_the_writes_of_its_partition_that_are_under_way(world: World) -> None:
    # Taken out: `WriteOrder` starts a barrier although writes are open.
    await _settled(world)
    world.vespa.held = True
    world.put(7, "a", 10)
    world.floor(20)
    await world.until(lambda: world.vespa.waiting)
    searches = len(world.vespa.searches)
    await world.passes(5.0)
    assert len(world.vespa.searches) == searches
    world.vespa.release()
    await world.until(lambda: world.committed() == 2)
    assert world.titles() == {}


@pytest.mark.rule("V4")
@played()
async def test_v4_what_follows_a_floor_waits_until_it_is_over(world: World) -> None:
    # Taken out: `WriteOrder` does not keep what stands behind a barrier.
    await _settled(world)
    world.vespa.hold_row(1, "held", 10)
    world.vespa.coverage = [50] * 4
    world.floor(20)
    world.put(7, "a", 15)
    await world.until(lambda: not world.vespa.coverage)
    assert world.vespa.actions() == []
    await world.until(lambda: world.committed() == 2)
    assert world.vespa.actions() == [("remove", "rows/1", 20), ("put", "rows/7", 15)]
    assert world.titles() == {7: "a"}


@pytest.mark.rule("V4")
@played()
async def test_v4_floor_is_tried_again_while_the_search_does_not_see_everything(world: World) -> None:
    # Taken out: an empty page counts as the end whatever its coverage is.
    await _settled(world)
    world.vespa.hold_row(7, "held", 10)
    world.vespa.coverage = [99, 0]
    world.floor(20)
    await world.until(lambda: not world.health.readiness()[0])
    assert "expected full coverage" in world.health.readiness()[1]
    await world.until(lambda: world.committed() == 1)
    assert (world.titles(), world.health.readiness()[0]) == ({}, True)


@pytest.mark.rule("V4")
@played()
async def test_v4_pages_are_listed_until_there_is_none(world: World) -> None:
    # Taken out: the sweeper returns behind the first page.
    for key in range(450):
        world.vespa.hold_row(key, "held", 10)
    await _settled(world)
    world.floor(20)
    await world.until(lambda: world.committed() == 1)
    assert world.titles() == {}


@pytest.mark.rule("V4")
@played()
async def test_v4_row_that_became_newer_than_the_floor_after_it_was_listed_stays(world: World) -> None:
    # Taken out: the condition of the removes is always true.
    world.vespa.hold_row(7, "held", 10)
    await _settled(world)
    world.vespa.behind_search = [lambda: world.vespa.hold_row(7, "newer", 30)]
    world.floor(20)
    await world.until(lambda: world.committed() == 1)
    assert world.titles() == {7: "newer"}


@pytest.mark.rule("V4")
@played()
async def test_v4_write_that_takes_effect_after_the_floor_is_found_by_its_second_listing(world: World) -> None:
    # Taken out: the second listing.
    await _settled(world)
    world.vespa.fates = [Fate(late_s=9.0)]
    world.put(7, "a", 10)
    world.floor(20)
    await world.until(lambda: ("remove", "rows/7", 20) in world.vespa.actions())
    await world.until(lambda: world.titles() == {7: "a"}, "the first try of the write to take effect")
    await world.until(lambda: world.committed() == 2)
    assert world.titles() == {}


@pytest.mark.rule("V4")
@played()
async def test_v4_floor_behind_a_write_without_an_answer_is_passed_only_after_its_second_listing(world: World) -> None:
    # Taken out: nothing is noted of a write without an answer; doubts are never asked for.
    await _settled(world)
    world.vespa.fates = [Fate(late_s=9.0)]
    world.put(7, "a", 10)
    world.floor(20)
    world.put(8, "b", 30)
    await world.until(lambda: world.document(8))
    await world.passes(8.0)
    assert world.committed() == 1
    await world.until(lambda: world.committed() == 3)
    assert world.titles() == {8: "b"}


@pytest.mark.rule("V4")
@played()
async def test_v4_floor_soon_after_an_assignment_is_passed_only_after_its_second_listing(world: World) -> None:
    # Taken out: a new partition begins without doubts. Its last owner's writes may still come.
    await world.start()
    await world.until(lambda: world.committed() == 0)
    world.floor(20)
    await world.passes(5.0)
    world.vespa.hold_row(7, "of its last owner", 10)
    await world.passes(5.0)
    assert world.committed() == 0
    await world.until(lambda: world.committed() == 1)
    assert world.titles() == {}


@played()
async def test_floor_without_doubts_is_passed_behind_its_first_listing(world: World) -> None:
    await _settled(world)
    world.floor(20)
    began = world.loop.now_s
    await world.until(lambda: world.committed() == 1)
    assert world.loop.now_s - began < 5.0


@pytest.mark.rule("V4")
@played()
async def test_v4_floor_of_one_partition_holds_up_no_other(world: World) -> None:
    # Taken out: all partitions have one order.
    await _settled(world, PARTITION, OTHER)
    world.vespa.coverage = [50] * 6
    world.floor(20)
    world.put(7, "a", 15, at=OTHER)
    await world.until(lambda: world.committed(OTHER) == 1)
    assert (len(world.vespa.coverage) > 0, world.committed()) == (True, 0)
    await world.until(lambda: world.committed() == 1)
