"""
What the document of a file must say about the reference in its row, and what it says (pure).

Which references a row has is decided by `schemas.file_references`, which all parts share. What became of a file is
compared with its result by `file_comparison`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rowferry.reconcile.facts import Facts, key_text, legal
from rowferry.reconcile.shapes import Shape
from schemas.file_references import FileReference, references
from schemas.file_results import Status

FILE_FIELDS = (
    "file_id",
    "record_id",
    "source_table",
    "source_column",
    "entry",
    "kind",
    "relationship_type",
    "file_name",
    "source_uri",
    "status",
    "reason",
    "version",
    "deleted",
)
ROW_FIELDS = ("file_id", "record_id", "source_table", "row_number", "deleted")
_COMPARED = FILE_FIELDS[:9]
# What may be left of a file or a row that is gone is its memory; these would be data of it.
_DATA_FIELDS = ("record_id", "source_column", "file_name", "source_uri", "row_number")
_ENDED = frozenset({Status.FETCHED, Status.SKIPPED, Status.FAILED})
_BUCKET = re.compile(r"s3://[A-Za-z0-9._-]+/")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a reference, as a result in Kafka or a document in the index tells it."""

    status: str
    reason: str
    version: int
    rows_accepted: int = 0


def row_references(shape: Shape, row: Mapping[str, str]) -> tuple[FileReference, ...]:
    """All references of a row; `row` maps columns to PostgreSQL's text, NULLs absent."""
    return references(_doc_id(shape, row), shape.table.file_columns, row)


def expected(shape: Shape, reference: FileReference) -> Facts:
    """What the document of a reference must say."""
    return {
        "file_id": reference.file_id,
        "record_id": file_place(reference.file_id)[1],
        "source_table": shape.table.called,
        "source_column": legal(reference.column),
        "entry": legal(reference.entry or ""),
        "kind": reference.kind.value,
        "relationship_type": legal(reference.relationship_type),
        "file_name": legal(reference.file_name),
        "source_uri": _within_bucket(legal(reference.key)),
        "ended": True,
    }


def found(fields: Mapping[str, Any]) -> Facts:
    """What a file's document says, from its fields as Vespa's JSON has them."""
    says: Facts = {name: fields.get(name) or "" for name in _COMPARED}
    says["source_uri"] = _within_bucket(says["source_uri"])
    says["ended"] = fields.get("status") in _ENDED and fields.get("deleted") is not True
    return says


def outcome(fields: Mapping[str, Any]) -> Outcome:
    """What became of a file, as its document tells it."""
    return Outcome(fields.get("status") or "", fields.get("reason") or "", int(fields.get("version") or 0))


def differences(wanted: Facts, got: Facts) -> Iterator[str]:
    """The names of the fields that differ."""
    return ("status" if name == "ended" else name for name in wanted if wanted[name] != got[name])


def is_memory(fields: Mapping[str, Any]) -> bool:
    """Whether a document is nothing but the memory of a file, or of a spreadsheet's row, that is gone."""
    return fields.get("deleted") is True and not any(fields.get(name) for name in _DATA_FIELDS)


def file_place(file_id: str) -> tuple[str, str]:
    """The table and the record that a file's id names: neither table nor key holds a slash."""
    table, _, rest = file_id.partition("/")
    return table, f"{table}/{rest.partition('/')[0]}"


def file_of_row(row_id: str) -> str:
    """The file that the id of a spreadsheet's row names."""
    return row_id.rsplit("/", 2)[0]


def _doc_id(shape: Shape, row: Mapping[str, str]) -> str:
    return f"{shape.table.called}/{key_text([row[name] for name in shape.table.key])}"


def _within_bucket(place: str) -> str:
    """An object's key: documents may name the bucket, which is no part of what the row says."""
    match = _BUCKET.match(place)
    return place[match.end() :] if match else place
