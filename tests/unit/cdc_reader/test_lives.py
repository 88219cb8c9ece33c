"""From one life of the reader to the next: what is confirmed, what is gone on from, and what is refused (P, D)."""

from __future__ import annotations

import pytest

from cdc_runtime.consuming.records import TopicPartition
from schemas.errors import GapFound, ServerSetting, SlotLost
from schemas.names import TableName
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
    with pytest.raises(GapFound, match="past is not the one"):
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
def test_p5_topic_that_came_back_empty_is_a_gap(streaming: World) -> None:
    """Red without `check_topics` at the start, or without the record of topic ids in the first commit."""
    streaming.kill()
    streaming.broker.delete(TOPIC)
    streaming.broker.create(TOPIC, 3)
    with pytest.raises(GapFound, match="as it was when rows were published"):
        streaming.start()


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


@pytest.mark.rule("D6")
def test_d6_partition_count_is_for_ever(streaming: World) -> None:
    """Red without `check_entries` at the start: keys would lie in other partitions than their older events."""
    streaming.kill()
    streaming.broker.log[TopicPartition(TOPIC, 3)] = []
    with pytest.raises(GapFound, match="3 partitions, got 4"):
        streaming.start()


@pytest.mark.rule("D7")
def test_d7_topic_belongs_to_one_source(streaming: World, make_world: MakeWorld) -> None:
    """Red without `check_entries` at the start."""
    streaming.kill()
    other = beside(streaming, make_world, source="second", slot="second")
    with pytest.raises(GapFound, match="belong to source"):
        other.start()
