"""
What somebody who wants a table captured should know of it (pure): why it is not, or only in part, and what mends it.

The codes are a contract: docs/reference/discover.schema.json lists them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cdc_reader.discovery.captures import NONE, REPLICATION
from cdc_reader.discovery.catalog_rows import PARTITIONED_TABLE, PLAIN_TABLE, UNLOGGED, RelationRow, TableRow
from cdc_reader.discovery.table_remedies import table_remedy
from rowferry.discover.facts import Contents
from rowferry.discover.file_columns import BY_VALUES, FoundColumn
from schemas.tables import Capture
from schemas.topics import MAX_MESSAGE_BYTES

LARGE_BYTES = MAX_MESSAGE_BYTES // 2  # a record holds a row as it was and as it is


@dataclass(frozen=True, slots=True)
class TableWarning:
    """Something to know of a table; `remedy` is SQL or words, None where nothing is to be done."""

    code: str
    message: str
    remedy: str | None = None


def warnings_of(
    table: TableRow, capture: Capture, files: tuple[FoundColumn, ...], contents: Contents
) -> Iterator[TableWarning]:
    """All warnings of a table that is selected, the gravest first."""
    if table.set_aside is not None:
        yield TableWarning("forbidden", table.set_aside.reason, table.set_aside.remedy or None)
    elif capture.mode != REPLICATION:
        remedy, _ = table_remedy(table)
        yield TableWarning(_why_not_streamed(table, capture), capture.reason, remedy)
    for leaf in table.waiting:
        yield TableWarning("partition_waits", f"{leaf.relation.name}: {leaf.why.reason}", leaf.why.remedy or None)
    yield from _of_contents(table, contents)
    for file in files:
        if file.found_by == BY_VALUES:
            message = f"column {file.column!r} holds places of files, by its values; no files are fetched of that name"
            yield TableWarning("files_by_values", message)
        elif file.looks_wrong:
            message = f"column {file.column!r} refers to files, by its name; none of the values that were seen does"
            yield TableWarning("no_files_in_values", message)


def _why_not_streamed(table: TableRow, capture: Capture) -> str:
    relations = table.relations
    if table.relation.kind in (PLAIN_TABLE, PARTITIONED_TABLE):
        if table.relation.primary_key is None:
            return "no_primary_key"
        if any(relation.persistence == UNLOGGED for relation in relations):
            return "unlogged"
        if capture.mode != NONE and all(map(_is_local, relations)):
            return "identity_missing"
    return "not_streamed"


def _is_local(relation: RelationRow) -> bool:
    return relation.kind in (PLAIN_TABLE, PARTITIONED_TABLE)


def _of_contents(table: TableRow, contents: Contents) -> Iterator[TableWarning]:
    if (reason := contents.uncounted.get(table.name)) is not None:
        yield TableWarning("count_timed_out", reason)
    if (reason := contents.missed.get(table.name)) is not None:
        yield TableWarning("not_sampled", f"its rows were not looked at: {reason}")
    sample = contents.sampled.get(table.name)
    for name, column in sample.columns.items() if sample else ():
        if column.largest_bytes >= LARGE_BYTES:
            size = f"{column.largest_bytes / 1_048_576:.1f} MiB"
            message = f"column {name!r} has values of {size}: a row too large for a record goes without them"
            yield TableWarning("large_column", message)
