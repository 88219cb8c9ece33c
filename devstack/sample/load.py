"""
Loads the sample database: schema, rows, references, comments and statistics, in one transaction.

What the rows are is decided in `rows`, what the schema is in `tables` and `ddl`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from devstack.sample import ddl
from devstack.sample.copy_text import copy_chunks
from devstack.sample.database import Connection, connected
from devstack.sample.model import Table
from devstack.sample.objects.links import ObjectStore
from devstack.sample.rows import Sample, Size
from devstack.sample.tables import ALL, CAPTURED


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What was loaded: rows by table, the tables excluded by default among them."""

    rows: dict[str, int]
    seconds: float

    @property
    def captured_rows(self) -> int:
        """Rows of the tables that are captured by default."""
        return sum(self.rows[table.name] for table in CAPTURED)


def load(dsn: str, size: Size | None = None, store: ObjectStore | None = None) -> LoadReport:
    """
    Fill the empty schema `public` of a database with the sample; all or nothing.

    `store` is where the links lead; it need not run. The role needs no right but to create tables there. Blocks until
    all is there and analyzed (some seconds at factor 1). Raises Unreachable, AccessDenied, or FatalError (also when a
    table is there already).
    """
    began = time.monotonic()
    sample = Sample(size or Size(), store)
    with connected(dsn, application_name="rowferry-sample-load") as connection:
        with connection.transaction():
            connection.execute("SET LOCAL search_path = public")
            rows = _fill(connection, sample)
        connection.execute("ANALYZE " + ", ".join("public." + ddl.identifier(table.name) for table in ALL))
    return LoadReport(rows, time.monotonic() - began)


def _fill(connection: Connection, sample: Sample) -> dict[str, int]:
    for statement in (*ddl.TYPES, *(ddl.create_table(table) for table in ALL)):
        connection.execute(statement.encode())
    rows = {table.name: _copy(connection, table, sample) for table in ALL}
    for table in ALL:
        for statement in ddl.after_load(table, rows[table.name]):
            connection.execute(statement.encode())
    return rows


def _copy(connection: Connection, table: Table, sample: Sample) -> int:
    with connection.cursor() as cursor:
        with cursor.copy(ddl.copy_in(table).encode()) as copy:
            for chunk in copy_chunks(sample.rows(table.name)):
                copy.write(chunk)
        return cursor.rowcount
