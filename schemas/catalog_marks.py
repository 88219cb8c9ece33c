"""
What a row's document takes from the catalog, and not from the row: its edges, and which columns hold files (rule D9).

The reader reads rows again when it changes, and the sink makes documents of it: both have it from here. The mark of it
is in the schema of a table's events, so that whoever reads an event knows of what catalog it is.

Keeps: D9.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256

from schemas.names import TableName
from schemas.tables import Relationship, TableEntry

# The primary key of another table in key order, or None when the table is not known.
KeyLookup = Callable[[TableName], tuple[str, ...] | None]
_MARK_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge from a row to its parent. `key_columns`: ours, in the order of the parent's key; None: not its key."""

    rel_type: str
    fk_column: str
    columns: tuple[str, ...]
    key_columns: tuple[str, ...] | None
    target_table: str


def edges_of(entry: TableEntry, key_of: KeyLookup) -> tuple[Edge, ...]:
    """The edges of a table's rows; `key_of` tells the primary keys of the tables it refers to."""
    return tuple(_edge(edge, key_of) for edge in entry.relationships if edge.direction == "out")


def catalog_mark(entry: TableEntry, key_of: KeyLookup) -> str:
    """Two tables' entries have the same mark when documents take the same from both; empty when they take nothing.

    What is only told of a table (descriptions, names of types, edges that come from others) is not in it.
    """
    edges = sorted(json.dumps(asdict(edge)) for edge in edges_of(entry, key_of))
    files = sorted(json.dumps(asdict(column)) for column in entry.file_columns)
    if not edges and not files:
        return ""
    return sha256(json.dumps([edges, files]).encode()).hexdigest()[:_MARK_LENGTH]


def _edge(edge: Relationship, key_of: KeyLookup) -> Edge:
    target = TableName.parse(edge.target_table)
    columns = tuple(edge.column.split(","))
    refers_to = dict(zip(edge.target_column.split(","), columns, strict=False))
    key = key_of(target)
    if key is None:  # not captured by us: its declared target is all we know
        key = tuple(refers_to)
    ordered = tuple(refers_to[name] for name in key) if set(key) == set(refers_to) else None
    return Edge(edge.type, edge.column, columns, ordered, target.document_table)
