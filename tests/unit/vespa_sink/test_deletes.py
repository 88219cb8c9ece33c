"""Deletes leave a memory (rule V3), and a tombstone may be all that is left of one (rule V2)."""

from __future__ import annotations

import pytest

from tests.unit.vespa_sink.world.sinks import World, played

WEEK_S = 7 * 24 * 3600


@pytest.mark.rule("V3")
@played()
async def test_v3_older_put_that_comes_after_a_delete_is_refused(world: World) -> None:
    # Taken out: a delete removes the document.
    await world.start()
    world.put(7, "a", 10)
    world.delete(7, 20)
    await world.until(lambda: world.committed() == 2)
    assert world.titles() == {}
    world.put(7, "again", 15)
    await world.until(lambda: world.committed() == 3)
    assert world.titles() == {}
    world.put(7, "newer", 30)
    await world.until(lambda: world.committed() == 4)
    assert world.titles() == {7: "newer"}


@pytest.mark.rule("V3")
@played()
async def test_v3_memory_holds_nothing_of_the_row(world: World) -> None:
    # Taken out: a delete removes the document.
    await world.start()
    world.put(7, "a", 10)
    world.delete(7, 20)
    await world.until(lambda: world.committed() == 2)
    document = world.document(7)
    assert document is not None
    assert document.keys() == {"deleted", "version", "expire_at"}
    assert (document["deleted"], document["version"]) == (True, 20)


@pytest.mark.rule("V3")
@played()
async def test_v3_memory_of_a_delete_that_was_read_late_is_kept_for_a_week_from_then(world: World) -> None:
    # Taken out: it expires by the time of its record. Vespa would ignore it, and an older put would bring the row back.
    world.put(7, "a", 10)
    world.delete(7, 20)
    world.loop.now_s += WEEK_S + 3600
    await world.start()
    await world.until(lambda: world.committed() == 2)
    document = world.document(7)
    assert document is not None
    assert document["expire_at"] - world.clock.time() == pytest.approx(WEEK_S, abs=5)


@pytest.mark.rule("V3")
@played()
async def test_v3_memory_of_a_delete_that_is_tried_again_is_kept_for_a_week_from_then(world: World) -> None:
    # Taken out: a delete keeps the operation of its first try.
    await world.start()
    world.put(7, "a", 10)
    await world.until(lambda: world.committed() == 1)
    world.vespa.down = True
    world.delete(7, 20)
    await world.until(lambda: ("delete", "rows/7", 20) in world.vespa.actions())
    world.loop.now_s += WEEK_S + 3600
    world.vespa.down = False
    await world.until(lambda: world.committed() == 2)
    document = world.document(7)
    assert document is not None
    assert document["expire_at"] - world.clock.time() == pytest.approx(WEEK_S, abs=60)


@pytest.mark.rule("V3")
@played()
async def test_v3_delete_that_vespa_ignores_is_followed_by_a_remove(world: World) -> None:
    # Taken out: an ignored delete counts as written.
    await world.start()
    world.put(7, "a", 10)
    await world.until(lambda: world.committed() == 1)
    world.vespa.now_s = lambda: float("inf")
    world.delete(7, 20)
    await world.until(lambda: world.committed() == 2)
    assert world.document(7) is None
    assert world.vespa.actions()[1:] == [("delete", "rows/7", 20), ("remove", "rows/7", 20)]


@pytest.mark.rule("V2")
@played()
async def test_v2_tombstone_alone_deletes_the_row_at_its_version(world: World) -> None:
    # Taken out: the version of a tombstone's header.
    await world.start()
    world.put(7, "a", 10)
    world.tombstone(7, 20)
    world.put(7, "older than the delete", 15)
    await world.until(lambda: world.committed() == 3)
    document = world.document(7)
    assert document is not None
    assert (world.titles(), document["version"]) == ({}, 20)
