"""
The edges of a row's document: foreign keys, declared or found by name, as ids of the documents that they point to.

An edge whose columns are not the other table's primary key has no id to point to; it is kept with its column alone.
Leaves to others: which edges a table has (`schemas.catalog_marks`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.catalog_marks import Edge
from schemas.keys import document_id, row_key
from vespa_sink.documents.text import legal_text


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
