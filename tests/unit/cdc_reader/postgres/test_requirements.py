"""One list of requirements: the reader raises the first that it cannot start without, and only such a one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cdc_reader.postgres.requirements import Level, Requirement, require
from cdc_reader.postgres.server_requirements import ServerFacts, matches_synchronous, server_requirements
from cdc_reader.postgres.slot_requirements import slot_requirement
from cdc_reader.postgres.slot_row import SlotRow
from schemas.errors import AccessDenied, FatalError, Neighbour, ServerSetting, SlotLost

OURS = "rowferry-rowferry"
SLOT = SlotRow("pgoutput", "app", 1, 4711, "reserved")
FACTS = ServerFacts(
    version=140000,
    in_recovery=False,
    settings={
        "max_replication_slots": "10",
        "max_slot_wal_keep_size": "64GB",
        "max_wal_senders": "10",
        "synchronous_standby_names": "",
        "wal_level": "logical",
        "wal_sender_timeout": "60000",
    },
    slots_used=1,
    senders_used=1,
    standbys=(),
    slot=None,
)
MET = Requirement("a", "a thing", "a thing")
UNMET = Requirement("b", "b", "c", Level.START, "do b", error=AccessDenied)


def facts(**settings: str) -> ServerFacts:
    return replace(FACTS, settings={**FACTS.settings, **settings})


def start(server: ServerFacts) -> None:
    require(server_requirements(server, application_name=OURS))


def test_the_first_that_is_not_met_is_raised_with_all_that_it_says() -> None:
    with pytest.raises(AccessDenied) as raised:
        require([MET, UNMET, replace(UNMET, id="later", found="d", error=ServerSetting)])
    error = raised.value
    assert str(error) == "expected b, got c"
    assert (error.expected, error.found, error.remedy, error.neighbour) == ("b", "c", "do b", Neighbour.POSTGRES)


@pytest.mark.parametrize("level", [Level.WHOLE, Level.ADVISED])
def test_what_is_not_needed_to_start_is_not_raised(level: Level) -> None:
    require([MET, replace(UNMET, level=level)])


def test_a_server_as_it_should_be_lets_the_reader_start() -> None:
    start(FACTS)


REFUSED: dict[str, tuple[ServerFacts, str]] = {
    "too old": (
        replace(FACTS, version=130011),
        "expected PostgreSQL 14 or newer, got PostgreSQL 13.11; upgrade the server",
    ),
    "a standby": (
        replace(FACTS, in_recovery=True),
        "expected a primary, got a standby: what a snapshot sees there cannot be known; "
        "point database_url at the primary",
    ),
    "no logical WAL": (
        facts(wal_level="replica"),
        "expected wal_level logical, got wal_level replica; "
        "ALTER SYSTEM SET wal_level = 'logical'; -- then restart the server",
    ),
    "a synchronous standby": (
        facts(synchronous_standby_names=f"FIRST 1 ({OURS}, b)"),
        f"expected synchronous_standby_names without '{OURS}', got 'FIRST 1 ({OURS}, b)': "
        "commits would wait for the reader, and the reader for them; "
        "ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (b)'; SELECT pg_reload_conf();",
    ),
}


@pytest.mark.parametrize(("server", "line"), REFUSED.values(), ids=REFUSED)
def test_a_server_that_is_no_source_is_refused_with_the_remedy(server: ServerFacts, line: str) -> None:
    with pytest.raises(ServerSetting) as raised:
        start(server)
    assert f"{raised.value}; {raised.value.remedy}" == line


ALLOWED: dict[str, ServerFacts] = {
    "no free slot": replace(FACTS, slots_used=10),
    "no free walsender": replace(FACTS, senders_used=10),
    "a short time-out": facts(wal_sender_timeout="2000"),
    "WAL without bound": facts(max_slot_wal_keep_size="-1"),
    "a slot that soon is idle": facts(idle_replication_slot_timeout="86399"),
}


@pytest.mark.parametrize("server", ALLOWED.values(), ids=ALLOWED)
def test_the_reader_lets_the_server_decide_about_the_rest(server: ServerFacts) -> None:
    start(server)
    assert [each.level for each in server_requirements(server, application_name=OURS)].count(None) == 8


@pytest.mark.rule("P11")
@pytest.mark.parametrize(
    ("names", "matches"),
    [
        ("", False),
        ("*", True),
        ("a, b", False),
        ('a, "Rowferry-rowferry"', True),
        ("FIRST 1 (a, rowferry-rowferry)", True),
        ("ANY 2 (a, b)", False),
        ("FIRST 1 (*)", True),
        ("rowferry-rowferry-2", False),
    ],
)
def test_p11_a_setting_that_makes_us_a_synchronous_standby_is_seen(names: str, matches: bool) -> None:
    assert matches_synchronous(names, OURS) is matches


SLOTS: dict[str, tuple[dict[str, Any], type[FatalError] | None]] = {
    "ours": ({}, None),
    "not read": ({"active_pid": None}, None),
    "about to be lost": ({"wal_status": "unreserved"}, None),
    "of another plugin": ({"plugin": "wal2json"}, ServerSetting),
    "of another database": ({"database": "other"}, ServerSetting),
    "lost": ({"wal_status": "lost"}, SlotLost),
    "invalidated": ({"invalid": "idle_timeout"}, SlotLost),
}


@pytest.mark.parametrize(("changes", "error"), SLOTS.values(), ids=SLOTS)
def test_a_slot_that_cannot_be_read_stops_the_reader(changes: dict[str, Any], error: type[FatalError] | None) -> None:
    requirement = slot_requirement("rowferry", replace(SLOT, **changes), database="app")
    if error is None:
        require([requirement])
        return
    with pytest.raises(error) as raised:
        require([requirement])
    assert raised.value.remedy


def test_how_long_no_one_has_read_a_slot_is_told() -> None:
    slot = replace(SLOT, active_pid=None, idle_s=7200)
    assert slot_requirement("rowferry", slot, database="app").found == "one that no one reads, for 7200 s"


def test_a_slot_that_is_not_there_yet_is_made() -> None:
    require([slot_requirement("rowferry", None, database="app")])
