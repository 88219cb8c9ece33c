"""
The statements of the workload: what is inserted, updated, deleted or given a new key, with values from the sample.

Which row comes when is decided in `workload_plan`; running the statements is left to `workload`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from devstack.sample.ddl import identifier, names
from devstack.sample.draws import Draws
from devstack.sample.model import Column, Table
from devstack.sample.rows import Sample, Value

Key = tuple[str, ...]

# Row number of which `values.body` makes a text of 100 to 300 kB.
_LARGE_ROW = 5
_UPDATE_GROUPS = 3


@dataclass(frozen=True, slots=True)
class Statement:
    """An SQL text with `%s` for its parameters."""

    sql: str
    parameters: tuple[Value, ...] = ()


BEGIN, COMMIT, ROLLBACK = Statement("BEGIN"), Statement("COMMIT"), Statement("ROLLBACK")


def insert(sample: Sample, table: Table, number: int, replaced: dict[str, Value] | None = None) -> Statement:
    """Insert the sample's row of that number, with the values of some columns `replaced`."""
    columns = _inserted(table)
    row = dict(zip((column.name for column in table.stored_columns), sample.row(table.name, number), strict=True))
    row.update(replaced or {})
    return Statement(_insert_sql(table), tuple(row[column.name] for column in columns))


def update(sample: Sample, table: Table, key: Key, number: int) -> Statement:
    """Give some columns of the row `key` the values of the sample's row `number`; keys and large texts stay."""
    group = _groups(table)[number % _UPDATE_GROUPS]
    row = dict(zip((column.name for column in table.stored_columns), sample.row(table.name, number), strict=True))
    return Statement(_update_sql(table, number % _UPDATE_GROUPS), (*(row[column.name] for column in group), *key))


def update_large(table: Table, key: Key, number: int) -> Statement:
    """Give the row another large text."""
    column = large_column(table)
    if column is None or column.fill is None:
        raise ValueError(f"expected a table with a large text, got {table.name}")
    sql = f"UPDATE {identifier(table.name)} SET {identifier(column.name)} = %s WHERE {where(table)}"
    return Statement(sql, (column.fill(Draws(number), _LARGE_ROW), *key))


def delete(table: Table, key: Key) -> Statement:
    """Delete the row."""
    return Statement(f"DELETE FROM {identifier(table.name)} WHERE {where(table)}", key)


def change_key(table: Table, old: Key, new: Key) -> Statement:
    """Give the row another primary key."""
    assignments = ", ".join(f"{identifier(name)} = %s" for name in table.primary_key)
    return Statement(f"UPDATE {identifier(table.name)} SET {assignments} WHERE {where(table)}", (*new, *old))


def truncate(table: Table) -> Statement:
    """Empty the table."""
    return Statement(f"TRUNCATE {identifier(table.name)}")


def large_column(table: Table) -> Column | None:
    """Return the column whose texts are stored out of line, if the table has one."""
    return next((column for column in table.columns if column.large), None)


def where(table: Table) -> str:
    """Return the condition that names one row by its key, with `%s` for the parts."""
    return " AND ".join(f"{identifier(name)} = %s" for name in table.primary_key)


def updatable(table: Table) -> tuple[Column, ...]:
    """Return the columns that an update may touch: no keys, no declared references, no large texts."""
    fixed = {*table.primary_key, *(name for key in table.foreign_keys for name in key.columns), "updated_at"}
    return tuple(
        column
        for column in table.stored_columns
        if column.name not in fixed and not column.large and not _by_database(column)
    )


def _by_database(column: Column) -> bool:
    return "clock_timestamp" in column.default


def _inserted(table: Table) -> tuple[Column, ...]:
    return tuple(column for column in table.stored_columns if not _by_database(column))


def _groups(table: Table) -> tuple[tuple[Column, ...], ...]:
    """Split the columns into a few groups, so that the server meets few texts and can keep their plans."""
    columns = updatable(table)
    return tuple(columns[place::_UPDATE_GROUPS] or columns for place in range(_UPDATE_GROUPS))


@cache
def _insert_sql(table: Table) -> str:
    columns = [column.name for column in _inserted(table)]
    return f"INSERT INTO {identifier(table.name)} ({names(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"


@cache
def _update_sql(table: Table, group: int) -> str:
    assignments = [f"{identifier(column.name)} = %s" for column in _groups(table)[group]]
    if any(column.name == "updated_at" for column in table.columns):
        assignments.append("updated_at = clock_timestamp()")
    return f"UPDATE {identifier(table.name)} SET {', '.join(assignments)} WHERE {where(table)}"
