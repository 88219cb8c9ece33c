"""
A table that is polled: how its rows, and its keys alone, are read, and what tells rows that changed (rule L1).

Keeps: L1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from cdc_reader.discovery.catalog_rows import MATERIALIZED_VIEW, PARTITIONED_TABLE, PLAIN_TABLE, TableRow
from cdc_reader.discovery.publication import quote_identifier
from cdc_reader.tables.captured import CapturedTable
from cdc_reader.tables.reads import read_plan
from cdc_reader.transcode import Encoder, TablePlan
from schemas.names import TableName
from schemas.tables import TableEntry

_DEFINITION = 32
# `updated_at` may be a date, too: rows of that day are read again.
_TIMES = {1082: "date", 1114: "timestamp", 1184: "timestamptz"}


@dataclass(frozen=True, slots=True)
class PolledTable:
    """`table` reads whole rows, `keys` only their primary keys.

    `has_xmin`: each row says which transaction wrote it. `newer` is the column that tells newer rows, as SQL, and
    `newer_type` its type; None without one. `unusable`: why the column that the settings name is none. `named_key`:
    the settings name its key.
    """

    table: CapturedTable
    keys: CapturedTable
    has_xmin: bool
    newer: str | None = None
    newer_type: str = ""
    unusable: str = ""
    named_key: bool = False

    @property
    def name(self) -> TableName:
        """The table's name."""
        return self.table.name

    @property
    def definition(self) -> str:
        """What the values of its rows depend on: columns, leaves, labels and attributes of types (rule D1)."""
        entry = self.table.entry
        text = json.dumps([self.table.plan.fingerprint.hex(), entry.fingerprint, list(entry.types or ())])
        return sha256(text.encode()).hexdigest()[:_DEFINITION]

    def changed(self, condition: str) -> CapturedTable:
        """The table whose rows are read only where the condition (SQL on the relation `r`) holds."""
        read = self.table.read
        both = f"({read.filter}) AND ({condition})" if read.filter else condition
        return replace(self.table, read=replace(read, filter=both))


def polled_table(
    table: CapturedTable, row: TableRow, key: TablePlan, key_encoder: Encoder, timestamps: Mapping[TableName, str]
) -> PolledTable:
    """How a table is polled, by its catalog row.

    `key` is the plan of its key alone; `timestamps` are the columns that the settings name.
    """
    entry, relation = table.entry, row.relation
    whole = relation.kind != PLAIN_TABLE
    read = read_plan(entry.name, key, relation.key_order, row_filter=table.read.filter, whole=whole)
    keys = replace(table, plan=key, encoder=key_encoder, read=read)
    has_xmin = _has_xmin(row)
    found = PolledTable(table, keys, has_xmin, named_key=relation.named_key)
    column = timestamps.get(entry.name)
    if column is None:
        return found
    if has_xmin:
        return replace(found, unusable="its rows tell themselves which were written: xmin")
    kind = _kind_of_time(entry, column)
    if kind is None:
        return replace(found, unusable=f"expected a column of a date or a time, got {column!r}")
    return replace(found, newer=f"r.{quote_identifier(column)}", newer_type=kind)


def _has_xmin(row: TableRow) -> bool:
    if row.relation.kind == PARTITIONED_TABLE:
        return all(leaf.kind == PLAIN_TABLE for leaf in row.leaves) and not row.waiting
    return row.relation.kind in (PLAIN_TABLE, MATERIALIZED_VIEW)


def _kind_of_time(entry: TableEntry, column: str) -> str | None:
    return next((_TIMES.get(each.values_type_oid) for each in entry.columns if each.name == column), None)
