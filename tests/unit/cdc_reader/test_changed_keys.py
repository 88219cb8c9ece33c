"""A key that comes, goes or changes is its table's own matter: rules D6 and D8 in a reader between fakes."""

from __future__ import annotations

import json

import pytest

from cdc_runtime.consuming.records import Record, TopicPartition
from schemas.names import TableName
from schemas.tables import TableEntry
from tests.unit.cdc_reader.source import ITEMS as KINDS
from tests.unit.cdc_reader.source import deleted, inserted, updated
from tests.unit.cdc_reader.world import SOURCE_NAME, TOPICS, World

ITEMS, OTHERS = 1, 2
TOPIC = TOPICS.table(TableName("public", "items"))
ONE, TWO, THREE = ("1", "a", None), ("2", "b", None), ("3", "c", None)
HELD = {"1": (1, "a", None)}
HEARTBEAT_S = 1_001


def heartbeat(world: World) -> World:
    """Let the definitions be compared, and what follows happen."""
    return world.turn(seconds=HEARTBEAT_S).turn(3).settle()


def met(world: World, *, running: bool) -> World:
    """Meet what changed in the life that streams, or in the next one."""
    if running:
        return heartbeat(world)
    world.kill()
    return world.start().settle()


def entry(world: World, table: str = "items") -> TableEntry:
    [*_, last] = [each for each in world.broker.records(TOPICS.tables) if each.key == f"public.{table}".encode()]
    return TableEntry.from_json(last.value or b"")


def excluded(world: World, *tables: str) -> World:
    """The next start of the reader, with these tables excluded."""
    world.kill()
    world.settings["exclude"] = tables
    return world.start().settle()


RUNNING = pytest.mark.parametrize("running", [False, True], ids=["between two lives", "in one life"])
KEYS = {
    "another column": ("name", "its primary key was (id integer), and is (name text) now"),
    "one more column": ("id,name", "its primary key was (id integer), and is (id integer, name text) now"),
    "none": ("", "its primary key was (id integer), and is gone"),
}


@pytest.mark.rule("D6", "D8")
@RUNNING
@pytest.mark.parametrize(("key", "reason"), KEYS.values(), ids=KEYS)
def test_d6_table_whose_key_changed_leaves_alone_and_keeps_its_rows(
    streaming: World, key: str, reason: str, running: bool
) -> None:
    """Red without `with_set_aside`: its topic would hold two kinds of keys, or all tables would stand still."""
    streaming.source.rekey(ITEMS, key)
    met(streaming, running=running)
    for row in (TWO, THREE):
        streaming.source.transact(inserted(ITEMS, *row), inserted(OTHERS, *row))
        heartbeat(streaming)
    assert streaming.holds() == HELD
    assert list(streaming.holds("others")) == ["1", "2", "3"]
    assert (entry(streaming).capture.mode, entry(streaming).capture.reason) == ("none", reason)
    assert (entry(streaming).primary_key, entry(streaming).deleted) == (("id",), False)
    assert len(streaming.streams) == 2, "a table that was set aside restarts the session once"


@pytest.mark.rule("D6", "D8")
@RUNNING
def test_d8_table_whose_key_is_restored_is_read_again_and_swept(streaming: World, running: bool) -> None:
    """Red where the snapshot of a table that is set aside is remembered."""
    streaming.source.rekey(ITEMS, "")
    met(streaming, running=running)
    streaming.source.transact(inserted(ITEMS, *TWO), deleted(ITEMS, *ONE))
    streaming.turn(2)
    streaming.source.rekey(ITEMS, "id")
    met(streaming, running=running)
    assert streaming.holds() == {"2": (2, "b", None)}
    assert entry(streaming).capture.mode == "replication"


@pytest.mark.rule("D6")
@RUNNING
def test_d6_renamed_key_is_no_change_of_key(streaming: World, running: bool) -> None:
    """Red without the comparison of the columns' numbers; changes of then are in the log under either name."""
    if not running:
        streaming.kill()
    streaming.source.transact(inserted(ITEMS, *TWO))
    streaming.source.retype(ITEMS, {"ident": "bigint", "name": "text", "note": "text"})
    streaming.source.transact(inserted(ITEMS, *THREE), updated(ITEMS, TWO, ("2", "z", None)))
    if not running:
        streaming.start()
    heartbeat(streaming.turn(3))
    assert streaming.holds() == {**HELD, "2": (2, "z", None), "3": (3, "c", None)}
    assert (entry(streaming).primary_key, entry(streaming).capture.mode) == (("ident",), "replication")


@pytest.mark.rule("D6")
def test_d6_column_renamed_and_back_is_read_again(streaming: World) -> None:
    """Red where the stream's name of then stops the reader."""
    streaming.kill()
    streaming.source.retype(ITEMS, {"ident": "bigint", "name": "text", "note": "text"})
    streaming.source.transact(inserted(ITEMS, *TWO))
    streaming.source.retype(ITEMS, KINDS)
    streaming.source.transact(inserted(ITEMS, *THREE))
    streaming.start().settle()
    assert streaming.holds() == {**HELD, "2": (2, "b", None), "3": (3, "c", None)}


@pytest.mark.rule("D6")
def test_d6_other_column_of_the_old_name_is_another_key(streaming: World) -> None:
    """A key that moved to a column of the same type, in the same table, has other values."""
    streaming.kill()
    streaming.source.retype(ITEMS, {"id": "bigint", "other": "bigint", "note": "text"})
    streaming.source.rekey(ITEMS, "other")
    streaming.start().settle()
    assert entry(streaming).capture.reason == "its primary key was (id integer), and is (other integer) now"


@pytest.mark.rule("D6")
def test_d6_partition_count_is_for_ever(streaming: World) -> None:
    """Red without the comparison: keys would lie in other partitions than their older events."""
    streaming.kill()
    streaming.broker.log[TopicPartition(TOPIC, 3)] = []
    streaming.source.transact(inserted(ITEMS, *TWO), inserted(OTHERS, *TWO))
    streaming.start().settle()
    assert streaming.holds() == HELD
    assert list(streaming.holds("others")) == ["1", "2"]
    assert entry(streaming).capture.reason == "its topic had 3 partitions, and has 4 now"
    excluded(streaming, "items")
    assert (streaming.holds(), entry(streaming).deleted) == ({}, True)
    excluded(streaming)
    assert streaming.holds() == {**HELD, "2": (2, "b", None)}
    assert (entry(streaming).partitions, entry(streaming).capture.mode) == (4, "replication")


@pytest.mark.rule("D8")
@RUNNING
def test_d8_key_of_a_table_that_was_never_captured_binds_nothing(world: World, running: bool) -> None:
    """Red where every stored entry binds: `pg_restore` makes the table, its rows, and the key last."""
    world.source.create("restored", OTHERS, key="")
    world.start().settle()
    world.source.transact(inserted(OTHERS, *ONE))
    world.turn()
    world.source.rekey(OTHERS, "id")
    met(world, running=running)
    assert entry(world, "restored").capture.mode == "replication"
    assert world.holds("restored") == HELD


@pytest.mark.rule("D1", "D6")
@RUNNING
def test_d6_table_that_is_set_aside_and_dropped_leaves_the_topics(streaming: World, running: bool) -> None:
    """Red where only captured tables are taken out: its rows would stay for ever."""
    streaming.source.rekey(ITEMS, "name")
    met(streaming, running=running)
    streaming.source.drop(ITEMS)
    met(streaming, running=running)
    assert (streaming.holds(), entry(streaming).deleted) == ({}, True)


def test_table_that_was_never_captured_and_is_gone_is_forgotten(world: World) -> None:
    world.source.create("keyless", OTHERS, key="")
    world.start().settle()
    world.source.drop(OTHERS)
    heartbeat(world)
    assert entry(world, "keyless").deleted


@pytest.mark.rule("D6", "D9")
def test_d9_edges_to_a_table_that_is_set_aside_follow_the_key_of_its_rows(streaming: World) -> None:
    """Red where marks are made of the key of now: the rows that refer to it would not be read again for the new one."""
    streaming.source.refer(OTHERS, "name", ITEMS)
    heartbeat(streaming)
    mark = entry(streaming, "others").catalog_mark
    streaming.source.rekey(ITEMS, "name")
    heartbeat(streaming)
    assert (entry(streaming, "others").catalog_mark, entry(streaming).primary_key) == (mark, ("id",))


@pytest.mark.rule("D6")
def test_d6_entry_of_a_reader_that_kept_less_binds_by_its_topic(streaming: World) -> None:
    """Red without the look at topics: earlier readers wrote no schema into the entry of a table that had left."""
    streaming.kill()
    raw = json.loads(entry(streaming).to_json()) | {"schema_fingerprint": None, "key_numbers": None}
    raw["capture"] = {"mode": "polling", "reason": "replica identity is NOTHING"}
    streaming.broker.write([Record(TOPICS.tables, 0, 0, b"public.items", json.dumps(raw).encode(), 0)])
    streaming.broker.write([Record(TOPICS.offsets(SOURCE_NAME), 0, 0, b"snapshot:public.items", None, 0)])
    streaming.source.rekey(ITEMS, "name")
    streaming.start().settle()
    assert (streaming.holds(), entry(streaming).capture.mode) == (HELD, "none")
