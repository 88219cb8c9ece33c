"""Scans of a new session wait for what an earlier one delivered, and nobody else sees yet (S1)."""

from __future__ import annotations

import pytest

from cdc_reader.progress.unseen_transactions import LISTED
from schemas.control import Kind
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.connections import lost_connection
from tests.unit.cdc_reader.source import deleted, inserted
from tests.unit.cdc_reader.world import World

ITEMS = 1
ONE, TWO = ("1", "a", None), ("2", "b", None)


def held_by_the_source(world: World) -> dict[str, tuple[object, ...]]:
    return {str(key): (key, *row[1:]) for key, row in world.source.rows(ITEMS).items()}


@pytest.mark.rule("S1")
@pytest.mark.parametrize("restart", ["killed", "connection lost", "definition changed"])
def test_s1_what_an_earlier_session_delivered_is_waited_for(make_world: MakeWorld, restart: str) -> None:
    """Red where a position carries nothing; twice, since each session hands on what it was handed."""
    world = make_world(heartbeat_interval_s=100)
    world.source.create("items", ITEMS)
    world.source.create("others", 2)
    world.source.transact(inserted(ITEMS, *ONE), inserted(ITEMS, *TWO))
    world.start().settle()
    world.source.transact(deleted(ITEMS, *ONE), inserted(ITEMS, "9", "z", None), hidden=True)
    for key in "56":
        world.source.transact(inserted(ITEMS, key, "x", None))  # a session gets the last one again, not those before
        world.turn(2)
        restarted(world, restart)
    assert len(world.streams) == 3
    world.ask(Kind.SNAPSHOT, force=True)
    world.settle()
    assert [row for op, row in world.told() if op == "r"] == [(1, "a", None), (2, "b", None)], "nothing is read"
    world.source.reveal()
    world.turn(16, seconds=1)
    assert world.holds() == held_by_the_source(world)


def restarted(world: World, way: str) -> None:
    """Let the next session begin."""
    if way == "killed":
        world.kill()
        world.start()
    elif way == "connection lost":
        world.stream.error = lost_connection()
        world.turn(2, seconds=1)
    else:
        world.source.rewrite(2)
        world.turn(seconds=101).turn(3)


@pytest.mark.rule("S1")
def test_s1_range_of_what_an_earlier_session_delivered_is_waited_for(world: World) -> None:
    """Red where only the xids that are listed are waited for."""
    world.source.transact(inserted(ITEMS, *ONE))
    world.start().settle()
    world.source.transact(deleted(ITEMS, *ONE), hidden=True)
    for _ in range(LISTED + 1):
        world.source.transact(inserted(ITEMS, *TWO), deleted(ITEMS, *TWO))
    world.turn().kill()
    stored = world.position()
    assert stored is not None
    assert stored.unseen is not None
    assert stored.unseen.between is not None
    world.start()
    waits_for_what_is_hidden(world, {})


@pytest.mark.rule("S1")
def test_s1_greatest_xid_of_all_is_waited_for_too(world: World) -> None:
    """Red where the start's snapshot does not lie behind it: a snapshot ends behind what has ended."""
    world.source.transact(inserted(ITEMS, *ONE))
    world.start().settle()
    early = world.source.begin()
    world.source.transact(deleted(ITEMS, *ONE), hidden=True)
    world.source.transact(inserted(ITEMS, *TWO), xid=early)
    world.turn().kill()
    world.start()
    waits_for_what_is_hidden(world, {"2": (2, "b", None)})


@pytest.mark.rule("S1")
def test_s1_position_of_an_older_reader_waits_for_all_that_runs(world: World) -> None:
    """Red where a position without `unseen` is taken for one with nothing in it."""
    world.source.transact(inserted(ITEMS, *ONE))
    world.start().settle()
    world.source.transact(deleted(ITEMS, *ONE), hidden=True)
    world.source.transact(inserted(ITEMS, *TWO))
    world.turn().kill()
    world.rewrite_position(unseen=None)
    world.start()
    waits_for_what_is_hidden(world, {"2": (2, "b", None)})


@pytest.mark.rule("S1", "P5")
def test_s1_what_a_slot_without_a_position_does_not_send_is_waited_for(world: World) -> None:
    """Red where no position means that nothing is waited for."""
    world.source.transact(inserted(ITEMS, *ONE), hidden=True)
    world.source.slots["rowferry"] = world.source.lsn
    world.start()
    world.source.before("pause", world.source.reveal)
    world.settle()
    assert world.holds() == {"1": (1, "a", None)}


def waits_for_what_is_hidden(world: World, rows: dict[str, tuple[object, ...]]) -> None:
    """Scan; the table holds these rows once all is visible."""
    world.ask(Kind.SNAPSHOT, force=True)
    world.source.before("pause", world.source.reveal)
    world.settle()
    assert world.holds() == rows == held_by_the_source(world)
