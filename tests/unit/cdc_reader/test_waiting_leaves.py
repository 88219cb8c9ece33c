"""A partition that cannot be published waits, and its root goes on with what is streamed (rules D3, D8, S5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from schemas.control import Kind
from schemas.errors import TransientError
from schemas.offsets import DefinitionMark, SnapshotProgress
from schemas.tables import TableEntry
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.leaves import LEAF, NEW, OLD, ROOT, divided
from tests.unit.cdc_reader.source import deleted, inserted, updated
from tests.unit.cdc_reader.world import TOPICS, World

pytestmark = pytest.mark.rule("D8")


@pytest.fixture
def parts(make_world: MakeWorld) -> World:
    return divided(make_world())


def comes(world: World, *keys: int, others: bool = True) -> World:
    """A partition with these rows that is not published; where it is `others`, we may not do so."""
    world.source.attach(ROOT, NEW, "parts_2")
    if others:
        world.source.others_leaves.add(NEW)
    if keys:
        world.source.transact(*(inserted(NEW, str(each), "b", None) for each in keys))
    return world


def heartbeat(world: World) -> World:
    return world.turn(seconds=1_001).turn(30)


def published(world: World) -> World:
    """Its owner, or an administrator, adds it."""
    world.source.unpublished_leaves.discard(NEW)
    return heartbeat(world)


def since(world: World) -> list[tuple[str, object]]:
    """What was published behind the first scan."""
    return world.told("parts")[4:]


def reads(*keys: int) -> list[tuple[str, object]]:
    return [("r", (each, "b", None)) for each in keys]


def entry(world: World) -> TableEntry:
    [*_, last] = [each.value for each in world.broker.records(TOPICS.tables) if each.key == b"public.parts"]
    assert last is not None
    return TableEntry.from_json(last)


def lives(world: World) -> int:
    return len(world.streams)


@pytest.mark.rule("D3")
@pytest.mark.parametrize("life", ["streaming", "stopped"])
def test_d8_partition_that_we_may_not_publish_waits_and_its_root_goes_on(parts: World, life: str) -> None:
    """Red where the whole root is set aside."""
    if life == "stopped":
        parts.kill()
    comes(parts, 4, 5)
    with capture_logs() as logs:
        heartbeat(parts if life == "streaming" else parts.start())
        heartbeat(parts)
        parts.source.transact(inserted(OLD, "6", "a", None))
        parts.turn(3)
        assert since(parts) == [("c", (6, "a", None))]
        assert (entry(parts).capture.mode, list(entry(parts).waiting)) == ("replication", ["public.parts_2"])
        published(parts)
    assert since(parts)[1:] == reads(4, 5)
    assert parts.holds("parts").keys() == set("123456")
    assert (entry(parts).waiting, parts.offsets()[LEAF]) == ({}, None)
    told = [{**each} for each in logs if each["event"].startswith("partition_")]
    assert [(each["event"], each["table"], each["partition"]) for each in told] == [
        ("partition_not_streamed", "public.parts", "public.parts_2"),
        ("partition_streamed", "public.parts", "public.parts_2"),
    ]
    assert told[0]["remedy"] == 'ALTER PUBLICATION "rowferry" ADD TABLE "public"."parts_2";'


def test_d8_partition_that_cannot_be_added_now_is_tried_again(parts: World) -> None:
    """Red where what was met sets its root aside, or is not tried again."""
    comes(parts, 4, 5, others=False)
    parts.source.failing['ADD TABLE "public"."parts_2"'] = TransientError("it is locked")
    heartbeat(parts)
    assert entry(parts).waiting == {"public.parts_2": "it cannot be added to the publication: it is locked"}
    parts.source.transact(inserted(OLD, "6", "a", None))
    parts.turn(3, seconds=1)
    assert since(parts) == [("c", (6, "a", None))]
    parts.source.failing.clear()
    parts.turn(30, seconds=1)
    assert since(parts)[1:] == reads(4, 5)
    assert entry(parts).waiting == {}


def test_d8_trouble_of_a_partition_that_is_gone_is_forgotten(parts: World) -> None:
    """Red where it is tried again for ever: sessions would follow each other."""
    comes(parts, others=False)
    parts.source.failing['ADD TABLE "public"."parts_2"'] = TransientError("it is locked")
    heartbeat(parts)
    parts.source.detach(ROOT, NEW)
    parts.turn(30, seconds=1)
    before = lives(parts)
    parts.turn(60, seconds=1)
    assert (lives(parts), entry(parts).waiting) == (before, {})


def test_d8_table_none_of_whose_partitions_can_be_published_is_set_aside(parts: World) -> None:
    parts.kill()
    parts.source.others_leaves.add(OLD)
    parts.source.unpublish(OLD)
    comes(parts, 4).start().turn(20)
    assert (entry(parts).capture.mode, entry(parts).waiting) == ("none", {})
    assert list(parts.holds("parts")) == ["1", "2", "3"], "its rows stay"


@pytest.mark.rule("D3", "S5")
def test_d3_row_of_a_partition_that_is_not_streamed_is_not_read(make_world: MakeWorld) -> None:
    """Red where a chunk takes all rows of the root: this one is deleted, and nobody is told."""
    world = make_world(snapshot={"chunk_rows": 1})
    world.source.create("parts", ROOT, leaves={"parts_1": OLD})
    comes(world, 1, 3, 4, 7)
    world.source.transact(*(inserted(OLD, str(each), "a", None) for each in (2, 5)))
    world.start().turn(40)
    assert world.told("parts") == [("r", (2, "a", None)), ("r", (5, "a", None)), ("s", None)]
    progress = world.progress("parts")
    assert progress is not None
    assert (progress.state, progress.rows, progress.complete_rows) == ("done", 2, 2)
    world.source.transact(*(deleted(NEW, str(each), "b", None) for each in (1, 3, 4)))
    published(world)
    assert list(world.holds("parts")) == ["2", "5", "7"]


@pytest.mark.rule("D3")
def test_d3_row_of_a_partition_that_comes_before_a_chunk_and_goes_again_is_not_read(make_world: MakeWorld) -> None:
    """Red where what is streamed by now is thought to be all that there is.

    The scan goes on behind what it has done, and its sweep takes out nothing that it has published.
    """
    world = make_world(snapshot={"chunk_rows": 1})
    world.source.create("parts", ROOT, leaves={"parts_1": OLD})
    world.source.transact(inserted(OLD, "1", "a", None))

    def attached() -> None:
        comes(world, 4, 6, others=False)
        world.source.before("COPY", lambda: world.source.before("ROLLBACK", gone))

    def gone() -> None:
        """Behind the read of the second chunk."""
        world.source.transact(deleted(NEW, "4", "b", None))

    world.source.before("COPY", attached)
    heartbeat(world.start().turn(20))
    assert list(world.holds("parts")) == ["1", "6"]


@pytest.mark.rule("S5")
def test_s5_key_of_a_row_that_is_in_a_partition_that_waits_is_not_there(parts: World) -> None:
    """Red where single keys are read from the root: a command would bring the row, and nobody take it out."""
    heartbeat(comes(parts, 4))
    parts.ask(Kind.REREAD, keys=["1", "4"], table="public.parts")
    parts.turn(20)
    assert list(parts.holds("parts")) == ["1", "2", "3"]


Moves = Callable[[World], object]
MOVES: dict[str, tuple[Moves, set[str], set[str]]] = {
    # while it waits, and when it is streamed
    "to one that is streamed": (
        lambda world: world.source.transact(deleted(NEW, "4", "b", None), inserted(OLD, "4", "moved", None)),
        set("1234"),
        set("12345"),
    ),
    "to one that waits": (
        lambda world: world.source.transact(deleted(OLD, "3", "a", None), inserted(NEW, "3", "moved", None)),
        set("12"),
        set("12345"),
    ),
    "there and back": (
        lambda world: (
            world.source.transact(deleted(OLD, "3", "a", None), inserted(NEW, "3", "moved", None)),
            world.source.transact(deleted(NEW, "3", "moved", None), inserted(OLD, "3", "back", None)),
        ),
        set("123"),
        set("12345"),
    ),
    "and is deleted there": (
        lambda world: (
            world.source.transact(deleted(OLD, "3", "a", None), inserted(NEW, "3", "moved", None)),
            world.source.transact(deleted(NEW, "3", "moved", None)),
        ),
        set("12"),
        set("1245"),
    ),
}


@pytest.mark.rule("D3")
@pytest.mark.parametrize(("move", "waiting", "streamed"), MOVES.values(), ids=MOVES)
@pytest.mark.parametrize("when", ["before", "in a scan", "behind its read"])
def test_d3_row_that_moves_between_partitions_of_which_one_waits_is_where_it_went(
    parts: World, move: Moves, waiting: set[str], streamed: set[str], when: str
) -> None:
    heartbeat(comes(parts, 4, 5))
    if when == "before":
        move(parts)
    else:
        parts.ask(Kind.SNAPSHOT, table="public.parts", force=True)
        parts.source.before("COPY" if when == "in a scan" else "ROLLBACK", lambda: move(parts))
    parts.turn(20)
    assert parts.holds("parts").keys() == waiting
    published(parts)
    assert parts.holds("parts").keys() == streamed


def left(world: World) -> World:
    """A partition that was streamed leaves the publication, and we may not add it again."""
    world.source.attach(ROOT, NEW, "parts_2")
    world.source.transact(*(inserted(NEW, str(each), "b", None) for each in (4, 5)))
    heartbeat(world)
    assert since(world) == reads(4, 5)
    world.source.others_leaves.add(NEW)
    world.source.unpublish(NEW)
    return heartbeat(world)


@pytest.mark.rule("D3", "D2")
@pytest.mark.parametrize("life", ["streaming", "killed"])
def test_d8_rows_of_a_partition_that_leaves_the_publication_stay_until_it_is_back(parts: World, life: str) -> None:
    """Red where its rows are swept while it waits, or where it is read alone when it comes back."""
    left(parts)
    parts.source.transact(deleted(NEW, "4", "b", None), inserted(NEW, "6", "b", None), inserted(OLD, "7", "a", None))
    heartbeat(parts)
    assert since(parts) == [*reads(4, 5), ("c", (7, "a", None))]
    assert DefinitionMark.from_json(parts.offsets()[b"definition:public.parts"] or b"").left == (NEW,)
    if life == "killed":
        parts.kill()
        parts.start().turn(30)
        assert since(parts) == [*reads(4, 5), ("c", (7, "a", None))]
    published(parts)
    assert list(parts.holds("parts")) == ["1", "2", "3", "5", "6", "7"]
    assert since(parts)[-1] == ("s", None)
    assert DefinitionMark.from_json(parts.offsets()[b"definition:public.parts"] or b"").left == ()


@pytest.mark.rule("D3")
def test_d3_partition_that_left_the_publication_and_is_detached_takes_its_rows_along(parts: World) -> None:
    left(parts)
    parts.source.detach(ROOT, NEW)
    heartbeat(parts)
    assert list(parts.holds("parts")) == ["1", "2", "3"]


@pytest.mark.rule("D3")
def test_d3_partition_that_waits_and_is_detached_costs_nothing(parts: World) -> None:
    heartbeat(comes(parts, 4, 5))
    parts.source.detach(ROOT, NEW)
    heartbeat(parts)
    assert (since(parts), entry(parts).waiting) == ([], {})


@pytest.mark.rule("D1")
def test_d1_scan_of_a_root_with_a_partition_that_waits_ends(parts: World) -> None:
    """Red where its definition at the end is that of all its partitions: sessions would follow each other."""
    heartbeat(comes(parts, 4, 5))
    before = lives(parts)
    parts.source.transact(updated(OLD, ("1", "a", None), ("1", "new", None)))
    parts.ask(Kind.SNAPSHOT, table="public.parts")
    parts.turn(30, seconds=1)
    assert since(parts)[-1] == ("s", None)
    assert (lives(parts), list(parts.holds("parts"))) == (before, ["1", "2", "3"])
    progress = parts.progress("parts")
    assert isinstance(progress, SnapshotProgress)
    assert (progress.state, progress.complete_rows) == ("done", 3)


@pytest.mark.rule("D3", "D9")
@pytest.mark.parametrize("ends", ["published", "detached"])
def test_d3_scan_that_sweeps_nothing_keeps_what_left_in_mind(parts: World, ends: str) -> None:
    """Red where it is forgotten when any scan begins: what is deleted in it meanwhile stays in the index for ever."""
    left(parts)
    parts.source.create("people", 9, {"id": "bigint"})
    parts.source.refer(ROOT, "name", 9)
    heartbeat(parts)
    assert since(parts)[2:] == [("r", (each, "a", None)) for each in (1, 2, 3)], "read again, and not swept"
    parts.source.transact(deleted(NEW, "4", "b", None))
    if ends == "published":
        published(parts)
        assert list(parts.holds("parts")) == ["1", "2", "3", "5"]
    else:
        parts.source.detach(ROOT, NEW)
        heartbeat(parts)
        assert list(parts.holds("parts")) == ["1", "2", "3"]


@pytest.mark.rule("D8", "S5")
@pytest.mark.parametrize("life", ["streaming", "stopped"])
def test_d8_lock_hides_no_row_filter_of_a_table_with_a_partition_that_waits(make_world: MakeWorld, life: str) -> None:
    """Red where what is known of it is that of a table with all its partitions: the whole table would leave."""
    world = make_world(heartbeat_interval_s=10)
    world.source.row_filters[OLD] = "(id > 0)"
    heartbeat(comes(divided(world), 4, others=False))
    assert list(entry(world).waiting) == ["public.parts_2"]
    world.source.locked.add(OLD)
    if life == "stopped":
        world.kill()
        world.start()
    world.source.transact(inserted(OLD, "6", "a", None))
    heartbeat(world)
    assert entry(world).capture.mode == "replication"
    assert since(world) == [("c", (6, "a", None))]
