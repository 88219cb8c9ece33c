"""A table that somebody has locked holds up the comparison of no other."""

from __future__ import annotations

import pytest

from rowferry.reconcile import database as reconcile
from schemas.names import TableName
from tests.databases import Database

TABLES = """
CREATE TABLE free (id int PRIMARY KEY); INSERT INTO free VALUES (1), (-1);
CREATE TABLE locked (id int PRIMARY KEY); INSERT INTO locked VALUES (2), (-2);
CREATE PUBLICATION rowferry FOR TABLE free WHERE (id > 0), locked WHERE (id > 0);
"""


@pytest.mark.since_postgres(15, "row filters and column lists")
@pytest.mark.rule("D8")
@pytest.mark.parametrize("selected", [("free",), ("free", "locked")], ids=" and ".join)
def test_d8_row_filter_of_a_locked_table_holds_up_no_other_in_a_comparison(
    database: Database, selected: tuple[str, ...]
) -> None:
    """Red where the filters of all members are printed at once: for each the server locks its table."""
    database.execute(TABLES)
    with database.connect() as holder, database.connect() as connection:
        holder.execute("BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE")
        connection.execute("SET lock_timeout = '1ms'")
        with reconcile.Database(connection, publication="rowferry") as rows:
            names = [TableName("public", each) for each in selected]
            shapes = {shape.table.name: shape for shape in rows.shapes(names)}
            assert list(rows.rows(shapes["free"])) == [{"id": "1"}]
            holder.execute("ROLLBACK")
            assert [list(rows.rows(shapes[each])) for each in selected[1:]] == [[{"id": "2"}]] * len(selected[1:])
