"""
Edge: looks at a few rows of many tables in few statements, and never for long.

Where one table keeps a statement from being answered (a lock, a damaged block, a right) it is asked again in halves, so
that no table keeps another from being looked at (rule D8). What has not been looked at in time is not looked at.

Keeps: D8.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import LiteralString

from cdc_reader.discovery.catalog_rows import MATERIALIZED_VIEW, PLAIN_TABLE, TableRow
from cdc_reader.postgres.connections import Connection, translated
from rowferry.discover.facts import Contents, Facts
from rowferry.discover.probes import sample_query, table_sample
from rowferry.discover.sample_plan import batches, percent, why_not
from schemas.errors import RowferryError

BUDGET_S = 10.0  # for all tables
STATEMENT_S = 2.0
_LOCK_WAIT_S = 0.2

_FACTS: LiteralString = """
SELECT c.oid::int8, c.relpages::int8, pg_stat_get_live_tuples(c.oid), c.relispopulated,
       c.oid IN (SELECT l.relation FROM pg_catalog.pg_locks l
                 WHERE l.mode = 'AccessExclusiveLock' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
                       AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
                                         WHERE d.datname = current_database()))
FROM pg_catalog.pg_class c WHERE c.oid = ANY (%s::oid[])
"""
_LIMITS: LiteralString = """
SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)
"""


def read_facts(connection: Connection, tables: Sequence[TableRow]) -> dict[int, Facts]:
    """What the server knows of tables and their leaves, by OID; one statement."""
    oids = [relation.oid for table in tables for relation in table.relations]
    with translated("read the statistics of the tables"):
        rows = connection.execute(_FACTS, (oids,)).fetchall()
    return {oid: Facts(*rest) for oid, *rest in rows}


def limit_statements(connection: Connection, *, lock_wait_s: float, statement_s: float) -> None:
    """How long statements of the session may wait for locks, and take; 0: as long as they like."""
    with translated("limit the time of statements"):
        connection.execute(_LIMITS, (f"{lock_wait_s * 1000:.0f}", f"{statement_s * 1000:.0f}"))


def read_samples(
    connection: Connection, tables: Sequence[TableRow], contents: Contents, *, budget_s: float = BUDGET_S
) -> None:
    """Look at the first rows of small tables, and at some from all over large ones; `contents` takes what is found.

    Takes `budget_s` at most, and one statement. Raises `Unreachable` when the connection is gone.
    """
    facts = contents.facts or {}
    reasons = {table.name: why_not(table, facts) for table in tables}
    contents.missed.update({name: reason for name, reason in reasons.items() if reason is not None})
    limit_statements(connection, lock_wait_s=_LOCK_WAIT_S, statement_s=STATEMENT_S)
    reading = _Reading(connection, contents, time.monotonic() + budget_s)
    for batch in batches([table for table in tables if reasons[table.name] is None], facts):
        reading.look_at(batch)
    limit_statements(connection, lock_wait_s=0, statement_s=0)


class _Reading:
    """One reading of samples, with its deadline."""

    def __init__(self, connection: Connection, contents: Contents, deadline: float) -> None:
        self._connection = connection
        self._contents = contents
        self._deadline = deadline

    def look_at(self, tables: Sequence[TableRow]) -> None:
        """Ask one statement for all of these, and halves of it where it is not answered."""
        if time.monotonic() > self._deadline:
            late = "no time was left for it"
            self._contents.missed.update({table.name: late for table in tables})
            return
        percents = [percent(table, self._contents.facts or {}) for table in tables]
        queries = [
            sample_query(table, at, percent=percents[at], measured=table.relation.kind in _MEASURED)
            for at, table in enumerate(tables)
        ]
        try:
            with translated("look at rows"):
                rows = self._connection.execute(" UNION ALL ".join(queries).encode()).fetchall()
        except RowferryError as exc:
            self._without_one(tables, exc)
            return
        for row in rows:
            table = tables[row[0]]
            self._contents.sampled[table.name] = table_sample(table, row, percent=percents[row[0]])

    def _without_one(self, tables: Sequence[TableRow], exc: RowferryError) -> None:
        if self._connection.closed or self._connection.broken:
            raise exc
        if len(tables) == 1:
            self._contents.missed[tables[0].name] = str(exc)
            return
        half = len(tables) // 2
        self.look_at(tables[:half])
        self.look_at(tables[half:])


_MEASURED = (PLAIN_TABLE, MATERIALIZED_VIEW)  # of which places of rows tell how full the file is
