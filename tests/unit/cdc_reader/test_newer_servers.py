"""PostgreSQL 19, which is not at hand: what is decided by its version and its catalog, driven by facts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from cdc_reader.discovery import catalog_queries
from cdc_reader.postgres.server_requirements import server_requirements
from rowferry.reconcile import database_queries
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.postgres.test_requirements import FACTS, OURS
from tests.unit.cdc_reader.source import inserted

ITEMS = 1
LEVELS = {
    "18 at replica": (180004, "replica", "wal_level logical", False),
    "18 at logical": (180004, "logical", "wal_level logical", True),
    "19 at minimal": (190000, "minimal", "wal_level replica or logical", False),
    "19 at replica": (190000, "replica", "wal_level replica or logical", True),
    "19 at logical": (190000, "logical", "wal_level replica or logical", True),
}


@pytest.mark.parametrize(("version", "level", "expected", "met"), LEVELS.values(), ids=LEVELS)
def test_server_decodes_at_these_levels(version: int, level: str, expected: str, met: bool) -> None:
    facts = replace(FACTS, version=version, settings={**FACTS.settings, "wal_level": level})
    [found] = [each for each in server_requirements(facts, application_name=OURS) if each.id == "database.wal_level"]
    assert (found.expected, found.found, found.level is None) == (expected, f"wal_level {level}", met)


@pytest.mark.parametrize(("version", "level", "told"), [(190000, "replica", True), (190000, "logical", False)])
def test_first_slot_waits_for_a_checkpoint_and_says_so(
    make_world: MakeWorld, version: int, level: str, told: bool
) -> None:
    world = make_world()
    world.source.version, world.source.settings["wal_level"] = version, level
    with capture_logs() as logs:
        world.start().settle()
    waits = [each for each in logs if each["event"] == "slot_waits_for_checkpoint"]
    assert [(each["slot"], each["wal_level"]) for each in waits] == ([("rowferry", "replica")] if told else [])
    # The slot is there: the next start makes none, and waits for nothing.
    world.stop()
    with capture_logs() as logs:
        world.start().settle()
    assert not [each for each in logs if each["event"] == "slot_waits_for_checkpoint"]


@pytest.mark.parametrize("queries", [catalog_queries, database_queries], ids=["catalog", "reconcile"])
@pytest.mark.parametrize(("version", "left_out"), [(140018, False), (180004, False), (190000, True)])
def test_tables_after_except_are_no_members(queries, version: int, left_out: bool) -> None:
    assert ("prexcept" in queries.members(version)) is left_out


@pytest.mark.rule("S7")
@pytest.mark.parametrize(("version", "reads"), [(180004, 1), (190000, 2)])
def test_chunk_is_void_when_the_table_is_repacked_behind_its_snapshot(
    make_world: MakeWorld, version: int, reads: int
) -> None:
    """REPACK (CONCURRENTLY) hides rows from older snapshots: a chunk would be the last one, and the sweep follow."""
    world = make_world()
    world.source.create("items", ITEMS)
    world.source.version = version
    world.source.transact(inserted(ITEMS, "1", "a", None))
    world.source.before("COPY", lambda: world.source.move(ITEMS))
    world.start().turn(40, seconds=1)
    assert len([each for each in world.source.statements if each.startswith("COPY")]) == reads
    assert world.holds()
