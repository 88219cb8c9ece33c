from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.catalog_marks import catalog_mark
from schemas.envelope import EventSchema
from schemas.names import TableName
from schemas.tables import Relationship, TableEntry
from tests.unit.vespa_sink.entries import column, entry
from tests.unit.vespa_sink.events import event
from vespa_sink.documents.plans import Plans
from vespa_sink.documents.record import Shape

RFIS = TableName("public", "rfis")
NARROW = entry(columns=(column("id"), column("title")))
WIDE = entry(columns=(column("id"), column("title"), column("status")))
WIDE_KINDS = {"id": "int8", "title": "text", "status": "text"}


class _Tables(dict[TableName, TableEntry]):
    """What is known of tables; changes as `_tables` is followed."""


def _plans(*entries: TableEntry) -> tuple[Plans, _Tables]:
    tables = _Tables({each.name: each for each in entries})
    return Plans(Shape("procore"), tables.get), tables


def test_plan_is_made_once_for_a_table() -> None:
    plans, _ = _plans(NARROW)
    assert plans.find(RFIS, event()) is plans.find(RFIS, event())


def test_unknown_table_needs_a_refresh_before_and_after() -> None:
    plans, _ = _plans()
    assert plans.find(RFIS, event()) is None
    assert plans.find(RFIS, event(), refreshed=True) is None


@pytest.mark.rule("P10")
def test_p10_event_with_other_columns_than_the_entry_waits_for_a_refresh() -> None:
    plans, tables = _plans(NARROW)
    newer = event(kinds=WIDE_KINDS)
    assert plans.find(RFIS, newer) is None
    tables[RFIS] = WIDE
    plans.forget()
    plan = plans.find(RFIS, newer)
    assert plan is not None
    assert "status" in plan.column_types


def test_older_event_goes_by_the_entry_of_now_after_a_refresh() -> None:
    plans, _ = _plans(WIDE)
    older = event()
    assert plans.find(RFIS, older) is None
    assert plans.find(RFIS, older, refreshed=True) is not None
    assert plans.find(RFIS, older) is not None


# What two entries say, and of which an event is

PROJECTS = TableName("public", "projects")
EDGE = Relationship("out", "title", "public.projects", "id", "belongs_to", declared=True)


def _of(*entries: TableEntry, table: TableEntry) -> EventSchema:
    """The schema of events that a reader publishes who knows these entries."""
    keys = {each.name: each.primary_key for each in entries}
    return EventSchema(table.schema_fingerprint or "", catalog_mark(table, keys.get))


@pytest.mark.rule("D9")
def test_d9_event_by_another_schema_of_the_same_columns_waits_for_a_refresh() -> None:
    """A column of another type, say: what is free text of the document depends on it."""
    old, new = replace(NARROW, schema_fingerprint="aa"), replace(NARROW, schema_fingerprint="bb", description="newer")
    plans, tables = _plans(old)
    newer = event(schema=EventSchema("bb"))
    assert plans.find(RFIS, event(schema=EventSchema("aa"))) is not None
    assert plans.find(RFIS, newer) is None
    tables[RFIS] = new
    plans.forget()
    plan = plans.find(RFIS, newer)
    assert plan is not None
    assert plan.description == "newer"


@pytest.mark.rule("D9")
def test_d9_entries_of_one_change_that_come_one_by_one_are_waited_for() -> None:
    """An edge depends on the key of the other table, whose entry may be an old one still."""
    new = replace(NARROW, relationships=(EDGE,), schema_fingerprint="bb")
    keyed, keyless = entry("projects"), entry("projects", primary_key=())
    plans, tables = _plans(new, keyless)
    newer = event(schema=_of(new, keyed, table=new))
    assert plans.find(RFIS, newer) is None
    tables[PROJECTS] = keyed
    plans.forget()
    plan = plans.find(RFIS, newer)
    assert plan is not None
    assert plan.edges[0].key_columns == ("title",)


@pytest.mark.rule("D9")
def test_d9_event_of_the_entry_that_is_known_waits_for_nothing() -> None:
    projects = entry("projects")
    rfis = replace(NARROW, relationships=(EDGE,), schema_fingerprint="bb")
    plans, _ = _plans(rfis, projects)
    assert plans.find(RFIS, event(schema=_of(rfis, projects, table=rfis))) is not None
