"""What is no change of a table's definition reads nothing again; what is one is met, however it is hidden (rule D1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from cdc_reader.discovery.fingerprints import former_fingerprint
from cdc_runtime.consuming.records import Record
from schemas.offsets import DefinitionMark
from schemas.tables import TableEntry
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.source import Source, inserted, updated
from tests.unit.cdc_reader.world import SOURCE_NAME, TOPICS, World

ITEMS = 1
ONE, TWO = ("1", "a", None), ("2", "b", None)
OFFSETS, DEFINITION = TOPICS.offsets(SOURCE_NAME), b"definition:public.items"

TOUCHES: dict[str, Callable[[Source], None]] = {
    "statistics": lambda source: source.touch(ITEMS),
    "a default": lambda source: source.default(ITEMS, "name", "'x'"),
    "a comment": lambda source: source.describe(ITEMS, "what there is"),
    "VACUUM FULL": lambda source: source.move(ITEMS),
}


@pytest.fixture
def read(world: World) -> World:
    """A reader that has read two rows."""
    world.source.transact(inserted(ITEMS, *ONE), inserted(ITEMS, *TWO))
    return world.start().settle()


def heartbeat(world: World) -> World:
    return world.turn(seconds=1_001).settle()


def entry(world: World) -> TableEntry:
    found = {each.key: each.value for each in world.broker.records(TOPICS.tables)}
    return TableEntry.from_json(found[b"public.items"] or b"")


def read_rows(world: World) -> int:
    """How many rows were read beside the stream."""
    return sum(op == "r" for op, _ in world.told())


def again(world: World, life: str) -> World:
    """Let the catalog be compared."""
    if life == "killed":
        world.kill()
        return world.start().settle()
    return heartbeat(world)


@pytest.mark.rule("D1")
@pytest.mark.parametrize("life", ["streaming", "killed"])
@pytest.mark.parametrize("touch", TOUCHES.values(), ids=TOUCHES)
def test_d1_what_no_row_depends_on_reads_nothing(read: World, touch: Callable[[Source], None], life: str) -> None:
    """Red where every `xmin` of a column is a change of definition."""
    before = (read_rows(read), len(read.told()))
    touch(read.source)
    again(read, life)
    again(read, "killed")
    assert (read_rows(read), len(read.told())) == before
    assert len(read.streams) == (2 if life == "streaming" else 3), "no session but those that the test began"


@pytest.mark.rule("D9")
def test_d9_default_and_comment_are_told_without_a_new_session(read: World) -> None:
    """Red where what is only told of a table needs a session of its own."""
    before = entry(read)
    read.source.default(ITEMS, "name", "'x'")
    read.source.describe(ITEMS, "what there is")
    heartbeat(read)
    now = entry(read)
    assert ([column.default for column in now.columns], now.description) == ([None, "'x'", None], "what there is")
    assert (now.version > before.version, len(read.streams)) == (True, 1)
    assert replace(now, version=0, description=None, columns=()) == replace(before, version=0, columns=())
    written = len(read.broker.records(TOPICS.tables))
    again(read, "killed")
    assert len(read.broker.records(TOPICS.tables)) == written, "the next start has nothing to add"


@pytest.mark.rule("D1")
@pytest.mark.parametrize("lives", [("streaming", "streaming"), ("streaming", "killed"), ("killed", "killed")])
def test_d1_steps_that_are_proved_apart_are_no_rewrite_together(read: World, lives: tuple[str, str]) -> None:
    """Red where what was compared last is not what is compared with, or is not recorded."""
    read.source.touch(ITEMS)
    again(read, lives[0])
    read.source.move(ITEMS)
    again(read, lives[1])
    assert (read_rows(read), len(read.streams)) == (2, 1 + lives.count("killed"))


@pytest.mark.rule("D1")
@pytest.mark.parametrize("life", ["streaming", "killed"])
def test_d1_rewrite_to_the_same_structure_is_met(read: World, life: str) -> None:
    """Red where only the structure is compared: ALTER TYPE ... USING there and back."""
    read.source.rewrite(ITEMS)
    again(read, life)
    assert read.told()[2:] == [
        ("s", None),
        *(("r", (each, name, None)) for each, name in ((1, "a"), (2, "b"))),
        ("s", None),
    ]


@pytest.mark.rule("D1")
@pytest.mark.parametrize("life", ["streaming", "killed", "killed before the comparison"])
def test_d1_rows_under_a_name_that_is_gone_again_are_read_again(read: World, life: str) -> None:
    """Red where a Relation message that nothing explains only has the catalog compared: it is as it was."""
    if life == "killed":
        read.kill()
    read.source.rename(ITEMS, note="remark")
    read.source.transact(updated(ITEMS, ONE, ("1", "a", "new")))
    read.source.rename(ITEMS, remark="note")
    if life == "killed":
        read.start()
    elif life != "streaming":
        read.side.waits = True
        read.settle_until(lambda: read.streamed() != []).kill()
        read.start()
    read.settle()
    assert read.holds() == {"1": (1, "a", "new"), "2": (2, "b", None)}
    assert read.told()[-1] == ("s", None)
    rows = read_rows(read)
    again(read, "killed")
    assert read_rows(read) == rows, "once"


@pytest.mark.rule("D1")
def test_d1_names_that_were_exchanged_and_back_are_met(read: World) -> None:
    """Red where only names are compared, not their order."""
    read.source.rename(ITEMS, name="note", note="name")
    read.source.transact(inserted(ITEMS, "3", "is a note", "is a name"))
    read.source.rename(ITEMS, name="note", note="name")
    read.settle()
    assert read.holds()["3"] == (3, "is a note", "is a name")


@pytest.mark.rule("D1")
def test_d1_rows_that_come_otherwise_while_they_are_read_again_are_read_once_more(make_world: MakeWorld) -> None:
    """Red where the Relation message alone has the table read again: more may come under it behind the watermark."""
    world = make_world(snapshot={"chunk_rows": 1})
    world.source.create("items", ITEMS)
    world.source.transact(inserted(ITEMS, *ONE), inserted(ITEMS, *TWO))
    world.start().settle()
    shapes = world.source.rename(ITEMS, note="remark")
    world.source.transact(updated(ITEMS, ONE, ("1", "a", "new")))
    world.source.rename(ITEMS, remark="note")
    world.settle_until(lambda: read_rows(world) > 2)
    world.source.rename(ITEMS, note="remark")
    world.source.transact(updated(ITEMS, ("1", "a", "new"), ("1", "a", "newest")))
    world.source.rename(ITEMS, remark="note")
    world.turn(40)
    assert shapes is None
    assert world.holds() == {"1": (1, "a", "newest"), "2": (2, "b", None)}


@pytest.mark.rule("D1")
def test_d1_no_scan_begins_while_a_definition_is_in_doubt(read: World) -> None:
    """Red where the scan that rows under another definition need begins before the catalog has answered."""
    read.source.rename(ITEMS, note="remark")
    read.source.transact(updated(ITEMS, ONE, ("1", "a", "new")))
    read.side.waits = True
    read.turn(4)
    progress = read.progress()
    assert progress is not None
    assert (progress.state, len(read.side.tasks)) == ("void", 1), "the comparison alone is on its way"


# What earlier releases recorded


def as_before(world: World, fingerprint: str) -> None:
    """Let the progress be one that an earlier release recorded."""
    progress = world.progress()
    assert progress is not None
    value = replace(progress, fingerprint=fingerprint).to_json()
    world.broker.write([Record(OFFSETS, 0, 0, b"snapshot:public.items", value, 0)])
    world.broker.write([Record(OFFSETS, 0, 0, DEFINITION, None, 0)])


@pytest.mark.rule("D1")
def test_d1_progress_of_an_earlier_release_counts_while_its_definition_is_the_same(read: World) -> None:
    """Red where an upgrade reads all tables again."""
    read.kill()
    as_before(read, former_fingerprint(read.source.tables[ITEMS]))
    read.start().settle()
    assert read_rows(read) == 2
    read.kill()
    read.source.touch(ITEMS)
    read.start().settle()
    assert read_rows(read) == 2, "and its definition is recorded"


@pytest.mark.rule("D1")
def test_d1_progress_of_an_earlier_release_does_not_count_where_nothing_proves_it(read: World) -> None:
    read.kill()
    as_before(read, former_fingerprint(read.source.tables[ITEMS]))
    read.source.touch(ITEMS)
    read.start().settle()
    assert (read_rows(read), read.told()[-1]) == (4, ("s", None))


@pytest.mark.rule("P14")
def test_p14_definition_that_cannot_be_read_has_its_table_read_again(read: World) -> None:
    read.kill()
    stored = DefinitionMark.from_json(read.offsets()[DEFINITION] or b"")
    raw = json.loads(stored.to_json()) | {"relations": {"1": "7"}}
    read.broker.write([Record(OFFSETS, 0, 0, DEFINITION, json.dumps(raw).encode(), 0)])
    read.start().settle()
    assert (read_rows(read), read.told()[-1]) == (4, ("s", None))


def exchange(source: Source) -> None:
    """`name` and `note` exchange their names, which needs three renames and rewrites nothing."""
    source.rename(ITEMS, name="between")
    source.rename(ITEMS, note="name")
    source.rename(ITEMS, between="note")


@pytest.mark.rule("D1")
@pytest.mark.parametrize("life", ["streaming", "killed"])
def test_d1_chunk_that_was_read_under_exchanged_names_is_read_again(make_world: MakeWorld, life: str) -> None:
    """Red where only the types are compared behind a chunk: by the end of the scan the names are as they were."""
    world = make_world(snapshot={"chunk_rows": 1})
    world.source.create("items", ITEMS)
    rows = {str(key): (key, "name", "note") for key in range(1, 6)}
    world.source.transact(*(inserted(ITEMS, key, *row[1:]) for key, row in rows.items()))
    world.start().settle_until(lambda: read_rows(world) == 1)
    world.source.before("COPY", lambda: exchange(world.source))
    world.settle_until(lambda: read_rows(world) == 3 or len(world.streams) == 2)
    if life == "killed":
        world.kill()
    exchange(world.source)
    if life == "killed":
        world.start()
    world.turn(60)
    assert world.holds() == rows
