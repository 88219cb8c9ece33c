"""How a member of the group ends: what was taken is finished and committed, or, after an error, given up."""

from __future__ import annotations

from tests.unit.vespa_sink.world.sinks import World, played


@played()
async def test_member_that_joins_finishes_and_commits_what_was_taken(world: World) -> None:
    await world.start()
    await world.until(lambda: world.committed() == 0)
    world.put(7, "a", 10)
    await world.until(world.titles)
    assert world.committed() == 0
    await world.stop()
    assert (world.titles(), world.committed()) == ({7: "a"}, 1)


@played()
async def test_member_that_is_terminated_commits_nothing(world: World) -> None:
    # Taken out: `on_revoke` finishes as ever.
    await world.start()
    await world.until(lambda: world.committed() == 0)
    world.put(7, "a", 10)
    await world.until(world.titles)
    await world.fail(ZeroDivisionError())
    assert (world.titles(), world.committed()) == ({7: "a"}, 0)
