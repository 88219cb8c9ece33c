"""A table that cannot be looked at keeps no other from being looked at, and nothing takes longer than it may."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest

from rowferry.discover.facts import Contents, Facts
from rowferry.discover.sampling import read_samples
from schemas.errors import Unreachable
from tests.unit.cdc_reader.discovery.catalogs import table

TABLES = [table(at, f"t{at}", {"id": "bigint"}) for at in range(12)]


class FakeConnection:
    """Answers queries for rows but for those that name one of the `bad` tables."""

    def __init__(self, bad: tuple[str, ...] = (), *, breaks: bool = False) -> None:
        self.closed = self.broken = False
        self.asked: list[list[str]] = []
        self._bad = bad
        self._breaks = breaks
        self._rows: list[tuple[Any, ...]] = []

    def execute(self, query: Any, parameters: Any = None) -> FakeConnection:
        if isinstance(query, bytes):
            names = re.findall(r'"public"\."(\w+)"', query.decode())
            self.asked.append(names)
            if set(names) & set(self._bad):
                self.broken = self._breaks
                raise psycopg.OperationalError if self._breaks else psycopg.errors.LockNotAvailable
            self._rows = [(at, 7, None, None, []) for at, _ in enumerate(names)]
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows


def looked_at(connection: FakeConnection, budget_s: float = 60.0) -> Contents:
    contents = Contents({each.oid: Facts(1, 1) for each in TABLES})
    read_samples(connection, TABLES, contents, budget_s=budget_s)  # type: ignore[arg-type]
    return contents


@pytest.mark.rule("D8")
def test_d8_table_that_cannot_be_looked_at_keeps_no_other_from_it() -> None:
    connection = FakeConnection(("t3", "t9"))

    contents = looked_at(connection)

    assert sorted(name.name for name in contents.missed) == ["t3", "t9"]
    assert sorted(name.name for name in contents.sampled) == sorted({each.name.name for each in TABLES} - {"t3", "t9"})
    assert [len(names) for names in connection.asked][:3] == [12, 6, 3]


def test_connection_that_is_gone_ends_it() -> None:
    connection = FakeConnection(("t3",), breaks=True)

    with pytest.raises(Unreachable):
        looked_at(connection)
    assert len(connection.asked) == 1


def test_what_there_is_no_time_for_is_not_looked_at() -> None:
    connection = FakeConnection()

    contents = looked_at(connection, budget_s=-1.0)

    assert connection.asked == []
    assert set(contents.missed.values()) == {"no time was left for it"}
