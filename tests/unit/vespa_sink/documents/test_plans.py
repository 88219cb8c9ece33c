from __future__ import annotations

import pytest

from schemas.names import TableName
from schemas.tables import TableEntry
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
