"""
Tables that are no longer what their topics were made for: another primary key, or another count of partitions (pure).

The bytes of a key, and the partition that they choose, are for ever for a topic (rule D6). A table that breaks with
them leaves capture, alone (rule D8): its rows stay as they are until the key is what it was, or until the table was
excluded and included, which takes them out first and reads it anew. So no topic ever holds two kinds of keys. What was
never captured binds nothing.

Keeps: D6, D8.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from cdc_reader.discovery.catalog_rows import Catalog, RelationRow, SetAside, TableRow
from cdc_reader.discovery.publication import quote_identifier, quote_table
from cdc_reader.remedies import ANEW
from schemas.tables import TableEntry

# All integer widths are keyed alike, so widening a key is no change of its kind (rule D6).
_KINDS = {20: "integer", 21: "integer", 23: "integer", 25: "text", 1043: "text", 1042: "text"}


def key_kind(base_type_oid: int, type_name: str) -> str:
    """The kind of a key's column: columns of one kind have their values keyed in the same bytes."""
    return _KINDS.get(base_type_oid, type_name.partition("(")[0])


def key_kinds(relation: RelationRow) -> tuple[str, ...]:
    """The kinds of the primary key, in key order."""
    columns = map(relation.column, relation.key_columns)
    return tuple(key_kind(column.base_type_oid, column.type) for column in columns)


def key_numbers(relation: RelationRow) -> tuple[int, ...]:
    """The `attnum` of the primary key's columns, in key order: they stay when columns are renamed."""
    return tuple(relation.column(name).number for name in relation.key_columns)


def binding(entries: Mapping[str, TableEntry], topics: Collection[str]) -> dict[str, TableEntry]:
    """The entries whose topics may hold rows; `topics` are those that exist.

    Earlier readers did not say it in the entry of a table that was captured no longer.
    """
    return {
        name: entry
        for name, entry in entries.items()
        if entry.binds or (not entry.deleted and entry.primary_key and entry.topic in topics)
    }


def with_set_aside(catalog: Catalog, bound: Mapping[str, TableEntry], partitions: Mapping[str, int]) -> Catalog:
    """The catalog with the tables marked that break with their topics.

    `bound` are the entries that topics were made for, `partitions` the counts of the topics that exist.
    """

    def judged(table: TableRow) -> TableRow:
        known = bound.get(str(table.name))
        found = None if known is None else set_aside(known, table, partitions.get(known.topic))
        return table if found is None else replace(table, set_aside=found)

    return replace(catalog, tables=tuple(map(judged, catalog.tables)))


def set_aside(known: TableEntry, table: TableRow, partitions: int | None) -> SetAside | None:
    """Why a table leaves capture, and how that ends; None when it fits its topic, which has so many partitions."""
    if partitions not in (None, known.partitions):
        found = f"its topic had {known.partitions} partitions, and has {partitions} now"
        return SetAside(found, ANEW.format(table=str(table.name)))
    relation = table.relation
    if is_same_key(known, relation):
        return None
    was, now = _described(known.primary_key, known.key_kinds), _described(relation.key_columns, key_kinds(relation))
    if not relation.key_columns:
        columns = ", ".join(map(quote_identifier, known.primary_key))
        remedy = f"ALTER TABLE {quote_table(table.name)} ADD PRIMARY KEY ({columns});"
        return SetAside(f"its primary key was {was}, and is gone", remedy, sql=True)
    return SetAside(f"its primary key was {was}, and is {now} now", ANEW.format(table=str(table.name)))


def is_same_key(known: TableEntry, relation: RelationRow) -> bool:
    """Whether the bytes of the table's keys are those of its topic: columns of the same names, or the very same ones.

    A column that was renamed in the same table keeps its number, and its values.
    """
    if key_kinds(relation) != known.key_kinds:
        return False
    if relation.key_columns == known.primary_key:
        return True
    return relation.oid == known.oid and known.key_numbers == key_numbers(relation)


def _described(columns: Collection[str], kinds: Collection[str]) -> str:
    return "(" + ", ".join(f"{name} {kind}" for name, kind in zip(columns, kinds, strict=False)) + ")"
