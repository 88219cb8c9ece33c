"""From one life of the reader to the next: what is confirmed, what is gone on from, and what is refused (P, D)."""

from __future__ import annotations

import pytest

from cdc_runtime import metrics
from schemas.errors import GapFound, ServerSetting, SettingsError, SlotLost
from schemas.names import TableName
from schemas.tables import TableEntry
from tests.unit.cdc_reader.broker import ABORTS, UNHEARD
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.connections import lost_connection
from tests.unit.cdc_reader.source import deleted, inserted, updated
from tests.unit.cdc_reader.world import TOPICS, World

ITEMS = 1
TOPIC = TOPICS.table(TableName("public", "items"))
ONE, TWO, THREE = ("1", "a", None), ("2", "b", None), ("3", "c", None)


def stream(world: World) -> World:
    """Let a reader publish row 1."""
    world.start().settle()
    world.source.transact(inserted(ITEMS, *ONE))
    return world.turn()


@pytest.fixture
def streaming(world: World) -> World:
    """A reader that has published row 1."""
    return stream(world)


def restarted(world: World) -> World:
    world.kill()
    return world.start()


@pytest.mark.rule("P3")
def test_p3_position_is_stored_before_it_is_confirmed(world: World) -> None:
    """Red with `confirm` before `commit` in `Checkpoint.commit`; the world looks at every confirmation."""
    stream(world)
    position = world.position()
    assert position is not None
    assert world.stream.confirmed[-1] == position.restart_lsn == world.source.done[-1].lsn


@pytest.mark.rule("P3", "P7")
@pytest.mark.parametrize("fate", [ABORTS, UNHEARD])
def test_p7_transaction_of_unknown_outcome_is_published_once_and_confirmed_when_stored(
    streaming: World, fate: str
) -> None:
    """Red where the publisher goes on after a commit that failed."""
    streaming.source.transact(inserted(ITEMS, *TWO))
    streaming.broker.fates = [fate]
    streaming.turn().settle()
    assert len(streaming.streams) == 2
    streaming.source.transact(inserted(ITEMS, *THREE))
    streaming.turn()
    assert [row[0] for op, row in streaming.streamed() if op == "c"] == [1, 2, 3]
    assert streaming.counted(metrics.KAFKA_TRANSACTIONS_ABORTED) == 1


def test_transaction_that_is_open_when_the_source_goes_is_counted_as_aborted(streaming: World) -> None:
    assert streaming.counted(metrics.KAFKA_TRANSACTIONS_ABORTED) == 0
    streaming.stream.most = 2
    streaming.source.transact(inserted(ITEMS, *TWO), inserted(ITEMS, *THREE))
    streaming.turn()
    streaming.stream.error = lost_connection()
    streaming.turn(3)
    assert streaming.counted(metrics.KAFKA_TRANSACTIONS_ABORTED) == 1
    streaming.settle()
    assert [row[0] for op, row in streaming.streamed() if op == "c"] == [1, 2, 3]


@pytest.mark.rule("P7")
def test_p7_version_goes_back_with_the_position_and_forward_with_the_clock(streaming: World) -> None:
    """Red where a new session begins below the version that is stored."""
    streaming.clock.seconds -= 500
    streaming.source.transact(inserted(ITEMS, *TWO))
    streaming.turn()
    restarted(streaming).source.transact(inserted(ITEMS, *THREE))
    streaming.turn()
    assert [row[0] for op, row in streaming.streamed() if op == "c"] == [1, 2, 3]
    versions = [event.version for event in streaming.events()]
    assert versions == sorted(versions)


@pytest.mark.rule("P3")
def test_p3_idle_slot_moves_by_heartbeats(make_world: MakeWorld) -> None:
    """Red without `emit_message` in the heartbeat."""
    world = make_world(heartbeat_interval_s=10)
    world.source.create("items", ITEMS)
    world.start().settle()
    confirmed = world.source.slots["rowferry"]
    world.turn(seconds=11).turn(2)
    assert world.source.slots["rowferry"] > confirmed


EMIT = "pg_logical_emit_message(boolean,text,text)"


@pytest.mark.rule("P3", "P4")
def test_p3_without_messages_the_slot_moves_by_the_servers_word(make_world: MakeWorld) -> None:
    """Red with an AccessDenied that ends the reader, or a next start that finds the slot ahead, or another first."""
    world = make_world(heartbeat_interval_s=10)
    world.source.create("items", ITEMS)
    world.source.transact(inserted(ITEMS, *ONE))
    world.start().settle()
    world.source.forbidden = (EMIT,)
    for row in (TWO, THREE):
        world.source.transact(inserted(ITEMS, *row))
        world.turn(seconds=11).turn(2)
        world.source.lsn += 0x5000  # of what nothing is published
        world.source.flushed = world.source.lsn
        world.turn(seconds=11).turn(2)
        world.turn(seconds=11)
        assert world.source.slots["rowferry"] == world.source.lsn
        world.kill()
        world.start().turn(2)
    world.source.forbidden = ()
    world.turn(seconds=11).turn(2)
    restarted(world).turn(3)
    assert [row[0] for op, row in world.streamed() if op == "c"] == [2, 3]
    assert sorted(world.holds()) == ["1", "2", "3"]


@pytest.mark.rule("P3")
def test_p3_server_is_not_followed_past_what_is_open(make_world: MakeWorld) -> None:
    """Red without `settled`: the rest of a transaction, or the one that must come first, would be passed over."""
    world = make_world(heartbeat_interval_s=10)
    world.source.create("items", ITEMS)
    world.start().settle()
    world.source.forbidden = (EMIT,)
    world.turn(seconds=11).turn(2)
    confirmed = world.source.slots["rowferry"]
    world.stream.waits = True
    world.source.transact(inserted(ITEMS, *ONE), inserted(ITEMS, *TWO))
    [done] = world.source.done[-1:]
    world.stream.place(done)
    world.stream.most = 3
    world.stream.wal_end = done.lsn + 0x100
    world.turn(seconds=11)
    assert world.source.slots["rowferry"] == confirmed
    world.stream.most = 2_000
    world.turn(2, seconds=11)
    assert world.source.slots["rowferry"] > done.lsn


@pytest.mark.rule("P3")
def test_p3_server_is_not_followed_past_what_a_session_that_ends_left_unread(make_world: MakeWorld) -> None:
    """Red where a session that is to begin anew follows the server: what it received and passed over would be lost."""
    world = make_world(heartbeat_interval_s=10)
    world.source.create("items", ITEMS)
    world.start().settle()
    world.source.forbidden = (EMIT,)
    world.turn(seconds=11).turn(2)
    world.stream.waits = True
    for row in (ONE, TWO):
        world.source.transact(inserted(ITEMS, *row))
    world.stream.place(*world.source.done[-2:])
    world.stream.most = 3
    world.source.create("more", ITEMS + 1)
    world.turn(seconds=11)
    world.stream.most = 0  # a new session is due, and waits for the end of the transaction
    world.turn(2)
    world.stream.most = 2_000
    world.stream.wal_end = world.source.lsn
    world.turn(seconds=11).settle()
    assert [row[0] for op, row in world.streamed() if op == "c"] == [1, 2]


@pytest.mark.rule("P3", "D8")
def test_p3_scans_wait_for_the_right_to_write_messages(make_world: MakeWorld) -> None:
    """Red without `forbid`: each table would be tried, and told of, again and again; or wait for minutes afterwards."""
    world = make_world(heartbeat_interval_s=10)
    world.source.create("items", ITEMS)
    world.source.transact(inserted(ITEMS, *ONE))
    world.source.forbidden = (EMIT,)
    world.start().settle()
    assert world.holds() == {}
    assert world.source.emitted(":low") == []
    world.source.forbidden = ()
    world.turn(seconds=11).settle()
    assert list(world.holds()) == ["1"]


@pytest.mark.rule("P3")
def test_p3_slot_that_somebody_else_moved_is_a_gap(streaming: World) -> None:
    """Red without `check_slot` at the start."""
    streaming.kill()
    streaming.source.transact(inserted(ITEMS, *TWO))
    streaming.source.slots["rowferry"] = streaming.source.lsn
    with pytest.raises(GapFound, match="something else read from it"):
        streaming.start()


@pytest.mark.rule("P3", "P5")
def test_p5_slot_that_is_gone_is_not_made_again_for_a_position(streaming: World) -> None:
    """Red without `check_slot` at the start."""
    streaming.kill()
    streaming.source.slots.clear()
    with pytest.raises(SlotLost):
        streaming.start()


@pytest.mark.rule("P4")
def test_p4_last_transaction_comes_again_and_is_skipped(streaming: World) -> None:
    """Red with `end_lsn` for `commit_lsn` in `Position.restart_lsn` (a gap), or with `return 0` for `self.ALL`."""
    for row in (TWO, THREE):
        streaming.source.transact(inserted(ITEMS, *row))
        streaming.turn()
        restarted(streaming)
        streaming.turn(2)
    assert [row[0] for op, row in streaming.streamed() if op == "c"] == [1, 2, 3]


@pytest.mark.rule("P4")
def test_p4_server_restored_to_another_past_is_a_gap(streaming: World) -> None:
    """Red without the comparison in `_already_published`: the server has the same LSNs, and other transactions."""
    streaming.kill()
    [last] = streaming.source.done[-1:]
    streaming.source.done[-1] = last._replace(xid=last.xid + 50)
    streaming.start()
    with pytest.raises(GapFound, match="history is not the one"):
        streaming.turn()


@pytest.mark.rule("P4")
def test_p4_position_beyond_the_servers_log_is_a_gap(streaming: World) -> None:
    """Red without `check_server` at the start: PostgreSQL takes a start in the future and sends nothing."""
    streaming.kill()
    streaming.source.flushed -= 0x20
    with pytest.raises(GapFound, match="restored to an earlier time"):
        streaming.start()


@pytest.mark.rule("P4")
def test_p4_server_is_checked_at_every_start_of_the_stream(streaming: World) -> None:
    """Red without `check_server` at the start: a fail-over between two sessions of one process is none to trust."""
    streaming.source.flushed -= 0x20
    streaming.stream.error = lost_connection()
    with pytest.raises(GapFound, match="restored to an earlier time"):
        streaming.turn(3)


@pytest.mark.rule("P5")
def test_p5_no_position_means_that_everything_is_read_and_swept(streaming: World) -> None:
    """Red where `cause_of_scan` leaves out the incarnation."""
    streaming.kill()
    streaming.source.transact(deleted(ITEMS, *ONE), inserted(ITEMS, *TWO))
    streaming.forget_position()
    streaming.start().settle()
    assert streaming.holds() == {"2": (2, "b", None)}


@pytest.mark.rule("P5")
@pytest.mark.parametrize("empty", [False, True], ids=["gone", "empty"])
def test_p5_topic_that_is_gone_or_empty_has_its_table_read_again(streaming: World, empty: bool) -> None:
    """Red without `lost_topics` at the start, or without the record of topic ids in the first commit."""
    streaming.kill()
    streaming.broker.delete(TOPIC)
    if empty:
        streaming.broker.create(TOPIC, 3)
    streaming.start().settle()
    assert streaming.holds() == {"1": (1, "a", None)}
    assert streaming.told()[-1] == ("s", None), "what left the table meanwhile leaves the index"


@pytest.mark.rule("V8")
def test_v8_lost_position_does_not_let_versions_fall(streaming: World) -> None:
    """Red without `published_versions` in the seed: every write would be refused as older."""
    streaming.source.transact(updated(ITEMS, ONE, ("1", "b", None)))
    streaming.turn(seconds=50)
    streaming.kill()
    streaming.clock.seconds -= 500
    streaming.forget_position()
    streaming.source.transact(updated(ITEMS, ("1", "b", None), ("1", "z", None)))
    streaming.start().settle()
    assert streaming.holds() == {"1": (1, "z", None)}


@pytest.mark.rule("P10")
def test_p10_schema_is_durable_before_the_first_row_of_a_scan(world: World) -> None:
    """Red without `store_plan` for the tables of the start, or without `flush_or_raise` in it.

    The broker refuses an event whose schema nobody can read.
    """
    world.source.transact(inserted(ITEMS, *ONE))
    world.start().settle()
    assert world.holds() == {"1": (1, "a", None)}


@pytest.mark.rule("P10")
def test_p10_schema_of_a_definition_that_the_stream_tells_is_durable_before_its_first_event(streaming: World) -> None:
    """Red without `store_plan` in the session's `_prepare`."""
    streaming.source.retype(ITEMS, {"id": "bigint", "name": "text", "note": "text", "more": "text"})
    streaming.source.transact(inserted(ITEMS, *TWO, "m"))
    streaming.turn()
    assert streaming.streamed()[-1] == ("c", (2, "b", None, "m"))


def beside(world: World, make_world: MakeWorld, **settings: object) -> World:
    """Another reader of the same source and Kafka."""
    other = make_world(**settings)
    other.source, other.broker, other.clock = world.source, world.broker, world.clock
    other.lead_there()
    return other


@pytest.mark.rule("P2")
def test_p2_standby_fences_nobody_while_the_lock_is_held(streaming: World, make_world: MakeWorld) -> None:
    """Red without `take_lock`: the standby takes over the transactional id of the reader that streams."""
    standby = beside(streaming, make_world)
    standby.start().turn(3)
    assert streaming.broker.epochs == {"cdc.rowferry": 1}
    streaming.source.transact(inserted(ITEMS, *TWO))
    streaming.turn()
    streaming.kill()
    standby.turn(3)
    standby.source.transact(inserted(ITEMS, *THREE))
    standby.turn(2)
    assert [row[0] for op, row in standby.streamed() if op == "c"] == [1, 2, 3]


@pytest.mark.rule("P11")
@pytest.mark.parametrize("names", ["*", "FIRST 1 (other, rowferry-rowferry)"])
def test_p11_reader_is_no_synchronous_standby(world: World, names: str) -> None:
    """Red without the requirement on `synchronous_standby_names`: V5 would wait for our own flush."""
    world.source.settings["synchronous_standby_names"] = names
    with pytest.raises(ServerSetting):
        world.start()


@pytest.mark.rule("D2")
@pytest.mark.parametrize("running", [False, True], ids=["between two lives", "in one life"])
def test_d2_publication_that_was_recreated_is_a_gap(streaming: World, running: bool) -> None:
    """Red without `check_publication` at the start; in one life also without the mark in `difference`."""
    streaming.source.identity = "901:760"
    meet = (lambda: streaming.turn(seconds=1_001).turn(3)) if running else (lambda: restarted(streaming))
    with pytest.raises(GapFound, match="publication"):
        meet()


@pytest.mark.rule("D7")
def test_d7_topic_belongs_to_one_source(streaming: World, make_world: MakeWorld) -> None:
    """Red without `check_entries` at the start."""
    streaming.kill()
    other = beside(streaming, make_world, source="second", slot="second")
    with pytest.raises(SettingsError, match="belongs to source 'rowferry' of database 'shop', this is source 'second'"):
        other.start()


@pytest.mark.rule("D8")
def test_d8_table_whose_topic_cannot_be_had_is_left_out_until_it_can(make_world: MakeWorld) -> None:
    """Red where one topic's refusal ends the start; without `Troubles.due` it would never be tried again."""
    world = make_world()
    world.source.create("items", 1)
    world.source.create("others", 2)
    world.source.transact(inserted(1, *ONE), inserted(2, *ONE))
    world.broker.refused = {"cdc.public.others": ServerSetting("expected retention.ms -1, got 1", remedy="set it")}
    world.start().settle()
    assert world.holds() == {"1": (1, "a", None)}
    entry = TableEntry.from_json(world.broker.records(TOPICS.tables)[-1].value or b"")
    assert (str(entry.name), entry.capture.mode) == ("public.others", "none")
    assert entry.capture.reason == "its topic cannot be used: expected retention.ms -1, got 1"
    assert world.counted(metrics.READER_NOT_STREAMED, table="public.others") == 1
    world.source.transact(inserted(1, *TWO), inserted(2, *TWO))
    world.turn(2)
    assert world.holds() == {"1": (1, "a", None), "2": (2, "b", None)}
    world.broker.refused = {}
    world.turn(2, seconds=11).settle()
    assert world.holds("others") == {"1": (1, "a", None), "2": (2, "b", None)}
    assert world.counted(metrics.READER_NOT_STREAMED, table="public.others") == 0


@pytest.mark.rule("D2", "D8")
def test_d8_table_that_left_the_publication_for_a_time_is_read_again_alone(make_world: MakeWorld) -> None:
    """Red without `_left` in `_gaps`: what was written meanwhile was not sent."""
    world = make_world()
    world.source.create("items", 1)
    world.source.create("others", 2)
    world.source.transact(inserted(1, *ONE), inserted(2, *ONE))
    world.start().settle()
    world.kill()
    world.source.remembered[2] = "761"
    world.start().settle()
    assert [op for op, _ in world.told("others")] == ["r", "s", "r", "s"]
    assert [op for op, _ in world.told()] == ["r", "s"]
