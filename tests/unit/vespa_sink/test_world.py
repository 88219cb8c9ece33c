"""The world itself: a row's way through it."""

from __future__ import annotations

from tests.unit.vespa_sink.world.sinks import PARTITION, World, played


@played()
async def test_row_becomes_a_document_and_its_offset_is_committed(world: World) -> None:
    world.put(7, "a", 10)
    await world.start()
    await world.until(lambda: world.committed() == 1)
    assert (world.titles(), world.vespa.actions()) == ({7: "a"}, [("put", "rows/7", 10)])
    assert world.health.readiness()[0]


@played()
async def test_sink_that_ends_finishes_and_commits_what_it_has_taken(world: World) -> None:
    await world.start()
    await world.until(lambda: world.committed() == 0)
    world.vespa.held = True
    world.put(7, "a", 10)
    await world.until(lambda: world.vespa.waiting)
    world.loop.call_later(1.0, world.vespa.release)
    await world.stop()
    assert (world.titles(), world.kafka.committed[PARTITION][0]) == ({7: "a"}, 1)
