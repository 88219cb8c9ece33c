"""What happens to what is under way when partitions go (`group_member`, rule 2)."""

from __future__ import annotations

from tests.unit.vespa_sink.world.sinks import OTHER, PARTITION, World, played


@played()
async def test_revoked_partition_is_finished_and_committed_before_it_is_given_up(world: World) -> None:
    await world.start()
    await world.until(lambda: world.committed() == 0)
    world.vespa.held = True
    world.put(7, "a", 10)
    await world.until(lambda: world.vespa.waiting)
    world.loop.call_later(3.0, world.vespa.release)
    world.revoke(PARTITION)
    await world.until(lambda: not world.kafka.rebalances and world.committed() == 1)
    assert world.titles() == {7: "a"}


@played()
async def test_revoked_partition_is_not_waited_for_without_end(world: World) -> None:
    await world.start(PARTITION, OTHER)
    await world.until(lambda: world.committed() == 0 and world.committed(OTHER) == 0)
    world.vespa.held = True
    world.put(7, "a", 10)
    await world.until(lambda: world.vespa.waiting)
    began = world.loop.now_s
    world.revoke(PARTITION)
    world.tombstone(9, 5, at=OTHER)
    await world.until(lambda: world.vespa.waiting == 2)
    assert 9.0 < world.loop.now_s - began < 15.0
    assert world.committed() == 0


@played()
async def test_nothing_of_a_lost_partition_is_committed(world: World) -> None:
    await world.start(PARTITION, OTHER)
    await world.until(lambda: world.committed() == 0 and world.committed(OTHER) == 0)
    world.vespa.held = True
    world.put(7, "a", 10)
    world.put(8, "b", 10, at=OTHER)
    await world.until(lambda: world.vespa.waiting == 2)
    world.lose(PARTITION)
    await world.passes(1.0)
    world.vespa.release()
    await world.until(lambda: world.committed(OTHER) == 1)
    await world.passes(5.0)
    assert world.committed() == 0


@played()
async def test_partition_that_comes_back_is_read_from_its_committed_position(world: World) -> None:
    await world.start()
    await world.until(lambda: world.committed() == 0)
    world.vespa.held = True
    world.put(7, "a", 10)
    await world.until(lambda: world.vespa.waiting)
    world.lose(PARTITION)
    world.assign(PARTITION)
    await world.until(lambda: not world.kafka.rebalances)
    world.vespa.release()
    await world.until(lambda: world.committed() == 1)
    assert world.titles() == {7: "a"}
