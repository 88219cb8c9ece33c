"""A lock hides the row filter of a table, and of nothing else (rule D8)."""

from __future__ import annotations

import pytest

from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.source import inserted
from tests.unit.cdc_reader.world import World

ITEMS = 1
ONE, TWO = ("1", "a", None), ("2", "b", None)


def restarted(world: World) -> World:
    world.kill()
    return world.start()


@pytest.mark.rule("D8")
def test_d8_row_filter_that_a_lock_hides_is_the_one_of_before(make_world: MakeWorld) -> None:
    """Red without what the publication's record, or the session, knows of it: the table would be set aside."""
    world = make_world(heartbeat_interval_s=10)
    world.source.create("items", ITEMS)
    world.source.row_filters[ITEMS] = "(id > 0)"
    world.start().settle()
    world.source.locked.add(ITEMS)
    sessions = len(world.streams)
    for row in (ONE, TWO):
        world.source.transact(inserted(ITEMS, *row))
        world.turn(seconds=11).turn(3)
        assert len(world.streams) == sessions
        restarted(world).turn(3)
        sessions = len(world.streams)
    assert [row[0] for op, row in world.streamed() if op == "c"] == [1, 2]
    assert world.told(mode="snapshot").count(("r", (1, "a", None))) == 0


@pytest.mark.rule("D8", "S5")
def test_d8_table_whose_row_filter_nobody_knows_waits_for_the_lock_to_end(make_world: MakeWorld) -> None:
    world = make_world(heartbeat_interval_s=10)
    world.source.create("items", ITEMS)
    world.source.create("others", ITEMS + 1)
    world.source.row_filters[ITEMS] = "(id > 0)"
    world.source.locked.add(ITEMS)
    world.start().settle()
    world.source.transact(inserted(ITEMS, *ONE), inserted(ITEMS + 1, *TWO))
    world.turn(2)
    assert [row[0] for op, row in world.streamed("others") if op == "c"] == [2]
    assert world.records() == []
    world.source.locked.clear()
    world.turn(seconds=11).settle().settle()
    assert sorted(world.holds()) == ["1"]
