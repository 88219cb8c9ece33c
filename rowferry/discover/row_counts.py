"""
How many rows a table has, and how that is known (pure).

Counted where that was asked for; else told by a sample that held the whole table; else estimated: by `reltuples`, which
ANALYZE and VACUUM leave behind, by the server's running statistics, by how full the blocks are that were looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdc_reader.discovery.catalog_rows import VIEW, RelationRow, TableRow
from rowferry.discover.facts import Contents, Facts, TableSample
from schemas.names import TableName

EXACT = "exact"
ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True)
class RowCount:
    """A number of rows; `exact` as of the moment when it was read."""

    rows: int
    source: str


def row_count(table: TableRow, contents: Contents) -> RowCount | None:
    """How many rows a table has; None where nobody knows, or nobody wants to."""
    counted, sample = contents.counted.get(table.name), contents.sampled.get(table.name)
    if counted is not None:
        return RowCount(counted.rows, EXACT)
    if sample is not None and sample.whole:
        return RowCount(sample.rows, EXACT)
    if contents.facts is None or table.relation.kind == VIEW:
        return None
    estimates = [_estimate(relation, contents.facts.get(relation.oid), sample) for relation in table.published]
    known = [rows for rows in estimates if rows is not None]
    return RowCount(sum(known), ESTIMATE) if known and len(known) == len(estimates) else None


def file_count(table: TableRow, contents: Contents, column: str) -> int | None:
    """How many files a column refers to: counted, or as many to a row as in the sample."""
    name: TableName = table.name
    if (counted := contents.counted.get(name)) is not None:
        return counted.references.get(column)
    sample, rows = contents.sampled.get(name), row_count(table, contents)
    if sample is None or rows is None or column not in sample.columns:
        return None
    found = sample.columns[column]
    return round(rows.rows * (found.keys + found.urls) / sample.rows) if sample.rows else 0


def _estimate(relation: RelationRow, facts: Facts | None, sample: TableSample | None) -> int | None:
    if relation.row_estimate > 0:
        return relation.row_estimate
    if facts is not None and facts.live_rows > 0:
        return facts.live_rows
    if sample is not None and sample.blocks and sample.all_blocks:
        return round(sample.rows * sample.all_blocks / sample.blocks)
    return 0 if relation.row_estimate == 0 else None
