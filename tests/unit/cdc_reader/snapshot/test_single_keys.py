"""Rows that are read again by their keys: what is said of those that are there, and of those that are not."""

from __future__ import annotations

import pytest

from cdc_reader.snapshot import runner
from schemas.control import Kind, State
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.source import inserted, truncated, updated
from tests.unit.cdc_reader.world import World

ITEMS = 1
ONE, TWO = ("1", "a", None), ("2", "b", None)


@pytest.fixture
def scanned(world: World) -> World:
    """A reader that has read rows 1 and 2, of which 2 is then gone without a trace."""
    world.source.transact(inserted(ITEMS, *ONE))
    world.source.transact(inserted(ITEMS, *TWO))
    world.start().settle()
    world.source.done[1] = world.source.done[1]._replace(changes=())
    return world


def read(world: World, *keys: str) -> State:
    command = world.ask(Kind.REREAD, keys=keys)
    world.settle()
    return world.commands()[command].state


@pytest.mark.rule("V2")
def test_v2_key_without_a_row_is_a_delete_with_its_tombstone(scanned: World) -> None:
    """Red without `publish_tombstone` in `ScanEvents.chunk`."""
    assert read(scanned, "1", "2") is State.DONE
    assert scanned.told()[-2:] == [("r", (1, "a", None)), ("d", None)]
    [tombstone] = [each for each in scanned.records() if each.value is None]
    version = str(scanned.events()[-1].version).encode()
    assert (tombstone.key, tombstone.header("rowferry.version")) == (b"2", version)
    assert scanned.holds(compacted=True) == {"1": (1, "a", None)}


@pytest.mark.rule("S2")
def test_s2_row_that_came_while_its_key_was_read_is_not_gone(scanned: World) -> None:
    """Red with `gone` of all absent keys, whatever the stream said meanwhile."""
    back = inserted(ITEMS, "2", "back", None)
    scanned.source.before("COPY", lambda: scanned.source.before("ROLLBACK", lambda: scanned.source.transact(back)))
    assert read(scanned, "2") is State.DONE
    assert scanned.holds() == {"1": (1, "a", None), "2": (2, "back", None)}


@pytest.mark.rule("S3")
def test_s3_keys_behind_the_cut_of_a_chunk_are_not_gone(make_world: MakeWorld) -> None:
    """Red where keys that a cut chunk did not hold count as absent."""
    world = make_world(snapshot={"chunk_bytes": 1024})
    world.source.create("items", ITEMS)
    world.source.transact(*(inserted(ITEMS, str(key), "x" * 3_000, None) for key in range(1, 6)))
    world.start().settle()
    assert read(world, *"12345") is State.DONE
    assert [op for op, _ in world.told() if op != "s"] == ["r"] * 10


@pytest.mark.rule("S2")
def test_s2_scan_of_keys_survives_a_truncate(scanned: World) -> None:
    """Red where only scans of whole tables are void after a truncate."""
    scanned.source.before(
        "COPY", lambda: scanned.source.before("ROLLBACK", lambda: scanned.source.transact(truncated(ITEMS)))
    )
    assert read(scanned, "1") is State.DONE
    assert scanned.holds() == {}


@pytest.mark.rule("S2")
def test_s2_transaction_that_overtakes_too_many_keys_voids_the_chunk(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red without `void_large_windows` where a Kafka transaction is full: the keys kept have no bound."""
    world = make_world(commit={"max_rows": 2})
    monkeypatch.setattr(runner, "_MOST_OVERTAKEN", 3)
    world.source.create("items", ITEMS)
    world.source.transact(*(inserted(ITEMS, str(key), "a", None) for key in range(1, 7)))
    world.start()
    large = [updated(ITEMS, (str(key), "a", None), (str(key), "b", None)) for key in range(1, 7)]
    world.source.before("COPY", lambda: world.source.before("ROLLBACK", lambda: world.source.transact(*large)))
    world.settle()
    assert [row for op, row in world.told() if op == "r"] == [(key, "b", None) for key in range(1, 7)]
    assert len([each for each in world.source.statements if each.startswith("COPY")]) == 2
