"""What the doctor says of a slot that standbys are to keep a copy of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rowferry.doctor.database_checks import check_database
from rowferry.doctor.facts import DatabaseFacts
from rowferry.doctor.findings import Verdict
from tests.unit.rowferry.doctor.test_checks import CATALOG, NAMES, RIGHTS, SERVER_FACTS


@pytest.mark.parametrize(("version", "verdict"), [(160009, Verdict.FAILED), (170005, Verdict.OK)])
def test_server_that_cannot_is_found(version: int, verdict: Verdict) -> None:
    facts = DatabaseFacts(replace(SERVER_FACTS, version=version), RIGHTS)
    [found] = [
        each for each in check_database(CATALOG, facts, replace(NAMES, failover=True)) if each.id == "database.failover"
    ]
    assert (found.status, found.remedy) == (verdict, None if verdict is Verdict.OK else "set failover: false")
