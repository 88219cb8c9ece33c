"""
What a document must say about its row, and what a document says (pure).

Both become facts of one form, compared whole by digest and, where they differ, name by name. Values never leave
this module but as digests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import orjson

from rowferry.reconcile.shapes import Parent, Shape

Facts = dict[str, Any]
FIELDS = ("doc_id", "source_table", "source_id", "deleted", "metadata", "relationships", "parent_ids", "edge_keys")
OMITTED = "omitted"
# What may be left of a deleted row is its memory; these would be data of it.
DATA_FIELDS = ("metadata", "title", "content_text", "relationships", "parent_ids", "edge_keys", "file_references")
_EDGE = ("rel_type", "direction", "fk_column", "target_table", "target_id", "target_doc_id")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DIGEST_BYTES = 16
_ESCAPE = "surrogateescape"  # as the texts of rows have bytes that are not UTF-8


class _Legal(dict[int, int | str]):
    """Translation table: U+FFFD for what Vespa's text does not carry (control characters, noncharacters)."""

    def __missing__(self, code: int) -> int | str:
        bad = (
            (code < 0x20 and code not in (9, 10, 13))
            or 0xD800 <= code <= 0xDFFF
            or 0xFDD0 <= code <= 0xFDDF
            or code & 0xFFFE == 0xFFFE
        )
        self[code] = "\N{REPLACEMENT CHARACTER}" if bad else code
        return self[code]


_LEGAL = _Legal()


def key_text(values: Sequence[str]) -> str:
    """The key part of a document's id: each value percent-encoded (`%00` when empty), joined by commas."""
    return ",".join(map(_key_part, values))


def _key_part(value: str) -> str:
    if value.isascii() and value.isalnum():
        return value
    return (
        "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in value.encode(errors=_ESCAPE)) or "%00"
    )


def expected(shape: Shape, row: Mapping[str, str]) -> Facts:
    """What the document of a row must say; `row` maps columns to PostgreSQL's text, NULLs absent."""
    key = key_text([row[name] for name in shape.table.key])
    edges = [_edge(parent, row) for parent in shape.parents if all(name in row for name in parent.columns)]
    targets = sorted({edge["target_doc_id"] for edge in edges if "target_doc_id" in edge})
    return {
        "doc_id": f"{shape.table.called}/{key}",
        "source_table": shape.table.called,
        "source_id": key,
        "deleted": False,
        "metadata": {legal(name): legal(value) for name, value in row.items()},
        "relationships": sorted(_flat(edge) for edge in edges),
        "parent_ids": targets,
        "edge_keys": [f"belongs_to:{target}" for target in targets],
    }


def found(fields: Mapping[str, Any]) -> Facts:
    """What a document says, from its fields as Vespa's JSON has them."""
    metadata = fields.get("metadata") or {}
    if isinstance(metadata, list):  # the long form of a map
        metadata = {entry["key"]: entry["value"] for entry in metadata}
    return {
        "doc_id": fields.get("doc_id"),
        "source_table": fields.get("source_table"),
        "source_id": fields.get("source_id"),
        "deleted": fields.get("deleted") is True,
        "metadata": metadata,
        "relationships": sorted(_flat(edge) for edge in fields.get("relationships") or ()),
        "parent_ids": sorted(set(fields.get("parent_ids") or ())),
        "edge_keys": sorted(set(fields.get("edge_keys") or ())),
    }


def is_memory(fields: Mapping[str, Any]) -> bool:
    """Whether a document is nothing but the memory of a deleted row."""
    return fields.get("deleted") is True and not any(fields.get(name) for name in DATA_FIELDS)


def digest(facts: Facts) -> bytes:
    """Sixteen bytes that two documents share only when they say the same."""
    return blake2b(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS), digest_size=_DIGEST_BYTES).digest()


def differences(wanted: Facts, got: Facts) -> list[str]:
    """The names of what differs: columns of `metadata` by their name, other fields by theirs."""
    names = [f"metadata.{name}" for name in sorted(_unequal(wanted["metadata"], got["metadata"]))]
    return [name for name in FIELDS if name != "metadata" and wanted[name] != got[name]] + names


def said_omitted(names: Sequence[str], fields: Mapping[str, Any]) -> list[str]:
    """The names of differences, those of columns that the document itself says it lacks among them as `omitted.`."""
    omitted = {f"metadata.{name}": f"omitted.{name}" for name in fields.get(OMITTED) or ()}
    return [omitted.get(name, name) for name in names]


def _unequal(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def legal(text: str) -> str:
    """A text as Vespa can carry it."""
    # No code point that is replaced is printable, and most texts are.
    return text if text.isprintable() else text.translate(_LEGAL)


def _edge(parent: Parent, row: Mapping[str, str]) -> dict[str, str]:
    edge = {
        "rel_type": "belongs_to",
        "direction": "out",
        "fk_column": legal(parent.label),
        "target_table": parent.target,
    }
    if parent.spelled is not None:
        edge["target_id"] = key_text([row[name] for name in parent.spelled])
        edge["target_doc_id"] = f"{parent.target}/{edge['target_id']}"
    return edge


def _flat(edge: Mapping[str, str]) -> list[str]:
    return [edge.get(name) or "" for name in _EDGE]
