"""
From a record of a table topic to the row as the fetcher sees it (pure).

Leaves to others: schemas and tables that are not known yet, order, and what becomes of the references.

Keeps: V2.
"""

from __future__ import annotations

from collections.abc import Sequence

from cdc_runtime.consuming.records import Record
from cdc_runtime.consuming.row_changes import RowDelete, RowPut
from file_fetcher.work import Row
from schemas.envelope import MODE_STREAM, OP_READ, Event
from schemas.errors import RecordError
from schemas.file_references import FileReference, references
from schemas.keys import document_id
from schemas.names import TableName
from schemas.tables import FileColumn

# What is remembered of a row must fit into one record of `_file_refs`, with room for what is learnt of its files.
_MOST_REFERENCES = 10_000
_LONGEST_REFERENCES_CHARS = 2 * 1024 * 1024


def row_of(table: TableName, change: RowPut | RowDelete, columns: Sequence[FileColumn], projects: Sequence[str]) -> Row:
    """
    The row after a change; `projects`: names of the columns whose first value is the file's project.

    Raises `RecordError` for a row that refers to more files than can be remembered of it, and for a value that no
    PostgreSQL type holds.
    """
    event = change.event
    record_id = document_id(table.document_table, change.key)
    streamed = event is not None and event.source.mode == MODE_STREAM
    committed_ms = event.source.ts_us // 1000 if event is not None and streamed else 0
    texts = _texts(change.event, [each.column for each in columns]) if isinstance(change, RowPut) else {}
    found = references(record_id, columns, texts)
    _check_size(found)
    project = ""
    if found and event is not None:
        project = next((text for text in _texts(event, projects).values() if text), "")
    return Row(
        record_id=record_id,
        table=str(table),
        source_table=table.document_table,
        partition=change.record.partition,
        version=change.version,
        references=found,
        unknown=frozenset(each.column for each in event.omitted)
        if isinstance(change, RowPut) and event
        else frozenset(),
        project_id=project,
        committed_ms=committed_ms,
        streamed=streamed,
        reread=event is not None and event.op == OP_READ,
    )


def forgotten(table: TableName, record: Record, version: int) -> Row:
    """A row of which nothing but its version matters: its table has no file columns. Raises `RecordError`."""
    if not record.key or not record.key.isascii():
        raise RecordError("expected a row key of percent-encoded ASCII, got other bytes or none")
    return Row(
        document_id(table.document_table, record.key),
        str(table),
        table.document_table,
        record.partition,
        version,
    )


def _check_size(found: Sequence[FileReference]) -> None:
    chars = sum(len(each.key) + len(each.file_id) for each in found)
    if len(found) > _MOST_REFERENCES or chars > _LONGEST_REFERENCES_CHARS:
        raise RecordError(
            f"expected a row with {_MOST_REFERENCES} references of {_LONGEST_REFERENCES_CHARS} characters at most, "
            f"got {len(found)} of {chars}"
        )


def _texts(event: Event, names: Sequence[str]) -> dict[str, str]:
    """The values of some columns as PostgreSQL prints them, without the NULLs."""
    row = event.after or {}
    try:
        return {
            name: value if isinstance(value, str) else event.renderers[name](value)
            for name in names
            if (value := row.get(name)) is not None
        }
    except (ValueError, OverflowError, KeyError) as exc:
        raise RecordError(f"expected values that PostgreSQL can hold, got others ({type(exc).__name__})") from exc
