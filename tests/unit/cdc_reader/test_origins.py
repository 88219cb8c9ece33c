"""Rule P12: a position belongs to one database of one server; elsewhere nothing is changed, forgotten or followed."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

import pytest

from cdc_reader.postgres.advisory_lock import slot_lock
from schemas.errors import FatalError, GapFound, ServerSetting, SettingsError, SlotBusy, SlotLost
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.source import SlotFacts, deleted, inserted
from tests.unit.cdc_reader.world import SOURCE_NAME, TOPICS, World
from tests.unit.sources import modules

ITEMS, OTHERS = 1, 2
OFFSETS = TOPICS.offsets(SOURCE_NAME)
ONE, TWO = ("1", "a", None), ("2", "b", None)
OURS = "this position belongs to database 'shop' \\(system 7710590895706758353\\), this server is "


@pytest.fixture
def streamed(world: World) -> World:
    """A reader has published row 1 and is gone; a table waits to be published."""
    world.start().settle()
    world.source.transact(inserted(ITEMS, *ONE))
    world.turn().kill()
    world.source.create("others", OTHERS)
    world.source.unpublished.add(OTHERS)
    return world


def outside(world: World) -> tuple[object, ...]:
    """All that a start can change: topics, transactional ids, records, slots, the publication."""
    source, broker = world.source, world.broker
    return dict(broker.ids), dict(broker.epochs), len(broker.added), dict(source.slots), set(source.unpublished)


def another_database(world: World) -> None:
    world.source.database = "copy"


def another_server(world: World) -> None:
    world.source.system_id = "1"


ELSEWHERE = {
    another_database: f"{OURS}'copy' \\(system 7710590895706758353\\)",
    another_server: f"{OURS}'shop' \\(system 1\\)",
}


@pytest.mark.rule("P12")
@pytest.mark.parametrize(("moved", "words"), ELSEWHERE.items())
def test_p12_reader_of_another_database_or_server_changes_nothing(
    streamed: World, moved: Callable[[World], None], words: str
) -> None:
    """Red without the comparison before the fence, or with one behind the look at the publication."""
    moved(streamed)
    streamed.source.identity, streamed.source.slots = "1:1", {}
    streamed.source.settings["wal_level"] = "replica"
    before = outside(streamed)
    with pytest.raises(SettingsError, match=words) as raised:
        streamed.start()
    assert outside(streamed) == before
    assert "correct database_url" in (raised.value.remedy or "")


@pytest.mark.rule("P12")
@pytest.mark.parametrize(("moved", "words"), ELSEWHERE.items())
def test_p12_position_behind_an_open_transaction_is_compared_once_it_is_read(
    streamed: World, moved: Callable[[World], None], words: str
) -> None:
    """Red without the comparison behind the fence: a look does not wait for whoever has a transaction open."""
    moved(streamed)
    streamed.source.slots.clear()
    streamed.broker.hides = True
    topics, _, *rest = outside(streamed)
    with pytest.raises(SettingsError, match=words):
        streamed.start()
    assert outside(streamed) == (topics, {"cdc.rowferry": 2}, *rest)


def slot_elsewhere(world: World) -> None:
    world.source.slots["rowferry"] = world.source.lsn + 0x1000


def slot_gone(world: World) -> None:
    world.source.slots.clear()


def server_restored(world: World) -> None:
    world.source.flushed -= 0x20


def timeline_of_before(world: World) -> None:
    world.source.timeline, world.source.switched_at = 2, 0x10


def publication_made_anew(world: World) -> None:
    world.source.identity = "901:760"


def slot_lost(world: World) -> None:
    world.source.slot_facts = SlotFacts(wal_status="lost")


GAPS = (
    slot_elsewhere,
    slot_gone,
    slot_lost,
    server_restored,
    timeline_of_before,
    publication_made_anew,
)


@pytest.mark.rule("P12")
@pytest.mark.parametrize("gap", GAPS)
def test_p12_gap_is_found_before_the_publication_is_changed(streamed: World, gap: Callable[[World], None]) -> None:
    """Red where the publication, or a topic, is made ready before the position is proved."""
    gap(streamed)
    before = outside(streamed)
    with pytest.raises((GapFound, SlotLost)):
        streamed.start()
    topics, _, *rest = before
    assert outside(streamed) == (topics, {"cdc.rowferry": 2}, *rest), "it fences, since the lock is its own"


@pytest.mark.rule("P12", "D7")
def test_p12_start_that_topics_of_another_source_refuse_leaves_no_slot(streamed: World, make_world: MakeWorld) -> None:
    """Red where the slot is made before the entries are compared: nobody would read it, and the disk would fill."""
    other = make_world(source="second", slot="second")
    other.source.create("items", ITEMS)
    other.source.unpublished.add(ITEMS)
    other.broker = streamed.broker
    other.lead_there()
    with pytest.raises(SettingsError, match="belongs to source"):
        other.start()
    assert other.source.slots == {}
    assert other.source.unpublished == {ITEMS}


@pytest.mark.rule("P12")
def test_p12_position_that_does_not_say_whose_it_is_is_nobodys(streamed: World) -> None:
    """Red where a position without a system identifier fits every server."""
    streamed.rewrite_position(system_id=None)
    before = outside(streamed)
    with pytest.raises(SettingsError, match="does not say to which database"):
        streamed.start()
    with pytest.raises(SettingsError, match="does not say to which database"):
        streamed.reset("--execute")
    assert outside(streamed) == before
    streamed.reset("--execute", "--source-moved")
    assert streamed.position() is None


@pytest.mark.rule("P12")
@pytest.mark.parametrize("flags", [(), ("--execute",), ("--execute", "--source-moved")])
def test_p12_nothing_is_forgotten_while_a_reader_holds_the_lock(world: World, flags: tuple[str, ...]) -> None:
    """Red without `check_not_held` in the plan; it says who it is."""
    world.start().settle()
    before = outside(world)
    with pytest.raises(SlotBusy, match=r"pid 4711 \(rowferry-rowferry at 10\.0\.0\.5\)"):
        world.reset(*flags)
    assert outside(world) == before
    world.source.transact(inserted(ITEMS, *ONE))
    world.turn()
    assert world.holds() == {"1": (1, "a", None)}


@pytest.mark.rule("P12")
def test_p12_reader_that_comes_while_the_plan_is_made_keeps_its_position(streamed: World) -> None:
    """Red without the lock around what is carried out."""
    before = outside(streamed)
    lock = slot_lock("rowferry")
    streamed.source.before("pg_try_advisory_lock", lambda: streamed.source.locks.add(lock))
    with pytest.raises(SlotBusy):
        streamed.reset("--execute")
    assert outside(streamed) == before


@pytest.mark.rule("P12")
@pytest.mark.parametrize("flags", [(), ("--execute",)])
@pytest.mark.parametrize(("moved", "words"), ELSEWHERE.items())
def test_p12_reset_changes_nothing_in_another_database_or_server(
    streamed: World, moved: Callable[[World], None], words: str, flags: tuple[str, ...]
) -> None:
    """Red without `check_origin` in the plan: the right pipeline would begin again with the rows of another."""
    moved(streamed)
    before, position = outside(streamed), streamed.position()
    with pytest.raises(SettingsError, match=words):
        streamed.reset(*flags)
    assert (outside(streamed), streamed.position()) == (before, position)


@pytest.mark.rule("P12")
@pytest.mark.parametrize("moved", ELSEWHERE)
def test_p12_source_that_was_moved_is_begun_again_when_it_is_said(
    streamed: World, moved: Callable[[World], None]
) -> None:
    moved(streamed)
    streamed.source.slots.clear()
    streamed.source.transact(deleted(ITEMS, *ONE), inserted(ITEMS, *TWO))
    told = streamed.reset("--source-moved")
    assert "of database 'shop' (system 7710590895706758353)" in told
    assert "SELECT pg_drop_replication_slot('rowferry')" in told
    assert streamed.position() is not None, "a plan forgets nothing"
    streamed.reset("--source-moved", "--execute")
    streamed.start().settle()
    assert streamed.holds() == {"2": (2, "b", None)}
    position = streamed.position()
    assert position is not None
    assert (position.system_id, position.database) == (streamed.source.system_id, streamed.source.database)


OTHERS_SLOTS = {
    "another plugin": SlotFacts(plugin="wal2json"),
    "another database": SlotFacts(database="second"),
}


@pytest.mark.rule("P12")
@pytest.mark.parametrize("flags", [("--execute",), ("--execute", "--source-moved")])
@pytest.mark.parametrize("slot", OTHERS_SLOTS.values(), ids=OTHERS_SLOTS)
def test_p12_slot_of_somebody_else_is_never_dropped(streamed: World, slot: SlotFacts, flags: tuple[str, ...]) -> None:
    """Red where the slot is named and not looked at."""
    streamed.source.slot_facts = slot
    before = outside(streamed)
    with pytest.raises(ServerSetting, match="plugin"):
        streamed.reset(*flags)
    assert outside(streamed) == before


def test_plan_says_what_is_there(streamed: World) -> None:
    assert streamed.reset().splitlines() == [
        "would: drop replication slot 'rowferry' (pgoutput in database 'shop', not active, confirmed to 0/1430)",
        "would: forget the position 0/1430 of database 'shop' (system 7710590895706758353) in topic "
        "'cdc._offsets.rowferry'",
        "the next run reads every table of database 'shop' (system 7710590895706758353) again, and removes what is "
        "not in it from the index",
        "run again with --execute to do it",
    ]
    streamed.source.slots.clear()
    streamed.forget_position()
    assert streamed.reset().splitlines()[:2] == [
        "would: forget whatever position is stored in topic 'cdc._offsets.rowferry'",
        "there is no replication slot 'rowferry' to drop",
    ]


@pytest.mark.rule("P12")
@pytest.mark.parametrize("gap", [server_restored, timeline_of_before])
def test_p12_server_that_has_not_written_the_position_is_another_one_for_reset(
    streamed: World, gap: Callable[[World], None]
) -> None:
    """Red without `check_written`: the lock of the server that is read cannot be asked on its copy."""
    gap(streamed)
    before = outside(streamed)
    with pytest.raises(GapFound):
        streamed.reset("--execute")
    assert outside(streamed) == before


@pytest.mark.rule("P12", "S7")
def test_p12_sweep_that_looks_wrong_is_held_behind_a_reset_too(world: World) -> None:
    """Red where what was scanned before the reset no longer counts: nothing mends a sweep that is held but people."""
    world.source.transact(*(inserted(ITEMS, str(key), "a", None) for key in range(10)))
    world.start().settle().kill()
    world.source.transact(*(deleted(ITEMS, str(key), "a", None) for key in range(8)))
    world.reset("--execute")
    world.start().settle()
    progress = world.progress()
    assert progress is not None
    assert progress.state == "held"
    assert len(world.holds()) == 10


@pytest.mark.rule("P12", "S7")
def test_p12_sweep_of_a_moved_source_is_held_where_most_rows_are_missing(world: World) -> None:
    """Red where the rows of before count for nothing, since the table has another OID there."""
    world.source.transact(*(inserted(ITEMS, str(key), "a", None) for key in range(10)))
    world.start().settle().kill()
    another_server(world)
    world.source.drop(ITEMS)
    world.source.create("items", 11)
    world.source.transact(inserted(11, *ONE))
    world.reset("--source-moved", "--execute")
    world.start().settle()
    progress = world.progress()
    assert progress is not None
    assert progress.state == "held"
    assert len(world.holds()) == 10


def another_past(world: World) -> None:
    world.source.done[-1] = world.source.done[-1]._replace(xid=1)


def transaction_cut_in_another_past(world: World) -> None:
    world.rewrite_position(last=None, open={"commit_lsn": 5, "xid": 5, "ordinal": 2})


def transaction_shorter_than_before(world: World) -> None:
    [done] = world.source.done[-1:]
    world.rewrite_position(last=None, open={"commit_lsn": done.lsn, "xid": done.xid, "ordinal": 9})


REMEDIED = (*GAPS, another_past, transaction_cut_in_another_past, transaction_shorter_than_before)


@pytest.mark.rule("P12")
@pytest.mark.parametrize("gap", REMEDIED)
def test_remedy_that_a_gap_prints_helps(streamed: World, gap: Callable[[World], None]) -> None:
    gap(streamed)
    with pytest.raises((GapFound, SlotLost)) as raised:
        streamed.start().turn(5)
    streamed.kill()
    carry_out(streamed, raised.value)
    streamed.source.slot_facts = SlotFacts()
    streamed.source.flushed = streamed.source.lsn
    streamed.source.transact(inserted(ITEMS, *TWO))
    streamed.start().settle()
    assert streamed.holds() == {"1": (1, "a", None), "2": (2, "b", None)}


def carry_out(world: World, error: FatalError) -> None:
    """The command that is printed; one that only shows its plan is run again as it says."""
    [flags] = re.findall("`cdc-reader reset([^`]*)`", error.remedy or "")
    told = world.reset(*flags.split())
    if "--execute" not in flags:
        assert told.endswith("run again with --execute to do it")
        assert "database_url" in (error.remedy or "")
        world.reset(*flags.split(), "--execute")


# What proves that the position is of another past, or cannot tell it from another server.
_MAY_BE_ANOTHER_SERVER = {"check_server", "_already_published"}


def test_every_gap_that_another_server_could_cause_names_database_url_first() -> None:
    """By the code: which remedy is printed where."""
    found: dict[str, set[str]] = {}
    for module in modules("cdc_reader").values():
        for function in [node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef)]:
            for call in [node for node in ast.walk(function) if isinstance(node, ast.Call)]:
                if ast.unparse(call.func) in ("GapFound", "SlotLost"):
                    remedy = next(ast.unparse(each.value) for each in call.keywords if each.arg == "remedy")
                    found.setdefault(function.name, set()).add(remedy)
    for name in _MAY_BE_ANOTHER_SERVER:
        assert found.pop(name) == {"RESTORED"}
    assert found.pop("lost_topics") == {"OTHER_KAFKA"}
    assert {name for name, remedies in found.items() if remedies == {"RESET"}} == {
        "check_slot",
        "check_publication",
        "on_commit",
        "_ended",
        "_without",
    }
