"""
Whether the catalog still says what it said when the session began (rules D1, D9).

DDL may send nothing at all, so all that `_tables` tells is compared at every heartbeat and at every Relation message
that differs; before every sweep, what the text of values depends on. Reads run in side workers.

Keeps: D1, D9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from cdc_reader.discovery.catalog import read_catalog, read_streamed
from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.discovery.entries import TopicPlan, table_entries
from cdc_reader.discovery.fingerprints import Definition, definition, leaves_added, marks, why_other
from cdc_reader.discovery.publication import publication_mark
from cdc_reader.discovery.row_filters import filters_of, with_known_filters
from cdc_reader.discovery.selection import Selection
from cdc_reader.postgres.connections import translated
from cdc_reader.postgres.workers import Worker
from cdc_reader.settings import ReaderSettings
from schemas.errors import SettingsError
from schemas.names import TableName
from schemas.offsets import PublicationMark
from schemas.tables import Column, TableEntry

# DDL that holds its lock longer is met again at the next heartbeat; until then others need the worker.
_LOCK_WAIT_S = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is other than it was. `difference`: the first that only a new session can follow, in words.

    Where there is none: `told` are the tables of which the catalog tells something else that no row depends on, as
    entries without topic and version; `marks` those whose relations have other marks, and the same definition.
    """

    difference: str | None = None
    told: tuple[TableEntry, ...] = ()
    marks: Mapping[TableName, Mapping[int, str]] = field(default_factory=dict)


class Definitions:
    """What the session began with, and how it is read again; `judged` sets tables aside, as those of the start were."""

    def __init__(self, settings: ReaderSettings, catalog: Catalog, judged: Callable[[Catalog], Catalog]) -> None:
        self._settings = settings
        self._judged = judged
        self._selection = replace(Selection.by(settings), required=False)
        self._known = described(catalog)
        self._seen = catalog

    def changes(self, worker: Worker) -> Comparison:
        """What differs from the last time that all was as it was.

        Raises `TransientError` when a table's definition is locked for longer than a few seconds.
        """
        with translated("limit the wait for locks"):
            worker.connection.execute(f"SET lock_timeout = '{_LOCK_WAIT_S}s'")
        catalog = read_streamed(worker.connection, self._selection, self._settings)
        entries = {str(name): entry for name, entry in self._known.entries.items()}
        catalog = with_known_filters(catalog, filters_of(self._seen.publication), entries)
        catalog = self._judged(catalog)
        if catalog == self._seen:  # mostly; what it tells takes ten times as long to work out
            return Comparison()
        found = compared(self._known, now := described(catalog))
        if found.difference is None:
            self._known, self._seen = now, catalog
        return found

    def definition(self, worker: Worker, table: TableName) -> Definition:
        """What the text of a table's values depends on now; an empty one when it is gone."""
        try:
            one = replace(self._selection, tables=frozenset({table}), exclude=frozenset(), required=True)
            catalog = read_catalog(worker.connection, one, publication=None)
        except SettingsError:
            return Definition("")
        known = self._seen.by_name.get(table)
        waiting = {each.relation.oid for each in known.waiting} if known else set()
        found = catalog.table(table)
        return definition(replace(found, leaves=tuple(leaf for leaf in found.leaves if leaf.oid not in waiting)))


@dataclass(frozen=True, slots=True)
class Described:
    """All that entries tell, the marks of all relations, and the publication."""

    entries: Mapping[TableName, TableEntry]
    marks: Mapping[TableName, Mapping[int, str]]
    publication: PublicationMark | None


def described(catalog: Catalog) -> Described:
    """What a catalog says, but for the planner's estimate: it changes by itself."""
    entries = table_entries(catalog, source="", version=0, topic_of=lambda name: TopicPlan("", 0))
    return Described(
        {entry.name: replace(entry, row_estimate=0) for entry in entries},
        {table.name: marks(table) for table in catalog.tables},
        publication_mark(catalog.publication) if catalog.publication else None,
    )


def compared(known: Described, now: Described) -> Comparison:
    """What changed between two descriptions."""
    for name in sorted(known.entries.keys() | now.entries.keys()):
        if (found := _difference(name, known, now)) is not None:
            return Comparison(found)
    if known.publication != now.publication:
        return Comparison("the publication changed")
    return Comparison(
        told=tuple(entry for name, entry in now.entries.items() if entry != known.entries[name]),
        marks={name: of for name, of in now.marks.items() if of != known.marks[name]},
    )


def _difference(name: TableName, known: Described, now: Described) -> str | None:
    if name not in now.entries:
        return f"table {name} is gone"
    if name not in known.entries:
        return f"table {name} is new"
    before, after = known.entries[name], now.entries[name]
    other = why_other(before.oid, known.marks[name], now.marks[name]) is not None
    if other or (before.types, before.capture.mode) != (after.types, after.capture.mode):
        return f"the definition of {name} changed"
    if leaves_added(known.marks[name], now.marks[name]):
        return f"{name} has another partition"
    return None if _but_told(before) == _but_told(after) else f"what the catalog tells of {name} changed"


def _but_told(entry: TableEntry) -> TableEntry:
    """Without what is told of a table only: no event, and no key, depends on it."""
    return replace(entry, description=None, columns=tuple(map(_column_but_told, entry.columns)))


def _column_but_told(column: Column) -> Column:
    return replace(column, description=None, default=None, nullable=True)
