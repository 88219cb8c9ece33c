"""A slot that standbys may keep a copy of, where the setting asks for it, and where it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc_reader.postgres.requirements import Level
from cdc_reader.postgres.server_requirements import server_requirements
from tests.unit.cdc_reader.conftest import MakeWorld
from tests.unit.cdc_reader.postgres.test_requirements import FACTS, OURS
from tests.unit.cdc_reader.source import Source


def slot_commands(source: Source) -> list[str]:
    return [each for each in source.statements if "REPLICATION_SLOT" in each]


@pytest.mark.parametrize(
    ("failover", "options"), [(True, "(SNAPSHOT 'nothing', FAILOVER)"), (False, "NOEXPORT_SNAPSHOT")]
)
def test_slot_is_made_as_the_setting_says(make_world: MakeWorld, failover: bool, options: str) -> None:
    world = make_world(failover=failover)
    world.start().settle()
    assert slot_commands(world.source) == [f'CREATE_REPLICATION_SLOT "rowferry" LOGICAL pgoutput {options}']


def test_slot_that_is_there_is_altered_once(make_world: MakeWorld) -> None:
    world = make_world()
    world.start().settle()
    world.stop()
    world.settings["failover"] = True
    for _ in range(2):
        world.start().settle()
        world.stop()
    assert slot_commands(world.source)[1:] == ['ALTER_REPLICATION_SLOT "rowferry" (FAILOVER true)']


def test_slot_that_somebody_gave_to_standbys_stays_so(make_world: MakeWorld) -> None:
    world = make_world()
    world.source.slot_facts = world.source.slot_facts._replace(failover=True)
    for _ in range(2):
        world.start().settle()
        world.stop()
    assert len(slot_commands(world.source)) == 1


@pytest.mark.parametrize(("version", "level"), [(160009, Level.START), (170000, None)])
def test_older_server_cannot_give_a_slot_to_standbys(version: int, level: Level | None) -> None:
    found = server_requirements(replace(FACTS, version=version), application_name=OURS, failover=True)
    [requirement] = [each for each in found if each.id == "database.failover"]
    assert requirement.level is level
