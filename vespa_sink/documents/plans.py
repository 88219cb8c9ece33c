"""
The plans by which rows become documents, kept up to date with what `_tables` says.

Rule: an event whose columns differ from the table's entry is newer than the entry we know, or older than it. Only
after a refresh that read `_tables` to its end is the entry taken as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from schemas.envelope import Event
from schemas.names import TableName
from schemas.tables import TableEntry
from vespa_sink.documents.record import RecordPlan, Shape, record_plan


@dataclass(slots=True)
class _Known:
    plan: RecordPlan
    columns: frozenset[str]
    accepted: set[int]  # identities of column maps (one for each Avro schema) that were compared


class Plans:
    """Returns the plan for an event's table; `entry_of` looks into the followed `_tables`."""

    def __init__(self, shape: Shape, entry_of: Callable[[TableName], TableEntry | None]) -> None:
        self._shape = shape
        self._entry_of = entry_of
        self._known: dict[TableName, _Known] = {}

    @property
    def max_text_bytes(self) -> int:
        """The most text of a row that is made searchable."""
        return self._shape.max_text_bytes

    def find(self, table: TableName, event: Event, *, refreshed: bool = False) -> RecordPlan | None:
        """The plan; None when `_tables` must be read to its end first (never None after that if the table is there)."""
        known = self._known.get(table) or self._make(table)
        if known is None:
            return None
        if id(event.kinds) not in known.accepted:
            if not refreshed and known.columns != event.kinds.keys():
                return None
            known.accepted.add(id(event.kinds))
        return known.plan

    def forget(self) -> None:
        """`_tables` has changed: plans are made again (an edge depends on the key of another table)."""
        self._known.clear()

    def _make(self, table: TableName) -> _Known | None:
        entry = self._entry_of(table)
        if entry is None:
            return None
        plan = record_plan(entry, self._shape, self._key_of)
        known = self._known[table] = _Known(plan, frozenset(column.name for column in entry.columns), set())
        return known

    def _key_of(self, table: TableName) -> tuple[str, ...] | None:
        entry = self._entry_of(table)
        return None if entry is None else entry.primary_key
