"""A definition that changes while a scan runs: it begins again; and what was asked for ends, whatever happens."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.control import Command, Kind, State
from schemas.errors import RecordError
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.source import Change, inserted
from tests.unit.cdc_reader.test_changed_keys import entry, excluded, heartbeat
from tests.unit.cdc_reader.world import TOPICS, World

ITEMS, OTHERS = 1, 2


def rows(oid: int, *keys: int) -> list[Change]:
    return [inserted(oid, str(key), str(key), None) for key in keys]


def scanned(world: World, keys: int) -> World:
    """A reader that has read so many rows of each of two tables."""
    world.source.create("items", ITEMS)
    world.source.create("others", OTHERS)
    for oid in (ITEMS, OTHERS):
        world.source.transact(*rows(oid, *range(1, keys + 1)))
    return world.start().settle()


@pytest.fixture
def slow(make_world: MakeWorld) -> World:
    """A reader that has read three rows of each of two tables, in chunks of one row."""
    return scanned(make_world(snapshot={"chunk_rows": 1}), keys=3)


def asked(world: World, *tables: str, **more: object) -> Callable[[], Command]:
    """A snapshot of these tables is asked for, and the first chunk of one is read; what is said of it, later."""
    before = {table: len(world.told(table)) for table in tables}
    names = [f"public.{table}" for table in tables]
    command = world.ask(Kind.SNAPSHOT, *names, **more)
    world.settle_until(lambda: all(len(world.told(table)) > before[table] for table in tables))
    assert world.commands()[command].state is State.RUNNING
    return lambda: world.commands()[command]


def states(world: World, command: Command) -> list[State]:
    """All that was ever said of a command; twice the same is once."""
    records = [each for each in world.broker.records(TOPICS.control) if each.key == command.id.encode()]
    told = [Command.from_json(each.value or b"").state for each in records]
    return [state for state, before in zip(told, [None, *told], strict=False) if state is not before]


BEGUN_AGAIN = {
    "a heartbeat finds it": heartbeat,
    "the last chunk finds it": lambda world: world.settle().settle(),
    "the next reader finds it": lambda world: (world.kill(), world.start().settle().settle()),
}


@pytest.mark.rule("D1")
@pytest.mark.parametrize("found", BEGUN_AGAIN.values(), ids=BEGUN_AGAIN)
def test_d1_command_goes_on_when_the_definition_changes_meanwhile(
    slow: World, found: Callable[[World], object]
) -> None:
    """Red where the scan that begins again does not carry it: `running` for ever."""
    command = asked(slow, "items")
    slow.source.rewrite(ITEMS)
    found(slow)
    assert (command().state, command().detail) == (State.DONE, "3 rows")
    assert [op for op, _ in slow.told()][-4:] == ["r", "r", "r", "s"]
    slow.kill()
    slow.start().settle()
    assert states(slow, command()) == [State.REQUESTED, State.RUNNING, State.DONE], "once"


@pytest.mark.rule("D8")
def test_d8_command_whose_table_is_dropped_is_refused_with_the_reason(slow: World) -> None:
    command = asked(slow, "items")
    slow.source.drop(ITEMS)
    heartbeat(slow)
    assert (command().state, command().detail) == (
        State.REFUSED,
        "expected captured tables, got public.items (no such table is selected)",
    )


@pytest.mark.rule("D8")
def test_d8_command_whose_table_leaves_the_selection_is_refused_with_the_reason(slow: World) -> None:
    command = asked(slow, "items")
    excluded(slow, "items")
    assert (command().state, command().detail) == (
        State.REFUSED,
        "expected captured tables, got public.items (no such table is selected)",
    )


@pytest.mark.rule("D8")
def test_d8_command_whose_table_is_set_aside_is_refused_with_the_reason(slow: World) -> None:
    command = asked(slow, "items")
    slow.source.rekey(ITEMS, "")
    heartbeat(slow)
    reason = entry(slow).capture.reason
    assert (command().state, command().detail) == (
        State.REFUSED,
        f"expected captured tables, got public.items ({reason})",
    )


@pytest.mark.rule("D8")
@pytest.mark.parametrize("gone", ["items", "others"])
def test_d8_command_for_several_tables_has_one_answer(slow: World, gone: str) -> None:
    """Red where the scan of the table that is left says `done` behind `refused`."""
    command = asked(slow, "items", "others")
    slow.source.drop({"items": ITEMS, "others": OTHERS}[gone])
    heartbeat(slow)
    slow.settle()
    assert states(slow, command()) == [State.REQUESTED, State.RUNNING, State.REFUSED]
    left = "others" if gone == "items" else "items"
    assert [op for op, _ in slow.told(left)][-4:] == ["r", "r", "r", "s"], "the other table is read nevertheless"


@pytest.mark.rule("S8")
def test_s8_command_for_several_tables_has_one_answer(make_world: MakeWorld) -> None:
    """Red where the scan of the other table says `done` behind `refused`."""
    world = scanned(make_world(snapshot={"chunk_rows": 2}), keys=5)
    world.source.disordered.add(ITEMS)
    command = world.ask(Kind.SNAPSHOT, "public.items", "public.others")
    world.settle().settle()
    answer = world.commands()[command]
    assert states(world, answer) == [State.REQUESTED, State.RUNNING, State.REFUSED]
    assert answer.detail.startswith("public.items: ")


@pytest.mark.rule("D8")
def test_d8_command_that_waits_says_for_what(slow: World) -> None:
    """A table that cannot be read is tried again for as long as it takes; whoever asked can see why."""
    command = asked(slow, "items")
    slow.source.failing = {'"items"': RecordError("cannot read a snapshot chunk: no such operator")}
    slow.settle()
    assert (command().state, command().detail) == (
        State.RUNNING,
        "public.items waits: cannot read a snapshot chunk: no such operator",
    )
    slow.source.failing = {}
    slow.turn(seconds=301).settle()
    assert command().state is State.DONE


# A column's type


TEXT = {"id": "bigint", "name": "bigint", "note": "text"}
RETYPED = {"a reader that goes on": False, "the next reader": True}


@pytest.mark.rule("D1", "D8")
@pytest.mark.parametrize("killed", RETYPED.values(), ids=RETYPED)
@pytest.mark.parametrize("value", ["12345678", "none of eight bytes"])
def test_d1_chunk_of_other_types_says_nothing_and_the_scan_begins_again(
    make_world: MakeWorld, value: str, killed: bool
) -> None:
    """Red where only the last chunk compares: eight bytes of text pass for a number; others wait for a heartbeat."""
    world = make_world(snapshot={"chunk_rows": 1})
    world.source.create("items", ITEMS, TEXT)
    world.source.create("others", OTHERS)
    world.source.transact(*[inserted(ITEMS, str(key), str(key), None) for key in (1, 2, 3)], *rows(OTHERS, 1, 2, 3))

    def retype() -> None:
        world.source.retype(ITEMS, {"id": "bigint", "name": "text", "note": "text"})
        done = world.source.done
        done[0] = done[0]._replace(
            changes=tuple(
                each._replace(new=(each.new[0], value, None)) if each.oid == ITEMS and each.new else each
                for each in done[0].changes
            )
        )

    world.start().settle_until(lambda: len(world.told()) == 1)
    world.source.before('COPY (SELECT r."id", r."name"', retype)
    if killed:
        world.settle_until(lambda: world.source.hooks == [])
        world.kill()
        world.start()
    world.settle().settle()
    before = [row for _, row in world.told()[:-4]]
    assert world.told()[-4:] == [*[("r", (key, value, None)) for key in (1, 2, 3)], ("s", None)]
    assert before == [(key, key, None) for key in (1, 2, 3)][: len(before)], "nothing else in between"
    assert world.holds() == {str(key): (key, value, None) for key in (1, 2, 3)}
    assert list(world.holds("others")) == ["1", "2", "3"]


@pytest.mark.rule("D1")
def test_d1_row_that_a_rewrite_hides_is_not_gone(slow: World) -> None:
    """Red without the definition of keys that have no row: a snapshot of before a rewrite sees none at all."""

    def rewritten() -> None:
        slow.source.rewrite(ITEMS)
        hidden = slow.source.done[0]
        slow.source.done[0] = hidden._replace(changes=())
        slow.source.before("ROLLBACK", lambda: slow.source.done.__setitem__(0, hidden))

    slow.source.before("COPY", rewritten)
    command = slow.ask(Kind.REREAD, keys=("2",))
    slow.settle().settle()
    assert "d" not in [op for op, _ in slow.told()]
    assert list(slow.holds()) == ["1", "2", "3"]
    assert slow.commands()[command].state is State.DONE
