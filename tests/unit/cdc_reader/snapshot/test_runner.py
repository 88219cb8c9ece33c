"""Scans beside the stream: what a chunk may say (S1, S2, S3) and when one begins (S4, S6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cdc_runtime import metrics
from schemas.control import Kind
from schemas.errors import AccessDenied, FatalError, ProtocolError, RecordError, RowferryError, ServerSetting
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.source import Change, deleted, inserted, truncated, updated
from tests.unit.cdc_reader.world import World

ITEMS = 1
ONE, TWO, THREE = ("1", "a", None), ("2", "b", None), ("3", "c", None)
LONG = "a value that is stored out of line"


@pytest.fixture
def filled(world: World) -> World:
    """A reader that is about to scan three rows."""
    world.source.transact(inserted(ITEMS, *ONE), inserted(ITEMS, *TWO), inserted(ITEMS, *THREE))
    return world.start()


def held_by_the_source(world: World, table: str = "items", oid: int = ITEMS) -> dict[str, tuple[object, ...]]:
    return {str(key): (key, *row[1:]) for key, row in world.source.rows(oid).items()}


def between_the_watermarks(world: World, *changes: Change) -> None:
    """Commit these once a chunk is read, before its high watermark."""
    world.source.before("COPY", lambda: world.source.before("ROLLBACK", lambda: world.source.transact(*changes)))


@pytest.mark.rule("S1")
def test_s1_chunk_waits_until_all_that_the_stream_delivered_is_visible(filled: World) -> None:
    """Red with `waiting = set()` in `begin_seeing`, or without `unseen.add` for a Begin."""
    filled.source.transact(deleted(ITEMS, *ONE), updated(ITEMS, TWO, ("2", "z", None)), hidden=True)
    filled.source.before("pause", filled.source.reveal)
    filled.settle()
    assert filled.holds() == {"2": (2, "z", None), "3": (3, "c", None)}
    assert ("r", (1, "a", None)) not in filled.told()


@pytest.mark.rule("S1")
def test_s1_chunk_that_cannot_see_what_was_delivered_is_read_again_later(filled: World) -> None:
    """Red where `begin_seeing` returns at its deadline."""
    filled.source.transact(deleted(ITEMS, *ONE), hidden=True)
    filled.settle()
    assert filled.told() == [("d", (1,))]
    filled.source.reveal()
    filled.turn(16, seconds=1)
    assert filled.holds() == held_by_the_source(filled)


@pytest.mark.rule("S1")
def test_s1_later_chunks_wait_for_what_came_meanwhile(make_world: MakeWorld) -> None:
    """Red where a window keeps the xids that its scan began with."""
    world = make_world(snapshot={"chunk_rows": 1})
    world.source.create("items", ITEMS)
    world.source.transact(inserted(ITEMS, *ONE), inserted(ITEMS, *TWO))
    world.start()

    def hide() -> None:
        world.source.transact(deleted(ITEMS, *TWO), hidden=True)
        world.source.before("pause", world.source.reveal)

    world.source.before("COPY", hide)
    world.settle()
    assert world.holds() == {"1": (1, "a", None)}


@pytest.mark.rule("S1")
def test_s1_heartbeat_forgets_only_what_its_snapshot_has_seen(make_world: MakeWorld) -> None:
    """Red where the heartbeat's snapshot ends every wait."""
    world = make_world(heartbeat_interval_s=100)
    world.source.create("items", ITEMS)
    world.source.transact(inserted(ITEMS, *ONE))
    world.start().settle()
    world.source.transact(deleted(ITEMS, *ONE), hidden=True)
    world.turn().turn(3, seconds=101)
    world.ask(Kind.SNAPSHOT, force=True)
    world.source.before("pause", world.source.reveal)
    world.settle()
    assert world.holds() == {}


OVERTAKING: dict[str, tuple[list[int], tuple[Change, ...]]] = {
    "an update": ([2, 3], (updated(ITEMS, ONE, ("1", "new", None)),)),
    "a delete": ([2, 3], (deleted(ITEMS, *ONE),)),
    "an update that is read again": (
        [2, 3],
        (updated(ITEMS, ONE, ("1", "a", LONG)), updated(ITEMS, ("1", "a", LONG), ("1", "new", LONG))),
    ),
    "a key that moved, away from one row and into another": (
        [3],
        (deleted(ITEMS, *TWO), updated(ITEMS, ONE, ("2", "moved", None))),
    ),
    "a row that came and went": ([1, 2, 3], (inserted(ITEMS, "4", "d", None), deleted(ITEMS, "4", "d", None))),
}


@pytest.mark.rule("S2")
@pytest.mark.parametrize(("read", "changes"), OVERTAKING.values(), ids=OVERTAKING)
def test_s2_row_that_the_stream_wrote_while_its_chunk_was_read_wins(
    filled: World, read: list[int], changes: tuple[Change, ...]
) -> None:
    """Red without `overtake` in `handle`, or in `_publish` (a moved key), or with `surviving` giving all rows."""
    between_the_watermarks(filled, *changes)
    filled.settle()
    assert filled.holds() == held_by_the_source(filled)
    assert [row[0] for op, row in filled.told() if op == "r"] == read


@pytest.mark.rule("S2")
def test_s2_truncate_voids_the_open_chunk(filled: World) -> None:
    """Red without `runner.void` in the session's `truncated`: the rows of before would come back."""
    between_the_watermarks(filled, truncated(ITEMS), inserted(ITEMS, "9", "z", None))
    filled.settle()
    assert filled.holds() == {"9": (9, "z", None)}
    assert [row for op, row in filled.told() if op == "r"] == [(9, "z", None)]
    filled.turn(seconds=2)
    assert filled.counted(metrics.SNAPSHOT_CHUNKS_VOID, table="public.items") == 1


@pytest.mark.rule("S2")
def test_s2_definition_that_differs_voids_the_open_chunk(make_world: MakeWorld) -> None:
    """Red without `runner.void` in `relation_received`: rows of the old definition go out behind the new.

    Behind the last chunk of a scan the definition is read: this is one before it.
    """
    world = make_world(snapshot={"chunk_rows": 2})
    world.source.create("items", ITEMS)
    world.source.transact(inserted(ITEMS, *ONE), inserted(ITEMS, *TWO), inserted(ITEMS, *THREE))
    world.start()
    world.source.transact(updated(ITEMS, ONE, ("1", "first", None)))

    def alter() -> None:
        world.source.retype(ITEMS, {"id": "bigint", "name": "text", "note": "text", "more": "text"})
        world.source.transact(updated(ITEMS, ("1", "first", None, None), ("1", "new", None, "m")))
        world.side.waits = True

    world.source.before("COPY", lambda: world.source.before("ROLLBACK", alter))
    world.turn(6)
    assert [op for op, _ in world.told()] == ["u", "u"]


def before_its_low_watermark(world: World) -> list[object]:
    """Let a scan come to where it is about to write its low watermark; what the workers have to do then."""
    world.side.waits = True
    world.turn()
    world.side.run()
    world.turn()
    return list(world.side.tasks)


@pytest.mark.rule("S2", "S3")
def test_s2_rewind_voids_the_open_chunk_and_its_watermarks(filled: World) -> None:
    """Red with `if False` for the comparison of attempts in `on_message`: they come again, and open a window."""
    filled.settle_until(lambda: bool(filled.source.emitted(":low")))
    filled.kill()
    filled.source.transact(updated(ITEMS, ONE, ("1", "new", None)))
    filled.start()
    filled.stream.waits = True
    waiting = before_its_low_watermark(filled)
    filled.stream.waits = False
    filled.turn()
    assert [op for op, _ in filled.told()] == ["u"]
    assert list(filled.side.tasks) == waiting
    filled.side.waits = False
    filled.settle()
    assert filled.holds() == held_by_the_source(filled)


@pytest.mark.rule("S3")
def test_s3_watermark_of_an_unknown_attempt_opens_no_window(filled: World) -> None:
    """Red with `if False` for the comparison of attempts in `on_message`."""
    waiting = before_its_low_watermark(filled)
    filled.source.emit("rowferry/another:low")
    filled.turn(2)
    assert filled.progress() is None
    assert list(filled.side.tasks) == waiting
    filled.side.waits = False
    filled.settle()
    assert filled.holds() == held_by_the_source(filled)


@pytest.mark.rule("S3")
@pytest.mark.parametrize("role", [":low", ":high"])
def test_s3_watermark_that_does_not_come_is_written_again(filled: World, role: str) -> None:
    """Red with nothing done for `WRITE_AGAIN`."""
    filled.settle_until(lambda: bool(filled.source.emitted(role)))
    lost = filled.source.done.pop()
    assert filled.source.emitted(role) == []
    assert lost.changes
    filled.source.lsn += 0x1000
    filled.settle()
    assert filled.told() == []
    filled.turn(seconds=61)
    filled.turn(seconds=61).settle()
    assert filled.holds() == held_by_the_source(filled)
    assert [op for op, _ in filled.told()] == ["r", "r", "r", "s"]


@pytest.mark.rule("S3")
def test_s3_chunks_are_bounded_by_bytes(make_world: MakeWorld) -> None:
    """Red with no `max_bytes` for `copy_rows` in `read_chunk`."""
    world = make_world(snapshot={"chunk_bytes": 1024})
    world.source.create("items", ITEMS)
    world.source.transact(*(inserted(ITEMS, str(key), "x" * 2_000, None) for key in range(1, 9)))
    world.start().settle()
    assert len([each for each in world.source.statements if each.startswith("COPY")]) >= 4
    assert len(world.holds()) == 8


@pytest.mark.rule("S4")
def test_s4_table_waits_for_its_writers_of_before(filled: World) -> None:
    """Red without `needs_writers` for a table that is new."""
    filled.source.writers = {"3/77"}
    filled.turn(6, seconds=1)
    assert filled.source.emitted(":low") == []
    filled.source.writers = set()
    filled.turn(seconds=1).settle()
    assert filled.holds() == held_by_the_source(filled)


@pytest.mark.rule("S4")
def test_s4_writers_that_come_later_are_not_waited_for(filled: World) -> None:
    """Red without `& before`: a busy table would never be read."""
    filled.source.writers = {"3/77"}
    filled.turn(6, seconds=1)
    filled.source.writers = {"4/78"}
    filled.turn(seconds=1).settle()
    assert filled.holds() == held_by_the_source(filled)


@pytest.mark.rule("S4")
def test_s4_scan_that_replaces_another_waits_for_the_same_writers(filled: World) -> None:
    """Red where `request` does not take over what the other scan had promised to wait for."""
    filled.side.waits = True
    filled.turn()
    filled.ask(Kind.SNAPSHOT)
    filled.turn(2)
    filled.source.writers = {"3/77"}
    filled.side.tasks.clear()
    filled.side.waits = False
    filled.ask(Kind.SNAPSHOT)
    filled.turn(6, seconds=1)
    assert filled.source.emitted(":low") == []
    filled.source.writers = set()
    filled.turn(seconds=1).settle()
    assert filled.source.emitted(":low") != []


@pytest.mark.rule("D8", "S4")
def test_d8_tables_that_wait_for_writers_keep_no_other_from_being_read(make_world: MakeWorld) -> None:
    """Red where a scan that waits counts among the few that may run: idle writers would hold up all of them."""
    world = make_world()
    for oid, name in ((1, "a"), (2, "b"), (3, "c"), (4, "z")):
        world.source.create(name, oid)
        world.source.transact(inserted(oid, "1", name, None))
    world.source.writers_of = {1: {"3/77"}, 2: {"4/78"}, 3: {"5/79"}}
    world.start().turn(30, seconds=1)
    assert [world.holds(name) for name in "abc"] == [{}, {}, {}]
    assert world.holds("z") == {"1": (1, "z", None)}
    world.source.writers_of = {}
    world.turn(30, seconds=1)
    assert [world.holds(name) for name in "abc"] == [{"1": (1, name, None)} for name in "abc"]


@pytest.mark.rule("D8")
@pytest.mark.parametrize("error", [AccessDenied, FatalError, RecordError, ProtocolError, ServerSetting])
def test_d8_table_that_cannot_be_read_is_tried_again_while_the_others_are_read(
    make_world: MakeWorld, error: type[RowferryError]
) -> None:
    """Red without `alone` in what a scan has done: one table's SQL error would end the reader, at every start."""
    world = make_world()
    world.source.create("broken", 1)
    world.source.create("items", 2)
    world.source.transact(inserted(1, "1", "a", None), inserted(2, "1", "a", None))
    world.source.failing = {'"broken"': error("cannot read a snapshot chunk: operator does not exist")}
    world.start().turn(30, seconds=1)
    assert world.holds("items") == {"1": (1, "a", None)}
    assert world.holds("broken") == {}
    world.source.transact(inserted(1, "2", "b", None))
    world.turn(2)
    assert world.holds("broken") == {"2": (2, "b", None)}, "its changes are streamed meanwhile"
    assert world.counted(metrics.SNAPSHOT_STATE, table="public.broken", state="waiting") == 1
    world.source.failing = {}
    world.turn(seconds=301).settle()
    assert world.holds("broken") == {"1": (1, "a", None), "2": (2, "b", None)}


@pytest.mark.rule("S5")
@pytest.mark.parametrize("reads", ["a chunk", "a row"])
def test_s5_row_filter_of_the_publication_holds_for_reads(world: World, reads: str) -> None:
    """Red with `filter=None` in `read_plan`, or without the filter in `range_query` or `keys_query`."""
    world.source.row_filters[ITEMS] = "(id > 0)"
    world.source.transact(inserted(ITEMS, *ONE))
    world.start().settle()
    if reads == "a row":
        world.ask(Kind.REREAD, keys=("1",))
        world.settle()
    copies = [each for each in world.source.statements if each.startswith("COPY")]
    assert [each for each in copies if "((id > 0))" not in each] == []
    assert len(copies) == (2 if reads == "a row" else 1)


def interrupted(world: World, look: Callable[[], bool]) -> None:
    world.settle_until(look)
    world.kill()


@pytest.mark.rule("S6")
def test_s6_scan_goes_on_behind_its_last_chunk(make_world: MakeWorld) -> None:
    """Red where `resumable` is never true: a large table would never be done."""
    world = make_world(snapshot={"chunk_rows": 1})
    world.source.create("items", ITEMS)
    world.source.transact(inserted(ITEMS, *ONE), inserted(ITEMS, *TWO), inserted(ITEMS, *THREE))
    world.start()
    interrupted(world, lambda: ("r", (2, "b", None)) in world.told())
    world.start().settle()
    assert [each for each in world.told() if each[0] == "r"] == [
        ("r", (1, "a", None)),
        ("r", (2, "b", None)),
        ("r", (3, "c", None)),
    ]


@pytest.mark.rule("S6", "P5")
def test_s6_chunks_of_another_life_of_the_slot_do_not_count(make_world: MakeWorld) -> None:
    """Red where `resumable` and `cause_of_scan` leave out the incarnation."""
    world = make_world(snapshot={"chunk_rows": 1})
    world.source.create("items", ITEMS)
    world.source.transact(inserted(ITEMS, *ONE), inserted(ITEMS, *TWO), inserted(ITEMS, *THREE))
    world.start()
    interrupted(world, lambda: ("r", (2, "b", None)) in world.told())
    world.forget_position()
    world.source.transact(deleted(ITEMS, *ONE))
    world.start().settle()
    assert world.holds() == {"2": (2, "b", None), "3": (3, "c", None)}
