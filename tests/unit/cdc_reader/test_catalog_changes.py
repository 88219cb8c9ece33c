"""What values and documents take from the catalog changes while rows stay: what is read again, and whether (D1, D9)."""

from __future__ import annotations

import pytest

from cdc_reader.discovery.catalog_rows import ForeignKeyRow
from schemas.control import Kind
from schemas.offsets import SnapshotProgress
from schemas.tables import TableEntry
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.source import inserted, truncated
from tests.unit.cdc_reader.world import TOPICS, World

PEOPLE, TASKS = 1, 2
COLUMNS = {"id": "bigint", "owner": "bigint", "note": "text"}
READ = [("r", (each, 1, None)) for each in (1, 2, 3)]
SWEPT = [*READ, ("s", None)]


def entry(world: World, table: str = "tasks") -> TableEntry:
    """What `_tables` says now."""
    found = {each.key: each.value for each in world.broker.records(TOPICS.tables)}
    return TableEntry.from_json(found[f"public.{table}".encode()] or b"")


def progress(world: World) -> SnapshotProgress:
    found = world.progress("tasks")
    assert found is not None
    return found


def referring(world: World) -> World:
    """A reader that has read people and their tasks; nothing of it is in what `since` tells."""
    world.source.create("people", PEOPLE, {"id": "bigint"})
    world.source.create("tasks", TASKS, COLUMNS)
    world.source.transact(inserted(PEOPLE, "1"), *(inserted(TASKS, str(each), "1", None) for each in (1, 2, 3)))
    return world.start().settle()


@pytest.fixture
def tasks(make_world: MakeWorld) -> World:
    return referring(make_world())


@pytest.fixture
def slow(make_world: MakeWorld) -> World:
    """The same, in chunks of one row."""
    return referring(make_world(snapshot={"chunk_rows": 1}))


def since(world: World, told: int = 4, table: str = "tasks") -> list[tuple[str, object]]:
    """What was published of a table behind its first scan."""
    return world.told(table)[told:]


def heartbeat(world: World) -> World:
    return world.turn(seconds=1_001).settle()


# Labels and attributes


@pytest.mark.rule("D1")
def test_d1_renamed_label_has_the_table_read_again_and_swept(tasks: World) -> None:
    """Red without the marks of types in what a heartbeat compares, or in what a start does."""
    tasks.source.label(TASKS, "label 1.700 open", "label 2.700 done")
    heartbeat(tasks)
    assert (entry(tasks).types, since(tasks)) == (("label 1.700 open", "label 2.700 done"), [])
    tasks.source.label(TASKS, "label 1.800 opened", "label 2.700 done")
    heartbeat(tasks)
    assert since(tasks) == SWEPT
    assert since(tasks, 2, "people") == []


@pytest.mark.rule("D1")
def test_d1_label_that_is_renamed_while_no_reader_runs_is_found_by_the_next(tasks: World) -> None:
    """Red without `outdated_scans` at the start."""
    tasks.source.label(TASKS, "label 1.700 open")
    heartbeat(tasks)
    tasks.kill()
    tasks.source.label(TASKS, "label 1.800 opened")
    tasks.start().settle()
    assert since(tasks) == SWEPT
    tasks.kill()
    tasks.start().settle()
    assert since(tasks) == SWEPT, "once"


@pytest.mark.rule("D1")
def test_d1_added_label_is_known_from_then_on(tasks: World) -> None:
    """Red where only what is to be read again is compared: the added label would be renamed unseen."""
    tasks.source.label(TASKS, "label 1.700 open")
    heartbeat(tasks)
    tasks.source.label(TASKS, "label 1.700 open", "label 2.750 done")
    heartbeat(tasks)
    assert since(tasks) == []
    tasks.source.label(TASKS, "label 1.700 open", "label 2.800 over")
    heartbeat(tasks)
    assert since(tasks) == SWEPT


@pytest.mark.rule("D1", "D9")
def test_d1_reader_that_is_killed_before_it_reads_again_has_recorded_that_it_must(tasks: World) -> None:
    """Red where the entry is written without the progress: the next start compares the new entry with itself."""
    tasks.source.label(TASKS, "label 1.700 open")
    heartbeat(tasks)
    tasks.kill()
    tasks.source.label(TASKS, "label 1.800 opened")
    tasks.start()
    tasks.side.waits = True
    tasks.turn(2)
    assert (entry(tasks).types, progress(tasks).state) == (("label 1.800 opened",), "void")
    tasks.kill()
    tasks.start().settle()
    assert since(tasks) == SWEPT


@pytest.mark.rule("D1")
def test_d1_labels_are_compared_before_a_sweep(make_world: MakeWorld) -> None:
    """Red with fingerprints alone in `_finish_chunk`: the sweep confirms what was read under the old label."""
    world = make_world()
    world.source.create("tasks", TASKS, COLUMNS)
    world.source.label(TASKS, "label 1.700 open")
    world.source.transact(*(inserted(TASKS, str(each), "1", None) for each in (1, 2, 3)))
    world.start()
    world.source.before("COPY", lambda: world.source.label(TASKS, "label 1.800 opened"))
    world.settle_until(lambda: world.told("tasks") != [])
    world.settle()
    assert world.told("tasks") == SWEPT
    assert len(world.streams) == 2, "it was read twice"


@pytest.mark.rule("D1")
def test_d1_scan_whose_key_cannot_be_gone_on_from_ends_by_what_changed(slow: World) -> None:
    """Red where a value that the server does not take ends the reader: its label was renamed since."""
    slow.ask(Kind.SNAPSHOT, table="public.tasks")

    def rename() -> None:
        slow.source.label(TASKS, "label 1.800 opened")
        slow.source.refuses = "COPY"

    slow.settle_until(lambda: len(since(slow)) == 2)
    slow.source.before("COPY", rename)
    slow.turn(3)
    slow.source.refuses = ""
    heartbeat(slow)
    assert since(slow)[-4:] == SWEPT


# Edges


@pytest.mark.rule("D9")
def test_d9_foreign_key_has_the_rows_read_again_without_a_sweep(tasks: World) -> None:
    """Red without entries in what a heartbeat compares, without `outdated_scans`, or with a sweep behind it."""
    tasks.source.refer(TASKS, "owner", PEOPLE)
    heartbeat(tasks)
    assert [(edge.direction, edge.target_table) for edge in entry(tasks).relationships] == [("out", "public.people")]
    assert [edge.direction for edge in entry(tasks, "people").relationships] == ["in"]
    assert since(tasks) == READ
    assert since(tasks, 2, "people") == [], "an edge that comes from others is in no row of it"
    assert (progress(tasks).state, progress(tasks).complete_rows) == ("done", 3)
    tasks.source.foreign_keys.clear()
    heartbeat(tasks)
    assert (since(tasks), entry(tasks).relationships) == ([*READ, *READ], ())


@pytest.mark.rule("D9")
def test_d9_event_says_of_which_catalog_it_is(tasks: World) -> None:
    """Red without the mark in the schema: nobody could tell that the entry it has is an older one."""
    before = {event.schema for event in tasks.events("tasks")}
    tasks.source.refer(TASKS, "owner", PEOPLE)
    heartbeat(tasks)
    again = {event.schema for event in tasks.events("tasks")} - before
    [schema] = again
    assert (schema.fingerprint, schema.catalog_mark) == (entry(tasks).schema_fingerprint, entry(tasks).catalog_mark)
    tasks.source.transact(inserted(TASKS, "4", "1", None))
    tasks.settle()
    assert tasks.events("tasks")[-1].schema == schema


@pytest.mark.rule("D1", "D9")
def test_d9_reader_that_is_killed_before_it_reads_again_has_recorded_that_it_must(tasks: World) -> None:
    """Red where the entry is written without the progress."""
    tasks.kill()
    tasks.source.refer(TASKS, "owner", PEOPLE)
    tasks.start()
    tasks.side.waits = True
    tasks.turn(2)
    assert (len(entry(tasks).relationships), progress(tasks).state) == (1, "outdated")
    tasks.kill()
    tasks.start().settle()
    assert since(tasks) == READ


@pytest.mark.rule("D9")
def test_d9_reading_again_goes_on_where_it_was_killed_and_does_not_sweep(slow: World) -> None:
    """Red where the progress does not say that nothing is to be swept."""
    slow.source.refer(TASKS, "owner", PEOPLE)
    slow.turn(seconds=1_001)
    slow.settle_until(lambda: len(since(slow)) == 2)
    slow.kill()
    slow.start().settle()
    assert since(slow) == READ


@pytest.mark.rule("D9")
def test_d9_reading_again_begins_anew_when_the_edges_change_once_more(slow: World) -> None:
    """Red where a scan goes on though its rows so far are of another catalog."""
    slow.source.refer(TASKS, "owner", PEOPLE)
    slow.turn(seconds=1_001)
    slow.settle_until(lambda: len(since(slow)) == 2)
    slow.kill()
    slow.source.foreign_keys.clear()
    slow.start().settle()
    assert since(slow) == [*READ[:2], *READ]


@pytest.mark.rule("D9")
def test_d9_sweep_that_is_owed_stays_owed(slow: World) -> None:
    """Red where every change of edges makes a scan without a sweep, of a scan that was to sweep too."""
    slow.ask(Kind.SNAPSHOT, table="public.tasks")
    slow.settle_until(lambda: len(since(slow)) == 2)
    slow.kill()
    slow.source.refer(TASKS, "owner", PEOPLE)
    slow.start().settle()
    assert since(slow) == [*READ[:2], *SWEPT]


@pytest.mark.rule("D9")
def test_d9_changed_definition_is_swept_though_edges_changed_too(tasks: World) -> None:
    """Red where the state of the progress alone tells that nothing is to be swept."""
    tasks.source.refer(TASKS, "owner", PEOPLE)
    tasks.source.rewrite(TASKS)
    heartbeat(tasks)
    assert since(tasks) == SWEPT


def test_truncate_before_rows_are_read_again_is_not_forgotten(tasks: World) -> None:
    tasks.kill()
    tasks.source.refer(TASKS, "owner", PEOPLE)
    tasks.source.transact(truncated(TASKS), inserted(TASKS, "9", "1", None))
    tasks.start().settle()
    assert list(tasks.holds("tasks")) == ["9"]


@pytest.mark.rule("D9")
def test_d9_edges_that_a_name_implies_come_and_go_with_tables_and_columns(make_world: MakeWorld) -> None:
    """Red where only foreign keys are compared."""
    world = make_world()
    world.source.create("tasks", TASKS, {"id": "bigint", "person_id": "bigint", "note": "text"})
    world.source.transact(*(inserted(TASKS, str(each), "1", None) for each in (1, 2, 3)))
    world.start().settle()
    world.source.create("person", PEOPLE, {"id": "bigint"})
    heartbeat(world)
    assert (len(entry(world).relationships), since(world)) == (1, READ)
    world.source.drop(PEOPLE)
    heartbeat(world)
    assert (entry(world).relationships, since(world)) == ((), [*READ, *READ])


@pytest.mark.rule("D9")
def test_d9_edges_to_a_table_that_is_selected_no_longer_go(make_world: MakeWorld) -> None:
    world = make_world()
    world.source.create("people", PEOPLE, {"id": "bigint"})
    world.source.create("tasks", TASKS, COLUMNS)
    world.source.refer(TASKS, "owner", PEOPLE)
    world.source.transact(*(inserted(TASKS, str(each), "1", None) for each in (1, 2, 3)))
    world.start().settle()
    world.kill()
    world.settings["exclude"] = ["people"]
    world.start().settle()
    assert (entry(world).relationships, since(world)) == ((), READ)


@pytest.mark.rule("D9")
def test_d9_what_is_only_told_of_a_table_is_written_and_nothing_read_again(tasks: World) -> None:
    """Red without entries in what a heartbeat compares."""
    before = entry(tasks)
    tasks.source.describe(TASKS, "what is to be done")
    heartbeat(tasks)
    assert entry(tasks).description == "what is to be done"
    assert entry(tasks).version > before.version
    assert (entry(tasks).schema_fingerprint, since(tasks)) == (before.schema_fingerprint, [])


@pytest.mark.rule("D9")
def test_d9_edge_that_is_declared_after_it_was_implied_reads_nothing_again(make_world: MakeWorld) -> None:
    """No document says which of the two it is; the constraint's name is in none either."""
    world = make_world()
    world.source.create("person", PEOPLE, {"id": "bigint"})
    world.source.create("tasks", TASKS, {"id": "bigint", "person_id": "bigint", "note": "text"})
    world.source.transact(*(inserted(TASKS, str(each), "1", None) for each in (1, 2, 3)))
    world.start().settle()
    world.source.foreign_keys.append(ForeignKeyRow("one", TASKS, ("person_id",), PEOPLE, ("id",)))
    heartbeat(world)
    assert (entry(world).relationships[0].declared, since(world)) == (True, [])
    sessions = len(world.streams)
    world.source.foreign_keys[:] = [ForeignKeyRow("two", TASKS, ("person_id",), PEOPLE, ("id",))]
    heartbeat(world)
    assert (len(world.streams), since(world)) == (sessions, [])


@pytest.mark.rule("D1")
def test_d1_changed_definition_is_met_behind_the_transaction_that_is_open(tasks: World) -> None:
    """Red without `ends`: in a backlog of large transactions every batch ends inside of one."""
    for each in range(10, 50, 2):
        tasks.source.transact(inserted(TASKS, str(each), "1", None), inserted(TASKS, str(each + 1), "1", None))
    tasks.stream.most = 2
    tasks.turn()
    tasks.stream.most = 4
    tasks.source.rewrite(TASKS)
    tasks.turn(seconds=1_001).turn(2)
    assert (len(tasks.streams), len(tasks.streamed("tasks")) < 10) == (2, True)
    tasks.settle()
    assert len(tasks.holds("tasks")) == 43
