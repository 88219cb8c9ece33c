"""
The statements by which the workload changes what rows refer to: another key, none any more, an entry of a map.

Which row comes when is decided in `workload_plan`.
"""

from __future__ import annotations

import json

from devstack.sample.ddl import identifier
from devstack.sample.model import Column, Table, file_columns
from devstack.sample.rows import Sample, Value
from devstack.sample.statements import Key, Statement, where

# The entry that is put into maps: the first time it is new, from then on it changes.
_ENTRY = "1"
_MAPS = frozenset({"json", "jsonb"})
# Every so many-th change takes a reference away.
_REMOVED_EVERY = 4
_TRIES = 100


def columns_of(table: Table) -> tuple[Column, ...]:
    """Return the table's columns that refer to files."""
    return tuple(table.column(name) for _, name, _ in file_columns([table]))


def change_file(sample: Sample, table: Table, key: Key, number: int) -> Statement:
    """Change one reference of the row `key`; which one, and to what, follows from `number`."""
    columns = columns_of(table)
    column = columns[number % len(columns)]
    removed = number // len(columns) % _REMOVED_EVERY == 0
    name = identifier(column.name)
    new: tuple[Value, ...] = ()
    if column.base_type not in _MAPS:
        expression, new = "%s", (None if removed else sample.value(table.name, column.name, number),)
    elif removed:
        first = f"(SELECT min(entry) FROM jsonb_object_keys({name}::jsonb) AS entry)"
        expression = f"({name}::jsonb - {first})::{column.type}"
    else:
        expression = f"(coalesce({name}::jsonb, '{{}}') || %s::jsonb)::{column.type}"
        new = (json.dumps({_ENTRY: _some_key(sample, table, column, number)}, ensure_ascii=False),)
    sql = f"UPDATE {identifier(table.name)} SET {name} = {expression} WHERE {where(table)}"
    return Statement(sql, (*new, *key))


def _some_key(sample: Sample, table: Table, column: Column, number: int) -> str:
    """Return a key of the first map from that number on that has one."""
    for later in range(number, number + _TRIES):
        found: dict[str, str] = json.loads(sample.value(table.name, column.name, later))
        if found:
            return next(iter(found.values()))
    raise ValueError(f"expected keys in {table.name}.{column.name}, got {_TRIES} empty maps")
