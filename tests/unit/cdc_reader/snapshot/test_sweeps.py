"""Sweeps: when a scan ends with one, what lies below it, and tables that leave (S7, V1, D1)."""

from __future__ import annotations

import pytest

from schemas.control import Kind, State
from schemas.tables import TableEntry
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.source import Change, deleted, inserted, truncated, updated
from tests.unit.cdc_reader.world import TOPICS, World

ITEMS = 1


def rows(*keys: int, oid: int = ITEMS) -> list[Change]:
    return [inserted(oid, str(key), "a", None) for key in keys]


@pytest.fixture
def scanned(world: World) -> World:
    """A reader whose scan has found ten rows, and swept."""
    world.source.transact(*rows(*range(10)))
    return world.start().settle()


def lost_without_a_trace(world: World, *keys: int) -> None:
    """Rows that are gone, but not by the stream: a row filter, a restore, a mistake of ours."""
    done = world.source.done
    world.source.done[:] = [
        each._replace(changes=tuple(c for c in each.changes if c.new is None or int(c.new[0] or 0) not in keys))
        for each in done
    ]


def asked(world: World, *, force: bool = False) -> State:
    """Ask for a snapshot, and let it come to its end."""
    command = world.ask(Kind.SNAPSHOT, force=force)
    world.settle()
    return world.commands()[command].state


@pytest.mark.rule("S7")
def test_s7_sweep_takes_out_what_a_complete_scan_did_not_find(scanned: World) -> None:
    """Red without `self._events.sweep` in `_complete`."""
    lost_without_a_trace(scanned, 1, 2)
    assert asked(scanned) is State.DONE
    assert list(scanned.holds()) == ["0", *"3456789"]


@pytest.mark.rule("S7")
def test_s7_sweep_that_looks_wrong_is_held_until_somebody_insists(scanned: World) -> None:
    """Red with `held = False` in `finish`."""
    lost_without_a_trace(scanned, *range(6))
    asked(scanned)
    progress = scanned.progress()
    assert progress is not None
    assert (progress.state, progress.complete_rows, len(scanned.holds())) == ("held", 10, 10)
    asked(scanned)
    assert len(scanned.holds()) == 10  # a second scan with as few rows is as wrong
    asked(scanned, force=True)
    assert list(scanned.holds()) == list("6789")


@pytest.mark.rule("S7")
def test_s7_first_scan_is_compared_with_the_planners_estimate(make_world: MakeWorld) -> None:
    """Red with `expected = 0` where no scan has told a number."""
    world = make_world()
    world.source.create("items", ITEMS, row_estimate=1_000)
    world.source.transact(*rows(1, 2))
    world.start().settle()
    assert [op for op, _ in world.told()] == ["r", "r"]
    progress = world.progress()
    assert progress is not None
    assert progress.state == "held"


LOWERING = {
    "deletes in one life": (list(range(6)), False, False),
    "deletes and a heartbeat": (list(range(6)), True, False),
    "deletes of an earlier life": (list(range(6)), True, True),
}


@pytest.mark.rule("S7")
@pytest.mark.parametrize(("keys", "beats", "again"), LOWERING.values(), ids=LOWERING)
def test_s7_deletes_that_the_stream_saw_lower_what_is_expected(
    scanned: World, keys: list[int], beats: bool, again: bool
) -> None:
    """Red without `table.deletes`, or without `remember_deletes` (over a restart)."""
    scanned.source.transact(*(deleted(ITEMS, str(key), "a", None) for key in keys))
    scanned.turn(seconds=1_001 if beats else 0).settle()
    if again:
        scanned.kill()
        scanned.start()
    assert asked(scanned) is State.DONE
    assert scanned.told()[-1] == ("s", None)


@pytest.mark.rule("S7")
@pytest.mark.parametrize("again", [False, True], ids=["in one life", "in the next life"])
def test_s7_truncate_makes_any_number_right(scanned: World, again: bool) -> None:
    """Red without `emptied` in the session's `truncated`; for the next life, without its record."""
    scanned.source.transact(truncated(ITEMS), *rows(1))
    scanned.turn()
    if again:
        scanned.kill()
        scanned.start()
    asked(scanned)
    assert scanned.told()[-1] == ("s", None)


@pytest.mark.rule("S7")
def test_s7_incomplete_scan_sweeps_nothing(make_world: MakeWorld) -> None:
    """Red where a scan is complete with its first chunk."""
    world = make_world(snapshot={"chunk_rows": 2})
    world.source.create("items", ITEMS)
    world.source.transact(*rows(1, 2, 3, 4, 5))
    world.start().settle_until(lambda: len(world.told()) >= 2)
    assert "s" not in [op for op, _ in world.told()]
    world.settle()
    assert world.told()[-1] == ("s", None)


@pytest.mark.rule("S7")
def test_s7_sweep_lies_above_what_was_queued_before_its_marker(scanned: World) -> None:
    """Red with an N of before the marker was received: rows of a dropped table would stay for ever."""
    scanned.side.waits = True
    scanned.ask(Kind.SNAPSHOT)
    scanned.turn(2)
    scanned.source.transact(*rows(20, 21))
    scanned.turn()
    assert len(scanned.holds()) == 12
    lost_without_a_trace(scanned, 20, 21)
    scanned.side.waits = False
    scanned.settle()
    assert len(scanned.holds()) == 10


@pytest.mark.rule("V1")
@pytest.mark.parametrize("again", [False, True], ids=["in one life", "in the next life"])
def test_v1_sweep_that_began_before_a_truncate_keeps_the_floor_of_the_truncate(scanned: World, again: bool) -> None:
    """Red without `max` in `Floors._publish`, or without the record of floors there (in the next life).

    Under the same key, the lower floor of the sweep would be all that compaction leaves.
    """
    scanned.ask(Kind.SNAPSHOT)
    scanned.side.waits = True
    scanned.turn(2)
    scanned.side.run()
    scanned.turn(2)  # N is taken
    scanned.source.transact(truncated(ITEMS), *rows(1))
    scanned.turn()
    if again:
        scanned.kill()
        scanned.start()
    scanned.side.waits = False
    scanned.settle()
    floors = [event.below_version or 0 for event in scanned.events() if event.op in "ts"]
    assert [op for op, _ in scanned.told() if op in "ts"] == ["s", "t", "s"]
    assert floors == sorted(floors)
    assert list(scanned.holds()) == ["1"]


@pytest.mark.rule("D1")
def test_d1_definition_is_compared_before_a_sweep(world: World) -> None:
    """Red without the comparison of definitions in `_finish_chunk`: chunks of two definitions, and a sweep."""
    world.source.transact(*rows(1, 2))
    world.start()
    world.source.before("COPY", lambda: world.source.rewrite(ITEMS))
    world.settle_until(lambda: world.told() != [])
    world.settle()
    assert [op for op, _ in world.told()] == ["r", "r", "s"]
    assert len(world.streams) == 2, "it was read twice"


@pytest.mark.rule("D1")
def test_d1_ddl_that_sends_nothing_is_found_by_a_heartbeat(scanned: World) -> None:
    """Red without `compare_definitions` in the heartbeat."""
    scanned.source.rewrite(ITEMS)
    scanned.turn(seconds=1_001).settle()
    assert [op for op, _ in scanned.told()][11:] == ["r"] * 10 + ["s"]


@pytest.mark.rule("D1")
def test_d1_rows_under_a_relation_that_differs_are_told_by_the_new_definition(scanned: World) -> None:
    """By two ways: definitions are compared at once, and the rows that came have their table read again."""
    scanned.source.retype(ITEMS, {"id": "bigint", "name": "text", "note": "text", "more": "text"})
    scanned.source.transact(updated(ITEMS, ("1", "a", None, None), ("1", "b", None, "m")))
    scanned.settle()
    assert scanned.holds()["1"] == (1, "b", None, "m")
    assert scanned.holds()["2"] == (2, "a", None, None)
    assert [op for op, _ in scanned.told()].count("r") == 20, "nothing is read under the definition of before"


@pytest.mark.rule("D1")
def test_d1_scan_of_another_definition_does_not_go_on(make_world: MakeWorld) -> None:
    """Red where the start compares no definitions."""
    world = make_world(snapshot={"chunk_rows": 1})
    world.source.create("items", ITEMS)
    world.source.transact(*rows(1, 2, 3))
    world.start().settle_until(lambda: len(world.told()) == 2)
    world.kill()
    world.source.rewrite(ITEMS)
    world.start().settle()
    assert [row[0] for op, row in world.told() if op == "r"] == [1, 2, 1, 2, 3]


@pytest.mark.rule("D1")
def test_d1_table_of_the_same_name_is_another_table(scanned: World) -> None:
    """Red where `bind` finds a table by its name, or where the start compares neither OIDs nor definitions."""
    scanned.stream.waits = True
    scanned.source.transact(*rows(20))
    scanned.source.drop(ITEMS)
    scanned.source.create("items", 7)
    scanned.source.transact(*rows(30, oid=7))
    scanned.stream.waits = False
    scanned.settle()
    assert list(scanned.holds()) == ["30"]
    assert ("c", (30, "a", None)) not in scanned.told()


@pytest.mark.rule("D1", "S7")
def test_d1_dropped_table_leaves_the_topic_with_all_that_was_queued(scanned: World) -> None:
    """Red without `_take_out` at the marker, or with the version of the session's start for its N."""
    scanned.stream.waits = True
    scanned.source.transact(*rows(20))
    scanned.source.drop(ITEMS)
    scanned.source.create("others", 8)
    scanned.turn(seconds=1_001)
    scanned.stream.waits = False
    scanned.settle()
    assert scanned.holds() == {}
    [entry] = [TableEntry.from_json(each.value) for each in scanned.broker.records(TOPICS.tables)[-1:] if each.value]
    assert (str(entry.name), entry.deleted, scanned.progress()) == ("public.items", True, None)


@pytest.mark.rule("S7")
def test_s7_removed_table_is_swept_at_its_own_marker_alone(scanned: World) -> None:
    """Red where `on_message` takes every marker of a removed table for its own."""
    scanned.kill()
    scanned.source.drop(ITEMS)
    scanned.source.create("others", 8)
    scanned.start()
    scanned.side.waits = True
    scanned.source.emit("rowferry/another:removed")
    scanned.turn(2)
    assert len(scanned.holds()) == 10
    scanned.side.waits = False
    scanned.settle()
    assert scanned.holds() == {}


@pytest.mark.rule("D1")
def test_d1_marker_that_was_lost_is_written_by_the_next_reader(scanned: World) -> None:
    """Red where the entry of a removed table is marked deleted before it is swept."""
    scanned.kill()
    scanned.source.drop(ITEMS)
    scanned.source.create("others", 8)
    scanned.start()
    scanned.side.waits = True
    scanned.turn(2)
    scanned.kill()
    scanned.start().settle()
    assert scanned.holds() == {}


@pytest.mark.rule("S8")
def test_s8_scan_out_of_order_is_void_and_sweeps_nothing(scanned: World) -> None:
    """Red without the branch of `out_of_order` in `_finish_chunk`: the sweep takes out all that was not read."""
    scanned.source.disordered.add(ITEMS)
    assert asked(scanned) is State.REFUSED
    assert asked(scanned, force=True) is State.REFUSED, "no operator can insist on it"
    progress = scanned.progress()
    assert progress is not None
    assert (progress.state, progress.complete_rows, len(scanned.holds())) == ("held", 10, 10)
    scanned.source.disordered.clear()
    assert asked(scanned) is State.DONE
