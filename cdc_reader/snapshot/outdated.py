"""
Whose rows were read under another catalog than that of now: what the start finds by the entries stored in `_tables`.

What is found is recorded in the Kafka transaction that replaces the entries, or a reader that is killed right then
would find nothing any more. Labels of enums and attributes of composites make another text of values, of keys too: such
a table is read again and swept (rule D1). Edges and file columns make another document of the same row: its rows are
read again, since an event that is replayed has its old version, and nothing is swept (rule D9). So does what is under a
domain, of which earlier readers did not tell: texts were not searched, and times not taken.

Keeps: D1, D9.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.discovery.fingerprints import CHANGED, LEAF_GONE, former_fingerprint, leaves_added, why_other
from cdc_reader.discovery.value_types import rewritten
from cdc_reader.snapshot.scans import DONE, OUTDATED, VOID
from cdc_reader.tables.captured import CapturedTable
from cdc_reader.transcode import kind_of
from schemas.catalog_marks import KeyLookup, catalog_mark
from schemas.offsets import DefinitionMark, SnapshotProgress
from schemas.tables import TableEntry

_OTHER_TYPES = "labels or attributes of its types changed"
_OTHER_CATALOG = "the edges or file columns of its rows changed"
_UNDER_DOMAINS = "what is under its domains was not told"
_LEFT = "a partition left the publication for a time"
# What documents take a value as by its type.
_TAKEN_AS = {"text", "date", "timestamp", "timestamptz"}


def outdated_scans(
    scans: Mapping[str, SnapshotProgress], known: Mapping[str, TableEntry], now: Iterable[TableEntry]
) -> dict[str, SnapshotProgress]:
    """The progress of scans that no longer count, as it is to be recorded, by table; `known` are the stored entries."""
    keys = {entry.name: entry.primary_key for entry in known.values()}
    found: dict[str, SnapshotProgress] = {}
    for entry in now:
        progress, before = scans.get(str(entry.name)), known.get(str(entry.name))
        if progress is None:
            continue
        if rewritten(before.types if before else None, entry.types or ()):
            found[str(entry.name)] = replace(progress, state=VOID, cause=_OTHER_TYPES, sweeps=True)
        elif _mark(before, keys.get) != entry.catalog_mark:
            found[str(entry.name)] = replace(progress, state=_read_again(progress), cause=_OTHER_CATALOG)
        elif before is not None and _under_domains(before) != _under_domains(entry):
            found[str(entry.name)] = replace(progress, state=_read_again(progress), cause=_UNDER_DOMAINS)
    return found


def _under_domains(entry: TableEntry) -> dict[str, str]:
    columns = [column for column in entry.columns if column.base_type_oid is not None]
    kinds = {column.name: kind_of(column.values_type_oid).name for column in columns}
    return {name: kind for name, kind in kinds.items() if kind in _TAKEN_AS}


@dataclass(frozen=True, slots=True)
class ReadDefinitions:
    """The definitions that the rows of tables were read by, as they are to be recorded, and those that are others now.

    `marks` and `causes` by table: each that was read has one of the two.
    """

    marks: dict[str, DefinitionMark]
    causes: dict[str, str]


def read_definitions(
    scans: Mapping[str, SnapshotProgress],
    known: Mapping[str, DefinitionMark],
    tables: Iterable[CapturedTable],
    catalog: Catalog,
) -> ReadDefinitions:
    """Compare what is stored with what is (rule D1). Earlier releases stored something else (`former_fingerprint`)."""
    found = ReadDefinitions({}, {})
    for table in tables:
        name = str(table.name)
        if (progress := scans.get(name)) is None:
            continue
        stored = known.get(name)
        waiting = {each.relation.oid for each in catalog.table(table.name).waiting}
        if (cause := _why_other(progress, stored, table, catalog, waiting)) is not None:
            found.causes[name] = cause
            continue
        unread = {*stored.unread, *leaves_added(stored.marks, table.marks)} if stored is not None else ()
        left = waiting.intersection((*stored.marks, *stored.left)) if stored is not None else ()
        found.marks[name] = DefinitionMark.of(table.name, table.marks, unread, left)
    return found


def _why_other(
    progress: SnapshotProgress,
    known: DefinitionMark | None,
    table: CapturedTable,
    catalog: Catalog,
    waiting: Collection[int],
) -> str | None:
    """A leaf that waits takes nothing along (decision 0030), until it is back, or gone."""
    if known is None:
        return None if progress.fingerprint == former_fingerprint(catalog.table(table.name)) else CHANGED
    if over := [oid for oid in known.left if oid not in waiting]:
        return LEAF_GONE if table.marks.keys().isdisjoint(over) else _LEFT
    stayed = {oid: mark for oid, mark in known.marks.items() if oid not in waiting}
    return why_other(table.entry.oid, stayed, table.marks)


def voided(scans: Mapping[str, SnapshotProgress], causes: Mapping[str, str]) -> dict[str, SnapshotProgress]:
    """The progress of tables whose changes are missing for a time, as it is to be recorded; `causes` by table."""
    return {name: replace(scans[name], state=VOID, cause=cause) for name, cause in causes.items() if name in scans}


def _mark(entry: TableEntry | None, key_of: KeyLookup) -> str:
    """The mark that a table's rows were read under; entries of earlier readers hold what it is made of."""
    if entry is None:
        return ""
    return catalog_mark(entry, key_of) if entry.catalog_mark is None else entry.catalog_mark


def _read_again(progress: SnapshotProgress) -> str:
    """A sweep that is still owed stays owed."""
    return OUTDATED if progress.state in (DONE, OUTDATED) or not progress.sweeps else VOID
