"""
The edges of a row's document: foreign keys, declared or found by name, as ids of the documents that they point to.

An edge whose columns are not the other table's primary key has no id to point to; it is kept with its column alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.keys import document_id, row_key
from schemas.names import TableName
from schemas.tables import Relationship, TableEntry
from vespa_sink.documents.text import legal_text

# The primary key of another table in key order, or None when the table is not known.
KeyLookup = Callable[[TableName], tuple[str, ...] | None]


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


def edge_fields(edges: Sequence[Edge], row: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a document that hold its edges; none for NULLs."""
    relationships = [_relationship(edge, row) for edge in edges if all(name in row for name in edge.columns)]
    if not relationships:
        return {}
    fields: dict[str, Any] = {"relationships": relationships}
    targets = [edge for edge in relationships if "target_doc_id" in edge]
    if targets:
        fields["parent_ids"] = list(dict.fromkeys(edge["target_doc_id"] for edge in targets))
        fields["edge_keys"] = list(dict.fromkeys(f"{edge['rel_type']}:{edge['target_doc_id']}" for edge in targets))
    return fields


def _edge(edge: Relationship, key_of: KeyLookup) -> Edge:
    target = TableName.parse(edge.target_table)
    columns = tuple(edge.column.split(","))
    refers_to = dict(zip(edge.target_column.split(","), columns, strict=False))
    key = key_of(target)
    if key is None:  # not captured by us: its declared target is all we know
        key = tuple(refers_to)
    ordered = tuple(refers_to[name] for name in key) if set(key) == set(refers_to) else None
    return Edge(edge.type, edge.column, columns, ordered, target.document_table)


def _relationship(edge: Edge, row: Mapping[str, str]) -> dict[str, str]:
    relationship = {
        "rel_type": edge.rel_type,
        "direction": "out",
        "fk_column": legal_text(edge.fk_column)[0],
        "target_table": edge.target_table,
    }
    if edge.key_columns is not None:
        key = row_key([row[name] for name in edge.key_columns])
        relationship["target_id"] = key.decode("ascii")
        relationship["target_doc_id"] = document_id(edge.target_table, key)
    return relationship
