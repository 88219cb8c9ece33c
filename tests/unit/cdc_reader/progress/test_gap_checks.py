"""Rules P3, P4, P5, D2, D7: what must agree before the reader goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc_reader.postgres.slot_row import SlotRow
from cdc_reader.postgres.timelines import switch_point
from cdc_reader.progress.gap_checks import (
    ServerPosition,
    check_entries,
    check_publication,
    check_server,
    check_slot,
    lost_topics,
)
from cdc_reader.progress.origins import Origin
from schemas.errors import GapFound, ServerSetting, SettingsError, SlotLost
from schemas.names import TableName
from schemas.offsets import Position, PublicationMark, TransactionMark
from schemas.tables import Capture, TableEntry

POSITION = Position(
    incarnation="one",
    version=9,
    start_lsn=50,
    system_id="7",
    timeline=1,
    database="app",
    slot="rowferry",
    seen_lsn=0,
    last=TransactionMark(100, 110, 7, 1_000),
)
SERVER = ServerPosition(Origin("7", "app"), 1, flush_lsn=500)
SLOT = SlotRow("pgoutput", "app", confirmed_lsn=100, active_pid=None, wal_status="reserved")
ENTRY = TableEntry(
    version=1,
    source="rowferry",
    database="app",
    schema="public",
    table="items",
    oid=1,
    topic="cdc.public.items",
    partitions=3,
    columns=(),
    primary_key=("id",),
    capture=Capture("replication", ""),
    key_kinds=("integer",),
)


def test_position_restarts_at_the_commit_of_its_last_transaction() -> None:
    assert POSITION.restart_lsn == 100
    assert replace(POSITION, last=None).restart_lsn == 50


def test_server_that_knows_all_that_was_seen_is_no_gap() -> None:
    check_server(POSITION, SERVER)
    check_server(POSITION, replace(SERVER, timeline=2, switch_lsn=110))


SERVERS = {
    "restored to before the last transaction": (POSITION, replace(SERVER, flush_lsn=109)),
    "restored to before what a refetch saw": (replace(POSITION, seen_lsn=600), SERVER),
    "a timeline that left before": (POSITION, replace(SERVER, timeline=2, switch_lsn=109)),
    "a timeline that never was ours": (POSITION, replace(SERVER, timeline=2, switch_lsn=None)),
    "a timeline of before": (replace(POSITION, timeline=3), replace(SERVER, timeline=2, switch_lsn=None)),
}


@pytest.mark.rule("P4")
@pytest.mark.parametrize(("position", "server"), SERVERS.values(), ids=SERVERS)
def test_p4_position_that_the_server_does_not_know_is_a_gap(position: Position, server: ServerPosition) -> None:
    with pytest.raises(GapFound):
        check_server(position, server)


def check(slot: SlotRow | None) -> None:
    check_slot("rowferry", slot, POSITION, database="app")


def test_slot_at_or_before_the_position_is_no_gap() -> None:
    check(SLOT)
    check(replace(SLOT, confirmed_lsn=50))


@pytest.mark.rule("P3")
def test_p3_slot_ahead_of_the_position_is_a_gap() -> None:
    with pytest.raises(GapFound, match="confirmed to 0/65"):
        check(replace(SLOT, confirmed_lsn=101))


def test_slot_that_is_gone_or_invalidated_is_lost() -> None:
    for slot in (None, replace(SLOT, wal_status="lost"), replace(SLOT, invalid="wal_removed")):
        with pytest.raises(SlotLost):
            check(slot)


def test_slot_of_another_plugin_or_database_is_a_setting() -> None:
    for slot in (replace(SLOT, plugin="wal2json"), replace(SLOT, database="other")):
        with pytest.raises(ServerSetting):
            check(slot)


ITEMS, OTHERS = TableName("public", "items"), TableName("public", "others")
TABLES = {1: ITEMS, 2: OTHERS}
STORED = PublicationMark("16:700:ftttft:n", {"public.items": "21:701:1:*:", "public.others": "22:702:2:*:"})


def test_publication_with_new_members_is_no_gap() -> None:
    more = replace(STORED, members={**STORED.members, "public.new": "23:9:3:*:"})
    assert check_publication(STORED, more, {**TABLES, 3: TableName("public", "new")}) == set()


def test_member_of_a_dropped_table_is_no_gap() -> None:
    left = replace(STORED, members={"public.items": "21:701:1:*:"})
    assert check_publication(STORED, left, {1: ITEMS}) == set()


PUBLICATIONS = {
    "dropped": None,
    "made anew": replace(STORED, identity="17:800:ftttft:n"),
}
MEMBERS = {
    "a table removed": replace(STORED, members={"public.items": "21:701:1:*:"}),
    "a table added anew": replace(STORED, members={**STORED.members, "public.others": "29:802:2:*:"}),
    "a row filter set": replace(STORED, members={**STORED.members, "public.others": "22:803:2:*:(id > 1)"}),
}


@pytest.mark.rule("D2")
@pytest.mark.parametrize("current", PUBLICATIONS.values(), ids=PUBLICATIONS)
def test_d2_publication_that_changed_is_a_gap(current: PublicationMark | None) -> None:
    with pytest.raises(GapFound):
        check_publication(STORED, current, TABLES)


@pytest.mark.rule("D2", "D8")
@pytest.mark.parametrize("current", MEMBERS.values(), ids=MEMBERS)
def test_d2_member_that_changed_is_a_gap_of_its_table_alone(current: PublicationMark) -> None:
    assert check_publication(STORED, current, TABLES) == {OTHERS}


@pytest.mark.rule("P5", "D8")
def test_p5_topic_that_is_gone_or_another_is_a_gap_of_its_table() -> None:
    assert lost_topics({"a": "1"}, {"a": "1", "b": "2"}) == set()
    for current in ({"b": "5"}, {"a": "2", "b": "5"}):
        assert lost_topics({"a": "1", "b": "5"}, current) == {"a"}
    assert lost_topics({"a": "1"}, {}) == {"a"}


@pytest.mark.rule("P5")
def test_p5_topics_that_are_all_gone_are_a_gap() -> None:
    for current in ({}, {"a": "3", "b": "4"}):
        with pytest.raises(GapFound, match="the 2 topics as they were"):
            lost_topics({"a": "1", "b": "2"}, current)


@pytest.mark.rule("D7")
def test_d7_entry_of_another_source_is_refused_and_one_of_another_name_is_not() -> None:
    stored, current = {"public.items": ENTRY}, {"public.items": replace(ENTRY, source="second", database="other")}
    for renamed in ((), ("third",)):
        with pytest.raises(SettingsError, match="source 'rowferry' of database 'app', this is source 'second' of"):
            check_entries(stored, current, renamed)
    check_entries(stored, current, ("rowferry",))


def test_entry_with_other_columns_is_no_gap() -> None:
    check_entries({"public.items": ENTRY}, {"public.items": replace(ENTRY, oid=9, fingerprint="x")})
    check_entries({"public.items": replace(ENTRY, deleted=True, source="first")}, {"public.items": ENTRY})


HISTORY = "1\t0/3000148\tno recovery target specified\n2\t0/5000000\tbefore 2026-01-01\n"


@pytest.mark.rule("P4")
def test_p4_switch_point_comes_from_the_history() -> None:
    assert switch_point(HISTORY, 1) == 0x3000148
    assert switch_point(HISTORY, 2) == 0x5000000
    assert switch_point(HISTORY, 3) is None
