"""
Tables that are set aside for what is met only when something is tried (rule D8): a lock, a topic that takes no records.

So are leaves of partitioned tables, by their own names: they wait, and their table goes on (`waiting_leaves`).

They outlive sessions, not the process: a new one tries everything. What may pass is tried again after growing pauses,
by a session that begins anew; nobody has to restart anything.

Keeps: D8.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf

from cdc_reader.discovery.captures import CAPTURED, REPLICATION, capture_of
from cdc_reader.discovery.catalog_rows import Catalog, SetAside
from cdc_reader.discovery.waiting_leaves import without_waiting_leaves
from schemas.names import TableName
from schemas.tables import TableEntry

_FIRST_PAUSE_S = 10.0  # longer than most locks of a migration are held
_LONGEST_PAUSE_S = 600.0
# What is met in use has passed when it has not been met for so long.
_PROVED_S = 600.0


@dataclass(slots=True)
class _Trouble:
    found: SetAside
    pause_s: float
    again_at: float
    in_use: bool


class Troubles:
    """One for the life of the process; times in monotonic seconds."""

    def __init__(self) -> None:
        self._troubles: dict[TableName, _Trouble] = {}
        self._tried: dict[TableName, _Trouble] = {}
        self._told: dict[TableName, str] = {}
        self._told_leaves: dict[tuple[TableName, str], str] = {}

    def met(self, table: TableName, found: SetAside, now: float, *, passes: bool = True, in_use: bool = False) -> None:
        """Something forbids to capture a table.

        `passes`: it is worth trying again without a change of the catalog. `in_use`: it is met only by what is done
        with a table that is captured, so that to be captured tells nothing.
        """
        before = self._troubles.get(table)
        if in_use and before is None and (tried := self._tried.get(table)) and now - tried.again_at < _PROVED_S:
            before = tried
        pause_s = _FIRST_PAUSE_S if before is None else min(before.pause_s * 2, _LONGEST_PAUSE_S)
        self._troubles[table] = _Trouble(found, pause_s, now + pause_s if passes else inf, in_use)

    def waiting(self, now: float) -> dict[TableName, SetAside]:
        """The tables that are not tried yet, and why."""
        return {table: each.found for table, each in self._troubles.items() if each.again_at > now}

    def due(self, now: float) -> str | None:
        """Why a session should begin anew, in words: a table is to be tried again; None while there is none."""
        names = [str(table) for table, each in self._troubles.items() if each.again_at <= now]
        return f"{min(names)} is tried again" if names else None

    def over(self, catalog: Catalog, left: Iterable[TableName], removed: Iterable[TableName]) -> None:
        """What the catalog captures, and what is removed: whatever it was has passed, or is met again.

        Other names that are neither in the catalog nor `left` behind by captured tables are of nothing any more.
        """
        named = {each.name for table in catalog.tables for each in without_waiting_leaves(table).relations}
        captured = (table for table in catalog.tables if capture_of(table).mode in CAPTURED)
        passed = {each.name for table in captured for each in table.relations}.union(removed)
        gone = [table for table in self._troubles if table not in named.union(left)]
        for table in gone:
            del self._troubles[table]
        for table in passed:
            trouble = self._troubles.pop(table, None)
            if trouble is not None and trouble.in_use:
                self._tried[table] = trouble

    def news(self, entries: Mapping[TableName, TableEntry]) -> list[TableEntry]:
        """The entries captured otherwise than when this was asked last; at first all that are not streamed."""
        now = {
            name: "" if entry.capture.mode == REPLICATION else entry.capture.reason for name, entry in entries.items()
        }
        changed = [entries[name] for name, reason in now.items() if reason != self._told.get(name, "")]
        self._told = now
        return changed

    def leaf_news(self, entries: Mapping[TableName, TableEntry]) -> list[tuple[TableName, str, str]]:
        """Each partition that waits otherwise than when this was asked last: its table, its name, and why (or '')."""
        now = {(name, leaf): why for name, entry in entries.items() for leaf, why in entry.waiting.items()}
        both = sorted(now.keys() | self._told_leaves.keys())
        changed = [(*each, now.get(each, "")) for each in both if now.get(each) != self._told_leaves.get(each)]
        self._told_leaves = now
        return changed


def with_troubles(catalog: Catalog, tables: Mapping[TableName, SetAside]) -> Catalog:
    """The catalog with these tables set aside, where it does not set them aside itself."""
    if not tables:
        return catalog
    return replace(
        catalog,
        tables=tuple(replace(table, set_aside=table.set_aside or tables.get(table.name)) for table in catalog.tables),
    )
