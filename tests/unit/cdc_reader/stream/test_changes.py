"""The hot loop: what each message of the stream becomes, and the rules that it keeps on the way."""

from __future__ import annotations

import pytest
import structlog

from schemas.control import Kind
from schemas.envelope import Omitted
from schemas.errors import ProtocolError
from schemas.keys import FLOOR_KEY
from tests.unit.cdc_reader import messages
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.source import Change, deleted, inserted, truncated, updated
from tests.unit.cdc_reader.transcode.tables import UNCHANGED
from tests.unit.cdc_reader.world import World

ITEMS, OTHERS, ROOT, LEAF = 1, 2, 3, 4
ONE, TWO = ("1", "a", "n"), ("2", "b", None)


def raw(data: bytes) -> Change:
    """Whatever bytes, as if the server had written them in a transaction."""
    return Change("message", raw=data)


@pytest.fixture
def streaming(world: World) -> World:
    """A reader whose scan of an empty table is over."""
    return world.start().settle()


def test_every_kind_of_change_is_an_event_in_the_order_of_the_stream(streaming: World) -> None:
    source = streaming.source
    source.transact(inserted(ITEMS, *ONE), inserted(ITEMS, *TWO), updated(ITEMS, ONE, ("1", "c", "n")))
    source.transact(deleted(ITEMS, *TWO))
    source.transact(truncated(ITEMS))
    source.transact(inserted(ITEMS, "3", None, None))
    streaming.turn()
    assert streaming.streamed() == [
        ("c", (1, "a", "n")),
        ("c", (2, "b", None)),
        ("u", (1, "c", "n")),
        ("d", (2,)),
        ("t", None),
        ("c", (3, None, None)),
    ]
    assert streaming.holds() == {"3": (3, None, None)}


def test_event_says_where_it_comes_from(streaming: World) -> None:
    xid = streaming.source.transact(inserted(ITEMS, *ONE))
    streaming.turn()
    [event] = [each for each in streaming.events() if each.op == "c"]
    [done] = [each for each in streaming.source.done if each.xid == xid]
    assert (event.source.txId, event.source.commit_lsn, event.source.ts_us) == (xid, done.lsn, done.commit_us)
    assert (event.source.mode, event.source.db, event.source.table, event.source.name) == (
        "stream",
        "shop",
        "items",
        "rowferry",
    )


@pytest.mark.rule("P9")
def test_p9_records_have_the_time_of_their_commit(streaming: World) -> None:
    """Red with `self._ts_ms` set to the clock's time in `_on_begin`."""
    streaming.source.transact(inserted(ITEMS, *ONE), deleted(ITEMS, *ONE))
    streaming.turn()
    times = {each.timestamp_ms for each in streaming.records() if each.key == b"1"}
    assert times == {streaming.source.done[-1].commit_us // 1_000}


@pytest.mark.rule("V2")
def test_v2_every_delete_is_followed_by_a_tombstone_with_its_version(streaming: World) -> None:
    """Red without the call of `_tombstone` in `handle` (a delete), or in `_publish` (a key that moved)."""
    streaming.source.transact(inserted(ITEMS, *ONE), deleted(ITEMS, *ONE))
    streaming.source.transact(inserted(ITEMS, *TWO), updated(ITEMS, TWO, ("3", "b", None)))
    streaming.turn()
    deletes = {str(event.version) for event in streaming.events() if event.op == "d"}
    tombstones = [each for each in streaming.records() if each.value is None]
    assert {(each.header("rowferry.version") or b"").decode() for each in tombstones} == deletes
    assert {(each.key, each.header("rowferry.op")) for each in tombstones} == {(b"1", b"d"), (b"2", b"d")}


def test_key_that_moved_is_a_delete_and_an_insert(streaming: World) -> None:
    streaming.source.transact(inserted(ITEMS, *ONE), updated(ITEMS, ONE, ("9", "a", "n")))
    streaming.turn()
    assert streaming.streamed() == [("c", (1, "a", "n")), ("d", (1,)), ("c", (9, "a", "n"))]
    assert streaming.holds() == {"9": (9, "a", "n")}


@pytest.mark.rule("V4")
def test_v4_truncate_goes_into_every_partition(streaming: World) -> None:
    """Red with `range(1)` in `Floors._publish`."""
    streaming.source.transact(truncated(ITEMS))
    streaming.turn()
    floors = [each for each in streaming.records() if each.key == FLOOR_KEY]
    told = [(each.partition, streaming.decode(each.value or b"").op) for each in floors]
    assert told == [(partition, op) for partition in range(3) for op in ("s", "t")]


@pytest.mark.rule("D3")
def test_d3_truncate_of_a_leaf_is_none_of_its_root(make_world: MakeWorld) -> None:
    """Red without the branch `if relation.leaf` in `_on_truncate`: rows of the other leaf would go."""
    world = make_world()
    world.source.create("parts", ROOT, leaves={"parts_1": LEAF, "parts_2": LEAF + 1})
    world.source.transact(inserted(LEAF, "1", "a", None), inserted(LEAF + 1, "2", "b", None))
    world.start().settle()
    world.source.transact(truncated(LEAF))
    world.turn()
    assert "t" not in [op for op, _ in world.told("parts")]
    world.settle()
    assert world.holds("parts") == {"2": (2, "b", None)}


@pytest.fixture
def filled(streaming: World) -> World:
    """Four rows of before, which the stream has told."""
    streaming.source.transact(*(inserted(ITEMS, str(key), chr(96 + key), None) for key in range(1, 5)))
    return streaming.settle()


def lacks_the_key(world: World, *changes: Change) -> None:
    """A transaction of a moment in which the replica identity was an index without the key."""
    world.source.identify(ITEMS, "i")
    world.source.transact(*changes)
    world.source.identify(ITEMS, "d")


@pytest.mark.rule("D4")
def test_d4_key_that_changed_without_a_word_leaves_no_ghost(filled: World) -> None:
    """Red without `restart` in `row_unnamed`."""
    lacks_the_key(filled, updated(ITEMS, ("1", "a", None), ("9", "a", None)))
    filled.settle()
    assert sorted(filled.holds()) == ["2", "3", "4", "9"]


@pytest.mark.rule("D4")
def test_d4_deletes_without_a_key_are_counted_and_not_fatal(filled: World) -> None:
    """Red without `count_delete` in `_unnamed`: the sweep would be held."""
    assert filled.ask(Kind.SNAPSHOT)
    filled.settle()
    lacks_the_key(filled, *(deleted(ITEMS, str(key), chr(96 + key), None) for key in range(1, 4)))
    filled.settle()
    assert sorted(filled.holds()) == ["4"]


@pytest.mark.rule("D4")
def test_d4_each_change_without_a_key_voids_what_was_read_before(filled: World) -> None:
    """Red when only the Relation message marks the table: the second change comes while the scan runs."""
    source = filled.source

    def late() -> None:
        lacks_the_key(filled, updated(ITEMS, ("2", "b", None), ("9", "b", None)))

    lacks_the_key(filled, updated(ITEMS, ("1", "a", None), ("8", "a", None)))
    # When the chunk of the scan that follows is read, and before its high watermark: no Relation message tells of it.
    source.before("COPY (SELECT", lambda: source.before("ROLLBACK", late))
    filled.settle()
    assert sorted(filled.holds()) == ["3", "4", "8", "9"]


@pytest.mark.rule("D4")
def test_d4_reader_that_is_killed_reads_the_table_again(filled: World) -> None:
    """Red without `begin_again` in `restart`: nothing durable would tell of the change."""
    filled.side.waits = True
    lacks_the_key(filled, updated(ITEMS, ("1", "a", None), ("9", "a", None)))
    filled.source.transact(inserted(ITEMS, "5", "e", None))  # the next reader gets this one again, not the one before
    filled.turn(2)
    filled.kill()
    filled.start().settle()
    assert sorted(filled.holds()) == ["2", "3", "4", "5", "9"]


@pytest.mark.rule("S7")
def test_s7_rows_of_a_table_that_was_to_be_read_again_say_nothing_of_its_successor(filled: World) -> None:
    """Red where a table that begins again loses its life of the slot: its rows would count for another OID, too."""
    filled.ask(Kind.SNAPSHOT)
    filled.settle()  # four rows are known
    filled.side.waits = True
    lacks_the_key(filled, updated(ITEMS, ("1", "a", None), ("9", "a", None)))
    filled.source.transact(inserted(ITEMS, "5", "e", None))
    filled.turn(2)
    filled.kill()
    filled.source.drop(ITEMS)
    filled.source.create("items", 7)
    filled.source.transact(inserted(7, "30", "a", None))
    filled.start().settle()
    progress = filled.progress()
    assert (sorted(filled.holds()), progress and progress.state) == (["30"], "done")


@pytest.mark.rule("P6")
def test_p6_ordinal_counts_what_is_not_published_and_nothing_that_depends_on_the_connection(
    make_world: MakeWorld,
) -> None:
    """Red with `ordinal += 1` behind the test for a captured relation in `handle`, or without it in `_on_message`."""
    world = make_world(exclude=["others"])
    world.source.create("items", ITEMS)
    world.source.create("others", OTHERS)
    world.start().settle()
    world.source.transact(
        raw(messages.origin("elsewhere")),
        inserted(OTHERS, "1", None, None),
        inserted(ITEMS, *ONE),
        raw(messages.wal_message("ours", prefix="another program")),
        raw(messages.type_name(70_000, "colour")),
        raw(messages.wal_message("by the way", transactional=False)),
        truncated(OTHERS),
        inserted(ITEMS, *TWO),
    )
    world.turn()
    assert [event.source.ordinal for event in world.events() if event.op == "c"] == [2, 5]


@pytest.mark.rule("P6")
@pytest.mark.parametrize("most", [2, 3, 4, 5, 6])
def test_p6_transaction_that_was_cut_goes_on_behind_what_is_published(make_world: MakeWorld, most: int) -> None:
    """Red with `< transactions.skip` in `handle` or `_on_truncate`, with `skip = 0`, or with `opened()` None."""
    world = make_world(commit={"max_rows": 3})
    world.source.create("items", ITEMS)
    world.start().settle()
    world.source.transact(
        *(inserted(ITEMS, str(key), "a", None) for key in range(1, 3)),
        truncated(ITEMS),
        *(inserted(ITEMS, str(key), "b", None) for key in range(3, 8)),
    )
    world.stream.most = most
    world.turn(2)
    world.kill()
    world.start().settle()
    told = world.streamed()
    assert told == [
        *(("c", (key, "a", None)) for key in range(1, 3)),
        ("t", None),
        *(("c", (key, "b", None)) for key in range(3, 8)),
    ]


@pytest.mark.rule("P8")
def test_p8_value_that_cannot_be_carried_is_left_out_with_its_reason(streaming: World) -> None:
    """Red where the encoder does not catch `Uncarriable`."""
    streaming.source.transact(inserted(ITEMS, "1", b"\xff\xfe", "n"))  # type: ignore[arg-type]
    streaming.turn()
    [event] = [each for each in streaming.events() if each.op == "c"]
    assert event.after == {"id": 1, "name": None, "note": "n"}
    assert event.omitted == (Omitted("name", "the value is not valid UTF-8"),)


TYPED = {"id": "bigint", "name": "text", "mark": "uuid"}
GOOD = "00000000-0000-0000-0000-00000000000a"
NO_UUID = Omitted("mark", "expected a uuid of 36 characters, got other text")


@pytest.fixture
def typed(world: World) -> World:
    world.source.create("typed", OTHERS, TYPED)
    return world.start().settle()


@pytest.mark.rule("P8")
def test_p8_value_that_is_none_of_its_type_is_left_out_and_later_ones_arrive(typed: World) -> None:
    """Red without `except Unfit` in `handle`: it was exit 70, for all tables."""
    source = typed.source
    source.transact(inserted(OTHERS, "1", "a", "4711"), inserted(OTHERS, "2", "b", GOOD), inserted(ITEMS, *ONE))
    source.transact(updated(OTHERS, ("2", "b", GOOD), ("2", "c", "none")), deleted(OTHERS, "1", "a", "4711"))
    typed.turn()
    told = [(each.op, each.omitted) for each in typed.events("typed") if each.op in "cud"]
    assert told == [("c", (NO_UUID,)), ("c", ()), ("u", (NO_UUID,)), ("d", ())]
    assert typed.holds("typed") == {"2": (2, "c", None)}
    assert typed.holds() == {"1": (1, "a", "n")}
    source.transact(updated(OTHERS, ("2", "c", "none"), ("2", "c", GOOD)))
    typed.turn()
    assert typed.holds("typed") == {"2": (2, "c", GOOD)}


@pytest.mark.rule("P8")
def test_p8_column_that_is_left_out_is_told_once(typed: World) -> None:
    with structlog.testing.capture_logs() as lines:
        typed.source.transact(inserted(OTHERS, "1", "a", "4711"), inserted(OTHERS, "2", "b", "4712"))
        typed.turn()
    [line] = [line for line in lines if line["event"] == "column_left_out"]
    assert (line["table"], line["column"], line["reason"]) == ("public.typed", "mark", NO_UUID.reason)
    assert "4711" not in str(line)


@pytest.mark.rule("P8")
def test_p8_old_row_and_moved_key_with_a_value_that_is_none(typed: World) -> None:
    typed.source.identify(OTHERS, "f")
    typed.source.transact(inserted(OTHERS, "1", "a", "4711"))
    typed.source.transact(updated(OTHERS, ("1", "a", "4711"), ("2", "a", "4712")), deleted(OTHERS, "2", "a", "4712"))
    typed.turn()
    assert [each.op for each in typed.events("typed") if each.op in "cud"] == ["c", "d", "c", "d"]
    assert typed.holds("typed") == {}


def of_typed(*values: str | None) -> bytes:
    return messages.insert(OTHERS, values)


UNEXPLAINED = {
    "a tuple of other columns": of_typed("7", "x"),
    "no value for the key": of_typed(None, "x", GOOD),
    "a key that did not change, and nothing else tells": messages.update(OTHERS, (UNCHANGED, "x", GOOD)),
    "an old row with values left out": messages.update(OTHERS, ("7", "x", GOOD), row=("7", "x", UNCHANGED)),
    "a delete without a key": messages.delete(OTHERS, key=(None, None, None)),
}


@pytest.mark.rule("D8")
@pytest.mark.parametrize("message", UNEXPLAINED.values(), ids=UNEXPLAINED)
def test_d8_change_that_its_table_does_not_explain_has_that_table_read_again(typed: World, message: bytes) -> None:
    """Red without `except Unfit` in `_rare`."""
    typed.source.transact(inserted(OTHERS, "1", "a", GOOD))
    typed.turn()
    typed.source.transact(inserted(OTHERS, "2", "b", GOOD), raw(message), inserted(ITEMS, *ONE))
    typed.settle()
    assert typed.holds() == {"1": (1, "a", "n")}
    assert sorted(typed.holds("typed")) == ["1", "2"]
    assert len([each for each in typed.events("typed") if each.op == "s"]) == 2 * 3  # one for each partition


@pytest.mark.rule("P8")
def test_p8_row_that_does_not_fit_goes_without_its_largest_column(streaming: World) -> None:
    """Red without `or len(value) > event_limit` in `handle`."""
    streaming.source.transact(inserted(ITEMS, "1", "a", "x" * 16 * 2**20))
    streaming.turn()
    [event] = [each for each in streaming.events() if each.op == "c"]
    assert event.after == {"id": 1, "name": "a", "note": None}
    assert event.omitted == (Omitted("note", "the row is larger than max.message.bytes"),)


BEFORE_A_BEGIN = {
    "insert": messages.insert(ITEMS, ONE),
    "truncate": messages.truncate(ITEMS),
    "message": messages.wal_message("m"),
    "commit": messages.commit(0x9000),
}


@pytest.mark.parametrize("data", BEFORE_A_BEGIN.values(), ids=BEFORE_A_BEGIN)
def test_change_before_a_begin_stops_the_reader(streaming: World, data: bytes) -> None:
    streaming.source.transact(inserted(ITEMS, *ONE))
    streaming.turn()
    streaming.stream.placed.append((0x9000, data))
    with pytest.raises(ProtocolError, match="expected a begin"):
        streaming.turn()


UNREADABLE = {
    "another version of the protocol": b"S" + bytes(8),
    "no message": b"",
    "a message that is cut off": messages.insert(ITEMS, ONE)[:-1],
}


@pytest.mark.rule("P8")
@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_p8_message_that_cannot_be_decoded_stops_the_reader(streaming: World, data: bytes) -> None:
    """Red with its tag in `_PASSED_OVER`."""
    streaming.source.transact(inserted(ITEMS, *ONE), raw(data))
    with pytest.raises(ProtocolError):
        streaming.turn()
    assert streaming.streamed() == []
