"""
The plans by which rows become documents, kept up to date with what `_tables` says.

Rule: an event that was written by another schema than that of the table's entry, or with another mark of the catalog
than the entries give, is newer than what we know, or older. Only after a refresh that read `_tables` to its end are the
entries taken as they are. The mark is worked out from all entries that it depends on: they come one by one.

Keeps: D9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from schemas.catalog_marks import catalog_mark
from schemas.envelope import Event
from schemas.names import TableName
from schemas.tables import TableEntry
from vespa_sink.documents.record import RecordPlan, Shape, record_plan


@dataclass(slots=True)
class _Known:
    plan: RecordPlan
    columns: frozenset[str]
    schema_fingerprint: str | None
    catalog_mark: str
    accepted: set[int]  # identities of column maps (one for each Avro schema) that were compared

    def explains(self, event: Event) -> bool:
        """Whether an event is of the entries that the plan was made from."""
        if self.catalog_mark != event.schema.catalog_mark:
            return False
        if self.schema_fingerprint is None:
            return self.columns == event.kinds.keys()
        return self.schema_fingerprint == event.schema.fingerprint


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
            if not refreshed and not known.explains(event):
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
        known = self._known[table] = _Known(
            record_plan(entry, self._shape, self._key_of),
            frozenset(column.name for column in entry.columns),
            entry.schema_fingerprint,
            catalog_mark(entry, self._key_of),
            set(),
        )
        return known

    def _key_of(self, table: TableName) -> tuple[str, ...] | None:
        entry = self._entry_of(table)
        return None if entry is None else entry.primary_key
