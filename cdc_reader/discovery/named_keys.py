"""
Keys that the settings name for what has none of its own, and tables that the settings have polled (pure).

Nobody promises that such a key is unique, or never null: whoever reads the rows in its order has the server confirm
both (rule S8), and the table is set aside where it is not so.

Keeps: D4, D8.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cdc_reader.discovery.catalog_rows import KeyIndex, SetAside, TableRow
from cdc_reader.discovery.selection import Selection
from cdc_reader.postgres.key_order import KeyColumn


def with_named_keys(
    tables: Iterable[TableRow], selection: Selection, orders: Mapping[int, tuple[KeyColumn, ...]]
) -> list[TableRow]:
    """The tables with what the settings say of them; `orders` are those of the named columns, by OID."""
    return [_settled(table, selection, orders.get(table.oid, ())) for table in tables]


def _settled(table: TableRow, selection: Selection, order: tuple[KeyColumn, ...]) -> TableRow:
    columns = selection.keys.get(table.name)
    if columns is not None:
        found = _why_no_key(table, columns)
        if found is not None:
            return replace(table, set_aside=SetAside(f"the setting 'keys' names no key of it: {found}", _REMEDY))
        relation = replace(
            table.relation, primary_key=KeyIndex(columns, immediate=False), key_order=order, named_key=True
        )
        table = replace(table, relation=relation)
    return replace(table, polled=True) if table.name in selection.polled else table


_REMEDY = "correct 'keys', and start the reader again"


def _why_no_key(table: TableRow, columns: Sequence[str]) -> str | None:
    relation = table.relation
    if relation.primary_key is not None:
        return f"it has a primary key, ({', '.join(relation.primary_key.columns)})"
    if not columns or len(set(columns)) < len(columns):
        return "expected each column once, and one at least"
    there = {column.name for column in relation.columns}
    missing = [name for name in columns if name not in there]
    return f"it has no column {missing[0]!r}" if missing else None
