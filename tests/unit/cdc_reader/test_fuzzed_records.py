"""What lies in the reader's own topics, changed by chance (P14): one table's, or an end with a remedy that helps."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cdc_reader.progress import stored
from cdc_runtime.consuming.records import Record
from cdc_runtime.unreadable import UnreadableRecords
from schemas.control import Command, Kind
from schemas.errors import FatalError, GapFound, NewerRelease
from schemas.offsets import FLOORS_KEY, POSITION_KEY, PUBLICATION_KEY, TOPICS_KEY
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.source import deleted, inserted
from tests.unit.cdc_reader.world import SOURCE_NAME, TOPICS, World
from tests.unit.mutations import mutants

ITEMS, OTHERS = 1, 2
ONE, TWO = ("1", "a", None), ("2", "b", None)
OFFSETS = TOPICS.offsets(SOURCE_NAME)
SNAPSHOT = b"snapshot:public.items"


@pytest.fixture(autouse=True)
def told() -> Iterator[list[bytes | None]]:
    """The keys of records that were told to be none."""
    keys: list[bytes | None] = []
    with pytest.MonkeyPatch.context() as own:  # a world undoes what the test's own has patched
        fresh = UnreadableRecords()
        fresh.tell = lambda record, problem, consequence: keys.append(record.key)
        own.setattr(stored, "UNREADABLE", fresh)
        yield keys


@pytest.fixture
def read(world: World) -> World:
    """A reader has published row 1 of two tables and is gone."""
    world.source.create("others", OTHERS)
    world.source.transact(inserted(ITEMS, *ONE), inserted(OTHERS, *ONE))
    world.start().settle()
    world.turn().kill()
    return world


def last(world: World, topic: str, key: bytes) -> Record:
    return [record for record in world.broker.records(topic) if record.key == key][-1]


def write(world: World, topic: str, key: bytes | None, value: bytes | None) -> None:
    world.broker.write([Record(topic, 0, 0, key, value, 0)])


def goes_on(world: World) -> None:
    """What was deleted and written meanwhile is published."""
    world.source.transact(deleted(ITEMS, *ONE), inserted(ITEMS, *TWO), inserted(OTHERS, *TWO))
    world.start().settle()
    assert world.holds() == {"2": (2, "b", None)}
    assert set(world.holds("others")) == {"1", "2"}
    world.kill()


NONE = {"no JSON": b"\xff", "no record": b'{"format":1}', "no object": b"[]"}


@pytest.mark.rule("P14")
@pytest.mark.parametrize("value", NONE.values(), ids=NONE)
def test_p14_entry_that_cannot_be_read_has_its_table_read_again_and_swept(
    read: World, value: bytes, told: list[bytes | None]
) -> None:
    """Red where an entry of the topic ends the start; with it goes what was scanned under it."""
    write(read, TOPICS.tables, b"public.items", value)
    write(read, TOPICS.tables, b"\xff ghost", value)
    goes_on(read)
    entry = json.loads(last(read, TOPICS.tables, b"public.items").value or b"")
    assert (entry["table"], entry["source"]) == ("items", "rowferry")
    causes = [each for each in read.told(mode="snapshot") if each[0] == "r"]
    assert len(causes) == 2, "scanned once at first, and once more"
    assert sorted(map(str, told)) == ["b'\\xff ghost'", "b'public.items'"]


@pytest.mark.rule("P14", "S6")
@pytest.mark.parametrize("value", NONE.values(), ids=NONE)
def test_p14_scan_whose_progress_cannot_be_read_begins_again(read: World, value: bytes) -> None:
    write(read, OFFSETS, SNAPSHOT, value)
    write(read, OFFSETS, b"snapshot:\xff", value)
    goes_on(read)
    assert len([each for each in read.told(mode="snapshot") if each[0] == "r"]) == 2
    assert len([each for each in read.told("others", mode="snapshot") if each[0] == "r"]) == 1


@pytest.mark.rule("P14", "V1")
@pytest.mark.parametrize(("state", "scans"), [("done", 1), ("running", 2), ("held", 2)])
def test_p14_scan_under_way_begins_again_where_the_floors_cannot_be_read(read: World, state: str, scans: int) -> None:
    """Red where it goes on: its boundary may lie below one that is forgotten."""
    progress = json.loads(last(read, OFFSETS, SNAPSHOT).value or b"")
    write(read, OFFSETS, SNAPSHOT, json.dumps({**progress, "state": state, "last_key": ["0"]}).encode())
    write(read, OFFSETS, FLOORS_KEY, b"no JSON")
    before = progress["below_version"]
    goes_on(read)
    now = json.loads(last(read, OFFSETS, SNAPSHOT).value or b"")
    assert (now["state"], now["below_version"] > before) == ("done", scans == 2)


@pytest.mark.rule("P14")
@pytest.mark.remedy("to read every table again and remove from the index what is gone")
@pytest.mark.parametrize("key", [POSITION_KEY, TOPICS_KEY, PUBLICATION_KEY])
@pytest.mark.parametrize("value", NONE.values(), ids=NONE)
def test_p14_position_that_cannot_be_read_ends_the_start_with_a_remedy_that_helps(
    read: World, key: bytes, value: bytes
) -> None:
    write(read, OFFSETS, key, value)
    with pytest.raises(GapFound, match=rf"^offset \d+ of {OFFSETS}\[0\]: expected .* {key.decode()} record") as raised:
        read.start()
    assert "cdc-reader reset --execute" in (raised.value.remedy or "")
    read.reset("--execute")
    goes_on(read)


@pytest.mark.rule("P14")
@pytest.mark.parametrize("place", [(OFFSETS, POSITION_KEY), (OFFSETS, SNAPSHOT), (TOPICS.tables, b"public.items")])
def test_p14_what_a_newer_release_wrote_is_left_to_it(read: World, place: tuple[str, bytes]) -> None:
    write(read, *place, b'{"format":2,"all":"else"}')
    before = len(read.broker.records(place[0]))
    with pytest.raises(NewerRelease, match=r"format 2, which a newer release wrote$") as raised:
        read.start()
    assert (raised.value.exit_code, len(read.broker.records(place[0]))) == (78, before)


@pytest.mark.rule("P14")
@pytest.mark.parametrize("seed", range(4))
def test_p14_command_that_is_none_is_not_obeyed_and_stops_nothing(read: World, seed: int) -> None:
    read.start().settle()
    command = Command("c-1", Kind.REREAD, ("public.items",), "test", 1, keys=("1",))
    for wrong in mutants(Record(TOPICS.control, 0, 0, b"c-1", command.to_json(), 0), seed, 60):
        write(read, TOPICS.control, wrong.key, wrong.value)
    read.clock.seconds += 1
    read.settle()
    read.source.transact(inserted(ITEMS, *TWO))
    read.turn(3).kill()
    goes_on_with = set(read.holds())
    assert goes_on_with == {"1", "2"}
    read.start().settle()


@pytest.mark.rule("P14", "V8")
def test_p14_record_that_is_no_event_does_not_keep_a_reader_from_its_versions(read: World) -> None:
    """Red where the version is read of whatever lies last in a topic: nothing would be newer than it again."""
    read.forget_position()
    ahead = b"\xc3\x01" + b"12345678" + b"\x02c" + b"\xfe" * 8 + b"\x7f"
    for partition, value in enumerate((b"no event", ahead)):
        read.broker.write([Record("cdc.public.items", partition, 0, b"9", value, 0)])
    tombstone = Record("cdc.public.others", 0, 0, b"9", None, 0, (("rowferry.version", b"9" * 5_000),))
    read.broker.write([tombstone])
    read.start().settle()
    position = read.position()
    assert position is not None
    assert position.version < 2**53


@pytest.mark.rule("P14")
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("key", [POSITION_KEY, FLOORS_KEY, TOPICS_KEY, PUBLICATION_KEY, SNAPSHOT, b"public.items"])
def test_p14_start_goes_on_or_ends_with_a_known_error(make_world: MakeWorld, key: bytes, seed: int) -> None:
    world = make_world()
    world.source.create("items", ITEMS)
    world.source.transact(inserted(ITEMS, *ONE))
    world.start().settle().kill()
    codes: set[int] = set()
    topic = TOPICS.tables if key == b"public.items" else OFFSETS
    for wrong in mutants(last(world, topic, key), seed, 12):
        logs = {place: list(records) for place, records in world.broker.log.items()}
        world.source.slots, slots = dict(world.source.slots), world.source.slots
        write(world, topic, wrong.key, wrong.value)
        try:
            world.start().settle()
        except FatalError as exc:
            codes.add(exc.exit_code)
        world.kill()
        world.broker.log, world.source.slots = logs, slots
    assert 70 not in codes
