"""Rule D7: the topics of a source belong to one database of one server, also where its position is lost."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cdc_runtime.consuming.records import Record
from schemas.errors import SettingsError
from schemas.offsets import SOURCE_KEY, SourceMark
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.source import SYSTEM_ID, deleted, inserted
from tests.unit.cdc_reader.test_origins import another_database, another_server, outside
from tests.unit.cdc_reader.world import SOURCE_NAME, TOPICS, World

ITEMS = 1
ONE, TWO = ("1", "a", None), ("2", "b", None)
OFFSETS = TOPICS.offsets(SOURCE_NAME)
OURS = "these topics belong to database 'shop' \\(system 7710590895706758353\\), this server is "
ELSEWHERE = {
    another_database: f"{OURS}'copy' \\(system 7710590895706758353\\)",
    another_server: f"{OURS}'shop' \\(system 1\\)",
}


@pytest.fixture
def streamed(world: World) -> World:
    """A reader has published row 1 and is gone."""
    world.start().settle()
    world.source.transact(inserted(ITEMS, *ONE))
    world.turn().kill()
    return world


def recorded(world: World) -> SourceMark | None:
    value = world.offsets().get(SOURCE_KEY)
    return None if value is None else SourceMark.from_json(value)


def as_before_it_was_recorded(world: World) -> None:
    world.broker.write([Record(OFFSETS, 0, 0, SOURCE_KEY, None, 0)])


def reset(world: World) -> None:
    world.reset("--execute")


def reset_of_before(world: World) -> None:
    """What a reset does where only the position says whose the topics are."""
    as_before_it_was_recorded(world)
    world.reset("--execute")


def lost(world: World) -> None:
    world.forget_position()


FORGOTTEN = [reset, reset_of_before, lost]


@pytest.mark.rule("D7")
@pytest.mark.parametrize("forgotten", FORGOTTEN)
@pytest.mark.parametrize(("moved", "words"), ELSEWHERE.items())
def test_d7_topics_of_another_database_are_left_where_their_position_is_forgotten(
    streamed: World, forgotten: Callable[[World], None], moved: Callable[[World], None], words: str
) -> None:
    """Red without the record of the source, or where a reset forgets it."""
    forgotten(streamed)
    moved(streamed)
    streamed.source.transact(inserted(ITEMS, *TWO))
    streamed.source.slots, streamed.source.identity = {}, "1:1"
    before = outside(streamed)
    with pytest.raises(SettingsError, match=words) as raised:
        streamed.start()
    for flags in ((), ("--execute",)):
        with pytest.raises(SettingsError, match=words):
            streamed.reset(*flags)
    assert outside(streamed) == before
    assert (raised.value.remedy or "").startswith("correct database_url, or set another kafka.prefix")


@pytest.mark.rule("D7")
@pytest.mark.parametrize("forgotten", FORGOTTEN)
def test_d7_reader_of_the_same_database_begins_again(streamed: World, forgotten: Callable[[World], None]) -> None:
    forgotten(streamed)
    streamed.source.transact(inserted(ITEMS, *TWO))
    streamed.start().settle()
    assert set(streamed.holds()) == {"1", "2"}


@pytest.mark.rule("D7")
@pytest.mark.parametrize("moved", ELSEWHERE)
def test_d7_topics_change_hands_when_it_is_said(streamed: World, moved: Callable[[World], None]) -> None:
    """Red where `--source-moved` leaves the record of before."""
    streamed.reset("--execute")
    moved(streamed)
    streamed.source.transact(inserted(ITEMS, *TWO))
    told = streamed.reset("--source-moved")
    assert "would: record that the topics belong to database " in told
    assert "SELECT pg_drop_replication_slot('rowferry')" in told
    assert recorded(streamed) == SourceMark(SYSTEM_ID, "shop", "rowferry"), "a plan changes nothing"
    streamed.reset("--source-moved", "--execute")
    new = SourceMark(streamed.source.system_id, streamed.source.database, "rowferry")
    assert recorded(streamed) == new
    streamed.start().settle()
    assert (recorded(streamed), set(streamed.holds())) == (new, {"1", "2"})


@pytest.mark.rule("D7")
def test_d7_source_is_recorded_by_the_first_start_and_by_an_upgrade(streamed: World) -> None:
    """Red where it is written with the first position alone; once it is there a start writes nothing."""
    ours = SourceMark(SYSTEM_ID, "shop", "rowferry")
    assert recorded(streamed) == ours
    as_before_it_was_recorded(streamed)
    streamed.start().kill()
    assert recorded(streamed) == ours
    before = streamed.broker.commits
    streamed.start().kill()
    assert streamed.broker.commits == before


@pytest.mark.rule("D7")
def test_d7_position_that_agrees_is_newer_than_the_record(streamed: World) -> None:
    """A release that knows no such record said that the source was moved, and has read it since."""
    old = SourceMark("1", "old", "rowferry")
    streamed.broker.write([Record(OFFSETS, 0, 0, SOURCE_KEY, old.to_json(), 0)])
    streamed.start().kill()
    assert recorded(streamed) == SourceMark(SYSTEM_ID, "shop", "rowferry")


@pytest.mark.rule("D7")
def test_d7_record_behind_an_open_transaction_is_compared_once_it_is_read(streamed: World) -> None:
    """Red without the comparison behind the fence."""
    streamed.reset("--execute")
    another_database(streamed)
    streamed.broker.hides = True
    topics, _, *rest = outside(streamed)
    with pytest.raises(SettingsError, match="these topics belong to"):
        streamed.start()
    assert outside(streamed) == (topics, {"cdc.rowferry": 3}, *rest)


@pytest.mark.rule("D7")
def test_d7_lost_offsets_leave_the_name_of_the_database(streamed: World) -> None:
    """Red where nothing but `_offsets` is asked: it is the source's name and its database then, in `_tables`."""
    streamed.source.slots.clear()
    streamed.broker.delete(OFFSETS)
    another_database(streamed)
    with pytest.raises(SettingsError, match=r"topic 'cdc\.public\.items' belongs to database 'shop'"):
        streamed.start()
    assert streamed.source.slots == {}
    streamed.reset("--execute")
    with pytest.raises(SettingsError, match="belongs to database 'shop'"):
        streamed.start()
    streamed.reset("--source-moved", "--execute")
    streamed.start().settle()
    assert recorded(streamed) == SourceMark(SYSTEM_ID, "copy", "rowferry")


@pytest.mark.rule("D7")
def test_d7_record_of_another_format_stops_reader_and_reset(streamed: World) -> None:
    streamed.reset("--execute")
    streamed.broker.write([Record(OFFSETS, 0, 0, SOURCE_KEY, b"{}", 0)])
    with pytest.raises(SettingsError, match="whose position and topics these are is not known"):
        streamed.start()
    with pytest.raises(SettingsError):
        streamed.reset("--execute")
    streamed.reset("--source-moved", "--execute")
    streamed.start().settle()


def renamed(world: World, make_world: MakeWorld, **settings: str) -> World:
    """A reader of the same source and Kafka under another name."""
    world.kill()
    other = make_world(source="second", **settings)
    other.source, other.broker, other.clock = world.source, world.broker, world.clock
    other.lead_there()
    return other


@pytest.mark.rule("D7", "D1")
@pytest.mark.parametrize("forgotten", [reset, None])
def test_d7_source_that_was_renamed_goes_on_and_takes_its_topics_along(
    streamed: World, make_world: MakeWorld, forgotten: Callable[[World], None] | None
) -> None:
    """Red where a name tells sources apart; rows that went meanwhile, or with their table, leave the topics."""
    streamed.source.create("others", 2)
    streamed.source.transact(inserted(2, *ONE))
    streamed.start().settle()
    assert streamed.holds("others")
    streamed.kill()
    if forgotten:
        forgotten(streamed)
    streamed.source.transact(deleted(ITEMS, *ONE), inserted(ITEMS, *TWO))
    streamed.source.drop(2)
    second = renamed(streamed, make_world)
    second.start()
    assert {entry["source"] for entry in entries(second).values()} == {"second"}
    second.settle()
    assert second.holds() == {"2": (2, "b", None)}
    assert second.holds("others") == {}
    assert entries(second)["public.others"]["deleted"] is True


@pytest.mark.rule("D7")
def test_d7_reader_of_a_source_that_was_renamed_commits_nothing_any_more(
    streamed: World, make_world: MakeWorld
) -> None:
    """Red without the fence: one that lost its connection may have a transaction open."""
    before = streamed.broker.epochs["cdc.rowferry"]
    second = renamed(streamed, make_world)
    second.start().settle()
    assert second.broker.epochs["cdc.rowferry"] == before + 1
    second.kill()
    second.start()
    assert second.broker.epochs["cdc.rowferry"] == before + 1, "its entries are of the new name"


@pytest.mark.rule("D7")
def test_d7_reader_of_the_same_database_by_another_slot_is_another(streamed: World, make_world: MakeWorld) -> None:
    """Red where the slot is not compared: that one's reader may run, and both would publish the same rows."""
    second = renamed(streamed, make_world, slot="second")
    with pytest.raises(SettingsError, match="belongs to source 'rowferry'") as raised:
        second.start()
    assert "set `slot` to the one of before" in (raised.value.remedy or "")
    assert set(second.source.slots) == {"rowferry"}


def entries(world: World) -> dict[str, dict[str, object]]:
    """The last entry of each table."""
    return {
        (record.key or b"").decode(): json.loads(record.value or b"") for record in world.broker.records(TOPICS.tables)
    }
