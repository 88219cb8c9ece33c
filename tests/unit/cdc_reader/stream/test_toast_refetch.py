"""Updates that leave large values as they were: the row is read again, in a snapshot that sees them (V5, V6)."""

from __future__ import annotations

import pytest

from schemas.control import Kind, State
from schemas.envelope import Event, Omitted
from schemas.errors import AccessDenied, GapFound
from tests.unit.cdc_reader import messages
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.source import Change, deleted, inserted, updated
from tests.unit.cdc_reader.transcode.tables import UNCHANGED
from tests.unit.cdc_reader.world import TOPICS, World

ITEMS = 1
OLD, NEW = "the old value of a large column", "the new value of a large column"
NOT_HAD = Omitted("note", "the unchanged value could not be read in time; the row is read again")
GONE = Omitted("note", "the unchanged value is gone: the row was deleted or moved since")


@pytest.fixture
def streaming(world: World) -> World:
    """A reader that has published rows 1 and 2, whose `note` is large."""
    world.source.transact(inserted(ITEMS, "1", "a", OLD), inserted(ITEMS, "2", "a", OLD))
    return world.start().settle()


def updates(world: World) -> list[Event]:
    return [event for event in world.events() if event.op == "u"]


@pytest.mark.rule("V5")
def test_v5_event_without_its_large_value_is_made_whole(streaming: World) -> None:
    """Red where `_fetch` gives None."""
    streaming.source.transact(updated(ITEMS, ("1", "a", OLD), ("1", "b", OLD)))
    streaming.turn()
    [event] = updates(streaming)
    assert event.after == {"id": 1, "name": "b", "note": OLD}
    assert (event.refetched, event.omitted) == (("note",), ())


@pytest.mark.rule("V5")
def test_v5_row_is_read_in_a_snapshot_that_sees_the_events_transaction(streaming: World) -> None:
    """Red with `begin_seeing(worker, set(), ...)` in `refetch`: the value of before is read, for good."""
    changes = updated(ITEMS, ("1", "a", OLD), ("1", "b", NEW)), updated(ITEMS, ("1", "b", NEW), ("1", "c", NEW))
    streaming.source.transact(*changes, hidden=True)
    streaming.source.before("pause", streaming.source.reveal)
    streaming.turn()
    assert [event.after for event in updates(streaming)] == [
        {"id": 1, "name": "b", "note": NEW},
        {"id": 1, "name": "c", "note": NEW},
    ]


@pytest.mark.rule("V5")
def test_v5_rows_read_ahead_wait_for_their_own_transactions(streaming: World) -> None:
    """Red without `xids.add` for a Begin in `_ahead`."""
    streaming.source.transact(updated(ITEMS, ("1", "a", OLD), ("1", "b", OLD)))
    changes = updated(ITEMS, ("2", "a", OLD), ("2", "b", NEW)), updated(ITEMS, ("2", "b", NEW), ("2", "c", NEW))
    streaming.source.transact(*changes, hidden=True)
    streaming.source.before("pause", streaming.source.reveal)
    streaming.turn()
    assert [event.after["note"] for event in updates(streaming) if event.after] == [OLD, NEW, NEW]


@pytest.mark.rule("V5")
def test_v5_row_that_cannot_be_had_in_time_goes_out_at_once_and_is_read_later(streaming: World) -> None:
    """Red without the call of `row_unread`; with `gone` for a failed read the row would stay without its value."""
    streaming.source.transact(updated(ITEMS, ("1", "a", OLD), ("1", "b", OLD)), hidden=True)
    streaming.turn()
    [event] = updates(streaming)
    assert (event.after, event.omitted) == ({"id": 1, "name": "b", "note": None}, (NOT_HAD,))
    streaming.source.reveal()
    streaming.settle()
    [command] = streaming.commands().values()
    assert (command.kind, command.keys, command.state) == (Kind.REREAD, ("1",), State.DONE)
    assert streaming.holds()["1"] == (1, "b", OLD)


@pytest.mark.rule("D8")
def test_d8_row_of_a_table_that_may_no_longer_be_read_goes_out_without_its_column(streaming: World) -> None:
    """Red where only errors that may pass count: a REVOKE on one table would end the reader."""
    streaming.source.failing = {"COPY": AccessDenied("cannot read unchanged columns again: permission denied")}
    streaming.source.transact(updated(ITEMS, ("1", "a", OLD), ("1", "b", OLD)))
    streaming.turn()
    [event] = updates(streaming)
    assert event.omitted == (NOT_HAD,)
    streaming.source.failing = {}
    streaming.turn(2, seconds=10).settle()
    assert streaming.holds()["1"] == (1, "b", OLD)


@pytest.mark.rule("V5")
def test_v5_inserts_whose_values_cannot_be_told_are_made_whole_in_one_read(streaming: World) -> None:
    """Of wal2json, which prints NaN as null. Red where `_ahead` looks for updates alone."""
    told = [Change("message", raw=messages.insert(ITEMS, (key, "a", UNCHANGED))) for key in ("1", "2")]
    before = len(streaming.source.statements)
    streaming.source.transact(inserted(ITEMS, "3", "a", "small"), *told)
    streaming.turn()
    found = [event for event in streaming.events() if event.refetched]
    assert [event.after for event in found] == [
        {"id": 1, "name": "a", "note": OLD},
        {"id": 2, "name": "a", "note": OLD},
    ]
    assert len([each for each in streaming.source.statements[before:] if "COPY" in each]) == 1


@pytest.mark.rule("V5")
def test_v5_row_that_could_not_be_had_is_read_by_the_next_reader(make_world: MakeWorld) -> None:
    """Red without `record` in `ControlInbox.reread`: nothing durable asks for the row before its scan begins."""
    world = make_world(snapshot={"workers": 1})
    world.source.create("items", ITEMS)
    world.source.transact(inserted(ITEMS, "1", "a", OLD))
    world.start().settle()
    world.side.waits = True
    world.ask(Kind.SNAPSHOT)
    world.turn(3)  # the only worker is taken
    world.source.transact(updated(ITEMS, ("1", "a", OLD), ("1", "b", OLD)), hidden=True)
    world.turn(2)
    world.kill()
    world.source.reveal()
    world.start().settle()
    commands = [command for command in world.commands().values() if command.kind is Kind.REREAD]
    assert [(command.keys, command.state) for command in commands] == [(("1",), State.DONE)]


@pytest.mark.rule("V5")
def test_v5_read_that_failed_is_not_repeated_within_the_batch(streaming: World) -> None:
    """Red without `_unfetched`: each row would wait its whole time."""
    changes = [updated(ITEMS, (key, "a", OLD), (key, "b", OLD)) for key in "12"]
    streaming.source.transact(*changes, hidden=True)
    began = streaming.clock.seconds
    streaming.turn()
    assert [event.omitted for event in updates(streaming)] == [(NOT_HAD,), (NOT_HAD,)]
    assert streaming.clock.seconds - began < 6


@pytest.mark.rule("V5")
def test_v5_rows_that_could_not_be_had_are_asked_for_together(streaming: World) -> None:
    """Red without `ask_ourselves` before a commit: a lock right after a mass update made thousands of commands."""
    changes = [updated(ITEMS, (key, "a", OLD), (key, "b", OLD)) for key in "12"]
    streaming.source.transact(*changes, hidden=True)
    streaming.turn()
    [command] = streaming.commands().values()
    assert (command.keys, command.state) == (("1", "2"), State.REQUESTED)
    streaming.source.reveal()
    streaming.settle()
    assert streaming.holds() == {"1": (1, "b", OLD), "2": (2, "b", OLD)}
    assert streaming.broker.records(TOPICS.control)[-1].value is None, "it is over, and leaves"


@pytest.mark.rule("D1")
def test_d1_row_whose_key_holds_a_label_of_then_goes_out_at_once(streaming: World) -> None:
    """Red where a key that the server does not take ends the reader: each next one would come to the same event."""
    streaming.source.refuses = "COPY"
    streaming.source.transact(updated(ITEMS, ("1", "a", OLD), ("1", "b", OLD)))
    streaming.settle()
    [event] = updates(streaming)
    assert event.omitted == (NOT_HAD,)
    assert [command.state for command in streaming.commands().values()] == [State.REFUSED]


@pytest.mark.rule("V5")
def test_v5_row_that_is_gone_is_not_asked_for(streaming: World) -> None:
    """Red with `gone` always False: a command for a row that nobody can ever read."""
    streaming.source.transact(updated(ITEMS, ("1", "a", OLD), ("1", "b", OLD)))
    streaming.source.transact(deleted(ITEMS, "1", "b", OLD))
    streaming.turn()
    [event] = updates(streaming)
    assert event.omitted == (GONE,)
    assert streaming.commands() == {}


@pytest.mark.rule("V5")
def test_v5_row_behind_the_cut_of_a_read_is_not_taken_for_gone(make_world: MakeWorld) -> None:
    """Red with `known` made of all keys although the read was cut."""
    world = make_world()
    world.source.create("items", ITEMS)
    large = "x" * 5 * 2**20
    world.source.transact(*(inserted(ITEMS, key, "a", large) for key in "123"))
    world.start().settle()
    world.source.transact(*(updated(ITEMS, (key, "a", large), (key, "b", large)) for key in "123"))
    world.turn()
    assert [(event.refetched, event.omitted) for event in updates(world)] == [(("note",), ())] * 3


@pytest.mark.rule("V5")
def test_v5_definition_of_another_time_is_not_read_into_an_event(streaming: World) -> None:
    """Red without the comparison of fingerprints in `Refetcher`."""
    kinds = {"id": "bigint", "name": "text", "note": "text", "more": "text"}
    streaming.source.retype(ITEMS, kinds)
    streaming.side.waits = True
    streaming.source.transact(updated(ITEMS, ("1", "a", OLD, None), ("1", "b", OLD, "m")))
    streaming.turn(2)
    [event] = updates(streaming)
    assert event.after == {"id": 1, "name": "b", "note": None, "more": "m"}
    assert event.omitted == (NOT_HAD,)


@pytest.mark.rule("V5", "D1")
def test_v5_value_of_a_column_that_had_the_name_for_a_moment_is_not_read_into_an_event(streaming: World) -> None:
    """Red without the comparison of names behind the read: nothing in the catalog ever tells of it afterwards."""

    def exchange() -> None:
        streaming.source.rename(ITEMS, name="note", note="name")

    streaming.source.before("COPY", exchange)
    streaming.source.before("pg_current_wal_insert_lsn()", exchange)
    streaming.source.transact(updated(ITEMS, ("1", "a", OLD), ("1", "b", OLD)))
    streaming.turn()
    [event] = updates(streaming)
    assert event.after == {"id": 1, "name": "b", "note": None}
    assert event.omitted == (NOT_HAD,)
    streaming.settle()
    assert streaming.holds()["1"] == (1, "b", OLD)


@pytest.mark.rule("V6")
def test_v6_what_was_read_is_published_when_the_server_cannot_forget_it(streaming: World) -> None:
    """Red without the loop on `_flushed` in `refetch`."""
    streaming.source.transact(updated(ITEMS, ("1", "a", OLD), ("1", "b", OLD)))
    streaming.source.flushes = False
    streaming.source.transact(updated(ITEMS, ("1", "b", OLD), ("1", "c", NEW)))
    streaming.turn()
    assert [event.refetched for event in updates(streaming)] == [(), ()]
    assert updates(streaming)[0].omitted == (NOT_HAD,)


@pytest.mark.rule("V6")
def test_v6_read_flushes_what_it_may_have_seen(streaming: World) -> None:
    """Red without `emit_message` in `refetch`: an idle server keeps an asynchronous commit for as long as it likes."""
    streaming.source.transact(updated(ITEMS, ("1", "a", OLD), ("1", "b", OLD)))
    streaming.source.flushed -= 8
    streaming.turn()
    assert updates(streaming)[0].refetched == ("note",)


@pytest.mark.rule("V6")
def test_v6_position_holds_what_a_read_may_have_seen(streaming: World) -> None:
    """Red without `seen` in the checkpoint's position, or with the LSN of the flush in its place: P4 tests it."""
    streaming.source.transact(updated(ITEMS, ("1", "a", OLD), ("1", "b", OLD)))
    streaming.source.before("COPY", lambda: streaming.source.emit("somebody else writes", "another program"))
    streaming.source.flushed -= 8
    inserted_at = streaming.source.lsn + 0x110
    streaming.turn()
    position = streaming.position()
    assert position is not None
    assert position.seen_lsn == inserted_at
    streaming.kill()
    streaming.source.flushed = position.seen_lsn - 1
    with pytest.raises(GapFound):
        streaming.start()
