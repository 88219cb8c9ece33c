"""
The edges between tables: those declared by foreign keys, and those that a column's name implies.

A column `<x>_id` without a foreign key refers to table x, xs, xies (for `...y`) or xes of its own schema, the
first of these that exists with a primary key of one column and a compatible type; `parent_id` refers to its own
table. A column that is its table's whole primary key refers to nothing. Every edge is told from both ends.

A foreign key has the confidence 1.0. What a name implies is a guess: 0.9, less what speaks against it (`_DOUBTS`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cdc_reader.discovery.catalog_rows import Catalog, ColumnRow, ForeignKeyRow, TableRow
from schemas.names import TableName
from schemas.tables import Relationship

_SUFFIX = "_id"
_PARENT = "parent"
_FAMILIES = {
    "integer": (20, 21, 23),  # int8, int2, int4
    "text": (25, 1043, 1042),  # text, varchar, bpchar
    "uuid": (2950,),
}
_FAMILY_OF = {oid: family for family, oids in _FAMILIES.items() for oid in oids}

DECLARED = 1.0
IMPLIED = 0.9  # the one table of that name, its key called `id` or as the column is, of the very type
# By how many tenths each lowers it; documented in docs/reference/inventory.md.
_DOUBTS = {
    "another type of the family": 1,  # int for a bigint, varchar for a text
    "key of another name": 2,
    "another table fits as well": 2,  # project and projects
    "parent of which kind": 1,  # `parent_id` names no table
}


@dataclass(frozen=True, slots=True)
class Edge:
    """`columns` of `table` refer to `target_columns` of `target`, pair by pair; `confidence` is 1.0 where declared."""

    table: TableName
    columns: tuple[str, ...]
    target: TableName
    target_columns: tuple[str, ...]
    declared: bool
    confidence: float = DECLARED


def edges(catalog: Catalog) -> tuple[Edge, ...]:
    """The edges between the selected tables, declared ones first in each table, each edge once."""
    keys: defaultdict[int, list[ForeignKeyRow]] = defaultdict(list)
    for key in catalog.foreign_keys:
        keys[key.table_oid].append(key)
    found: list[Edge] = []
    for table in catalog.tables:
        found += _declared(catalog, table, keys[table.oid])
        found += _implied(catalog, table, keys[table.oid])
    return tuple(found)


def relationships(catalog: Catalog) -> Mapping[TableName, tuple[Relationship, ...]]:
    """The edges of each selected table as its entry lists them: outgoing ones first."""
    outgoing: defaultdict[TableName, list[Relationship]] = defaultdict(list)
    incoming: defaultdict[TableName, list[Relationship]] = defaultdict(list)
    for edge in edges(catalog):
        columns, targets = ",".join(edge.columns), ",".join(edge.target_columns)
        outgoing[edge.table].append(
            Relationship("out", columns, str(edge.target), targets, "belongs_to", edge.declared)
        )
        incoming[edge.target].append(Relationship("in", columns, str(edge.table), targets, "has_many", edge.declared))
    return {table.name: (*outgoing[table.name], *incoming[table.name]) for table in catalog.tables}


def _declared(catalog: Catalog, table: TableRow, keys: Sequence[ForeignKeyRow]) -> Iterator[Edge]:
    for key in keys:
        target = catalog.by_oid.get(key.target_oid)
        if target is not None:
            columns, target_columns = _in_key_order(key, target)
            yield Edge(table.name, columns, target.name, target_columns, declared=True)


def _in_key_order(key: ForeignKeyRow, target: TableRow) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The pairs of a foreign key in the order of the target's primary key, so that they spell its row key."""
    order = {name: at for at, name in enumerate(target.relation.key_columns)}
    pairs = list(zip(key.columns, key.target_columns, strict=True))
    if set(order) == set(key.target_columns):
        pairs.sort(key=lambda pair: order[pair[1]])
    return tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)


def _implied(catalog: Catalog, table: TableRow, keys: Sequence[ForeignKeyRow]) -> Iterator[Edge]:
    # A column with a foreign key to a table that is not selected is declared as well: its name implies nothing.
    declared = {name for key in keys for name in key.columns}
    for column in table.relation.columns:
        if column.name in declared or table.relation.key_columns == (column.name,):
            continue
        edge = _implied_edge(catalog, table, column)
        if edge is not None:
            yield edge


def _implied_edge(catalog: Catalog, table: TableRow, column: ColumnRow) -> Edge | None:
    if not column.name.endswith(_SUFFIX):
        return None
    stem = column.name.removesuffix(_SUFFIX)
    named = (catalog.by_name.get(TableName(table.name.schema, name)) for name in _candidates(table.name.name, stem))
    fitting = [target for target in named if target is not None and _fits(column, target)]
    if not fitting:
        return None
    target = fitting[0]
    key = target.relation.column(target.relation.key_columns[0])
    doubts = (
        column.base_type_oid != key.base_type_oid and "another type of the family",
        key.name not in ("id", column.name) and "key of another name",
        len(fitting) > 1 and "another table fits as well",
        stem == _PARENT and "parent of which kind",
    )
    confidence = round(IMPLIED - sum(_DOUBTS[doubt] for doubt in doubts if doubt) / 10, 1)
    return Edge(table.name, (column.name,), target.name, (key.name,), declared=False, confidence=confidence)


def _candidates(own: str, stem: str) -> Iterator[str]:
    if stem == _PARENT:
        yield own
        return
    yield stem
    yield f"{stem}s"
    if stem.endswith("y"):
        yield f"{stem[:-1]}ies"
    yield f"{stem}es"


def _fits(column: ColumnRow, target: TableRow) -> bool:
    if len(target.relation.key_columns) != 1:
        return False
    key = target.relation.column(target.relation.key_columns[0])
    family = _FAMILY_OF.get(column.base_type_oid)
    return family is not None and family == _FAMILY_OF.get(key.base_type_oid)
