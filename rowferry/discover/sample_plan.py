"""Whose rows are looked at, how many at once, and which of them (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cdc_reader.discovery.catalog_rows import FOREIGN_TABLE, VIEW, TableRow
from rowferry.discover.facts import Facts
from rowferry.discover.probes import LIMIT_ROWS, probes

PER_STATEMENT = 50
_MOST_COLUMNS = 1_000  # of one statement
_MOST_PARTITIONS = 100  # of one table: each costs locks
_LARGE_ROWS = 1_000  # from here on, rows are taken from all over the table
_FEWEST_BLOCKS = 5


def is_cheap(table: TableRow) -> bool:
    """Whether a few rows cost little: a view, or another server, may take any time."""
    return all(relation.kind not in (VIEW, FOREIGN_TABLE) for relation in table.relations)


def why_not(table: TableRow, facts: Mapping[int, Facts]) -> str | None:
    """Why rows of a table are not looked at, where the server is not asked."""
    found = facts.get(table.oid)
    if found is None:
        return "it is gone"
    if not found.populated:
        return "it is a materialized view that has not been filled"
    if len(table.leaves) > _MOST_PARTITIONS:
        return f"it has more than {_MOST_PARTITIONS} partitions"
    return None


def percent(table: TableRow, facts: Mapping[int, Facts]) -> float | None:
    """Of how many of its blocks rows are taken; None: its first rows."""
    rows = sum(max(0, relation.row_estimate) for relation in table.published)
    blocks = sum(facts[relation.oid].blocks for relation in table.published if relation.oid in facts)
    if rows < _LARGE_ROWS or blocks < _FEWEST_BLOCKS:
        return None
    # Twice as many as are needed: most tables have enough rows in fewer.
    return min(100.0, 100.0 * max(_FEWEST_BLOCKS / blocks, 2 * LIMIT_ROWS / rows))


def batches(tables: Sequence[TableRow], facts: Mapping[int, Facts]) -> Iterator[list[TableRow]]:
    """The tables of each statement; those that somebody has locked come last, each by itself."""
    batch: list[TableRow] = []
    relations = columns = 0
    for table in tables:
        if _locked(table, facts):
            continue
        more = len(probes(table))
        if batch and (relations + len(table.published) > PER_STATEMENT or columns + more > _MOST_COLUMNS):
            yield batch
            batch, relations, columns = [], 0, 0
        batch.append(table)
        relations, columns = relations + len(table.published), columns + more
    if batch:
        yield batch
    yield from ([table] for table in tables if _locked(table, facts))


def _locked(table: TableRow, facts: Mapping[int, Facts]) -> bool:
    return any(facts[relation.oid].locked for relation in table.relations if relation.oid in facts)
