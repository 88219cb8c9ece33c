"""A partition that comes is read alone: what is read, what is not, and that nothing of it is lost (rule D3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.control import Kind
from schemas.names import TableName
from schemas.offsets import SnapshotProgress
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.leaves import LEAF, NEW, OLD, ROOT, divided
from tests.unit.cdc_reader.source import deleted, inserted, updated
from tests.unit.cdc_reader.world import World


@pytest.fixture
def parts(make_world: MakeWorld) -> World:
    return divided(make_world())


@pytest.fixture
def slow(make_world: MakeWorld) -> World:
    """The same, in chunks of one row."""
    return divided(make_world(snapshot={"chunk_rows": 1}))


def comes(world: World, *keys: int) -> World:
    """A partition that nobody has published yet, with these rows."""
    world.source.attach(ROOT, NEW, "parts_2")
    if keys:
        world.source.transact(*(inserted(NEW, str(each), "b", None) for each in keys))
    return world


def heartbeat(world: World) -> World:
    return world.turn(seconds=1_001).turn(30)


def since(world: World) -> list[tuple[str, object]]:
    """What was published behind the first scan."""
    return world.told("parts")[4:]


def reads(*keys: int) -> list[tuple[str, object]]:
    return [("r", (each, "b", None)) for each in keys]


def progress(world: World) -> SnapshotProgress:
    found = world.progress("parts")
    assert found is not None
    return found


@pytest.mark.rule("D3")
@pytest.mark.parametrize("life", ["streaming", "stopped"])
def test_d3_partition_that_comes_is_read_alone(parts: World, life: str) -> None:
    """Red where its root is read again and swept."""
    if life == "stopped":
        parts.kill()
    comes(parts, 4, 5)
    heartbeat(parts if life == "streaming" else parts.start())
    assert since(parts) == reads(4, 5)
    assert list(parts.holds("parts")) == ["1", "2", "3", "4", "5"]
    assert (progress(parts).state, progress(parts).complete_rows, parts.offsets()[LEAF]) == ("done", 5, None)
    parts.kill()
    parts.start().turn(30)
    assert since(parts) == reads(4, 5), "once"


@pytest.mark.rule("D3")
def test_d3_empty_partition_costs_nothing(parts: World) -> None:
    heartbeat(comes(parts))
    assert since(parts) == []
    parts.source.transact(inserted(NEW, "4", "b", None))
    parts.turn(2)
    assert since(parts) == [("c", (4, "b", None))]


@pytest.mark.rule("D3", "S6")
def test_d3_partition_goes_on_where_its_reading_was_killed(slow: World) -> None:
    """Red where its progress is not recorded."""
    comes(slow, 4, 5, 6).turn(seconds=1_001)
    slow.settle_until(lambda: len(since(slow)) == 2)
    slow.kill()
    slow.start().turn(30)
    assert since(slow) == reads(4, 5, 6)


@pytest.mark.rule("D3")
def test_d3_partition_that_was_not_read_before_the_end_is_read_by_the_next_reader(parts: World) -> None:
    """Red where it is recorded as read when it is published."""
    parts.kill()
    comes(parts, 4, 5).start()
    parts.side.waits = True
    parts.turn(2).kill()
    parts.start().turn(30)
    assert since(parts) == reads(4, 5)


@pytest.mark.rule("D3")
def test_d3_partition_that_goes_before_it_is_read_takes_its_rows_along(slow: World) -> None:
    """Red where only partitions that were read whole are known: what was published of this one would stay."""
    comes(slow, 4, 5, 6).turn(seconds=1_001)
    slow.settle_until(lambda: len(since(slow)) == 2)
    slow.kill()
    slow.source.detach(ROOT, NEW)
    slow.start().turn(40)
    assert list(slow.holds("parts")) == ["1", "2", "3"]
    assert slow.told("parts")[-1] == ("s", None)
    assert slow.offsets().get(LEAF) is None


@pytest.mark.rule("D3", "S2")
@pytest.mark.parametrize("to", [OLD, NEW], ids=["to another partition", "within its partition"])
def test_d3_row_that_moves_while_its_partition_is_read_is_where_it_went(parts: World, to: int) -> None:
    """Red where the stream's keys overtake only chunks of a whole table."""
    comes(parts, 4, 5)

    def move() -> None:
        parts.source.transact(deleted(NEW, "4", "b", None), inserted(to, "9", "moved", None))

    parts.source.before("COPY", move)
    heartbeat(parts)
    assert list(parts.holds("parts")) == ["1", "2", "3", "5", "9"]
    assert parts.holds("parts")["9"] == (9, "moved", None)


@pytest.mark.rule("D3", "S2")
def test_d3_row_that_changes_while_its_partition_is_read_does_not_go_back(parts: World) -> None:
    comes(parts, 4)
    parts.source.before("COPY", lambda: parts.source.transact(updated(NEW, ("4", "b", None), ("4", "new", None))))
    heartbeat(parts)
    assert parts.holds("parts")["4"] == (4, "new", None)


@pytest.mark.rule("D3", "S4")
def test_d3_partition_is_read_when_those_who_wrote_to_it_before_have_ended(parts: World) -> None:
    """Red where a partition's scan waits for nobody; those who write to the others are not waited for."""
    parts.source.writers_of[NEW] = {"3/7"}
    parts.source.writers_of[OLD] = {"3/8"}
    heartbeat(comes(parts, 4))
    assert since(parts) == []
    parts.source.writers_of[NEW] = set()
    parts.turn(20, seconds=1)
    assert since(parts) == reads(4)


@pytest.mark.rule("D3")
def test_d3_root_that_is_being_read_goes_on_behind_the_partition(make_world: MakeWorld) -> None:
    """Red where a scan that goes on is all that is done: rows below its last key would never be read."""
    world = make_world(snapshot={"chunk_rows": 1})
    world.source.create("parts", ROOT, leaves={"parts_1": OLD})
    world.source.transact(*(inserted(OLD, str(each), "a", None) for each in (11, 12, 13)))
    world.start().settle_until(lambda: len(world.told("parts")) == 2)
    world.kill()
    comes(world, 4).start().turn(40)
    keys = [row[0] if row else op for op, row in world.told("parts")]
    assert keys == [11, 12, 4, 13, "s"]
    assert list(world.holds("parts")) == ["11", "12", "13", "4"]


@pytest.mark.rule("S7", "D3")
@pytest.mark.parametrize("scan", ["the first", "another"])
@pytest.mark.parametrize("restarts", [False, True], ids=["goes on", "is killed between them"])
def test_s7_large_partition_that_comes_while_its_root_is_read_holds_no_sweep(
    make_world: MakeWorld, scan: str, restarts: bool
) -> None:
    """Red where the partition's rows are expected of the root's scan, which they lie behind, and are not found by."""
    world = make_world(snapshot={"chunk_rows": 1})
    world.source.create("parts", ROOT, leaves={"parts_1": OLD})
    world.source.transact(*(inserted(OLD, str(each), "a", None) for each in (11, 12, 13)))
    world.start()
    if scan == "another":
        world.turn(30).ask(Kind.SNAPSHOT, table="public.parts")
    before = world.told("parts")
    world.settle_until(lambda: len(world.told("parts")) == len(before) + 2)
    world.kill()
    world.source.attach(ROOT, NEW, "parts_2", row_estimate=8)
    world.source.transact(*(inserted(NEW, str(each), "b", None) for each in range(1, 9)))
    world.start()
    if restarts:
        world.settle_until(lambda: LEAF in world.offsets() and world.offsets()[LEAF] is None).kill()
        world.start()
    world.turn(60)
    assert progress(world).state == "done"
    assert [row[0] if row else op for op, row in world.told("parts")[len(before) :]] == [11, 12, *range(1, 9), 13, "s"]


@pytest.mark.rule("S7", "D3")
def test_s7_scan_that_finds_too_little_is_held_though_a_partition_came(make_world: MakeWorld) -> None:
    """Red where rows of a partition that was read alone count as rows that the root's scan found."""
    world = make_world(snapshot={"chunk_rows": 1})
    world.source.create("parts", ROOT, leaves={"parts_1": OLD})
    world.source.transact(*(inserted(OLD, str(each), "a", None) for each in range(11, 21)))
    world.start().turn(60).ask(Kind.SNAPSHOT, table="public.parts")
    before = world.told("parts")
    world.settle_until(lambda: len(world.told("parts")) == len(before) + 2)
    world.kill()
    world.source.done = [done for done in world.source.done if done.changes[0].kind == "message"]  # nobody saw them go
    comes(world, *range(1, 9)).start().turn(60)
    assert progress(world).state == "held"


@pytest.mark.rule("D3")
def test_d3_root_that_is_read_anew_takes_the_partition_in(parts: World) -> None:
    """Red where what replaces a scan leaves the partition's: it is read twice."""
    parts.kill()
    comes(parts, 4).start()
    parts.side.waits = True
    parts.turn(2)
    parts.ask(Kind.SNAPSHOT, table="public.parts", force=True)
    parts.turn(2, seconds=1)
    parts.side.waits = False
    parts.turn(30)
    assert [op for op, _ in since(parts)] == ["r"] * 4 + ["s"]
    parts.kill()
    parts.start().turn(30)
    assert [op for op, _ in since(parts)] == ["r"] * 4 + ["s"]


@pytest.mark.rule("D3", "S8")
def test_d3_partition_in_another_order_is_held_and_its_root_stays(parts: World) -> None:
    parts.source.disordered.add(NEW)
    heartbeat(comes(parts, 4, 5))
    assert (since(parts), progress(parts).state) == ([], "done")
    held = SnapshotProgress.from_json(parts.offsets()[LEAF] or b"")
    assert held.state == "held"
    parts.kill()
    parts.source.disordered.clear()
    parts.start().turn(30)
    assert since(parts) == []
    parts.ask(Kind.SNAPSHOT, table="public.parts")
    parts.turn(30)
    assert list(parts.holds("parts")) == ["1", "2", "3", "4", "5"]
    assert parts.offsets()[LEAF] is None


def rename(world: World, names: dict[int, str]) -> None:
    """RENAME of partitions, by their OIDs."""
    table = world.source.tables[ROOT]
    named = {leaf.oid: TableName("public", names.get(leaf.oid, leaf.name.name)) for leaf in table.leaves}
    leaves = tuple(replace(leaf, name=named[leaf.oid]) for leaf in table.leaves)
    world.source.tables[ROOT] = replace(table, leaves=leaves)


NAMES = {"another name": {NEW: "parts_new"}, "the name of another": {OLD: "parts_2", NEW: "parts_1"}}


@pytest.mark.rule("D3", "D8")
@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_d3_partition_that_is_renamed_before_it_is_read_is_the_one_that_came(
    parts: World, names: dict[int, str]
) -> None:
    """Red where nothing looks whose name it is: it is tried for ever, or another is read in its place."""
    comes(parts, 4, 5)
    parts.source.before("COPY", lambda: rename(parts, names))
    heartbeat(parts)
    parts.turn(10, seconds=300)
    assert since(parts) == reads(4, 5)
    assert list(parts.holds("parts")) == ["1", "2", "3", "4", "5"]
