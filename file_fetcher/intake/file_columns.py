"""
Which columns of a table's events hold references, by the fingerprint of their schema.

Rule: what `_tables` says counts. An event by another schema than that of its table's entry is newer or older than the
entry we know: only after `_tables` was read to its end is the entry taken as it is. What was not found is missed until
then.

Keeps: P10, D9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from schemas.names import TableName
from schemas.tables import FileColumn, TableEntry

Columns = tuple[FileColumn, ...]


class FileColumns:
    """
    `entry_of` and `schema_of` (an Avro schema by fingerprint) look into what is followed; both may return None.

    `changed` may be called by any thread, everything else by one.
    """

    def __init__(
        self,
        entry_of: Callable[[TableName], TableEntry | None],
        schema_of: Callable[[bytes], Mapping[str, Any] | None],
    ) -> None:
        self._entry_of = entry_of
        self._schema_of = schema_of
        self._known: dict[tuple[TableName, bytes], Columns] = {}
        self._missed: set[tuple[TableName, bytes]] = set()
        self._stale = False

    def find(self, table: TableName, fingerprint: bytes) -> Columns | None:
        """The file columns of an event; None when `_schemas` and `_tables` must be read to their end first."""
        self._forget_what_changed()
        known = self._known.get((table, fingerprint))
        if known is None and (known := self._make(table, fingerprint, refreshed=False)) is None:
            self._missed.add((table, fingerprint))
        return known

    def known(self, table: TableName, fingerprint: bytes) -> bool:
        """Whether `find` finds it, as far as that was tried."""
        return (table, fingerprint) in self._known

    @property
    def missed(self) -> frozenset[tuple[TableName, bytes]]:
        """What was looked for and not found: it waits until both topics were read to their end."""
        return frozenset(self._missed)

    def refreshed(self, missed: Iterable[tuple[TableName, bytes]]) -> None:
        """Both topics were read to their end since these were missed."""
        self._forget_what_changed()
        for table, fingerprint in missed:
            self._missed.discard((table, fingerprint))
            self._make(table, fingerprint, refreshed=True)

    def changed(self) -> None:
        """An entry of `_tables` has changed."""
        self._stale = True

    def _forget_what_changed(self) -> None:
        if self._stale:
            self._stale = False
            self._known.clear()

    def _make(self, table: TableName, fingerprint: bytes, *, refreshed: bool) -> Columns | None:
        schema, entry = self._schema_of(fingerprint), self._entry_of(table)
        if schema is None or entry is None:
            return None
        present = columns_of(schema)
        if not refreshed and not _explains(entry, fingerprint, present):
            return None
        columns = tuple(column for column in entry.file_columns if column.column in present)
        self._known[table, fingerprint] = columns
        return columns


def _explains(entry: TableEntry, fingerprint: bytes, columns: set[str]) -> bool:
    """Whether events of that schema are of this entry."""
    if entry.schema_fingerprint is None:
        return columns == {column.name for column in entry.columns}
    return entry.schema_fingerprint == fingerprint.hex()


def columns_of(schema: Mapping[str, Any]) -> set[str]:
    """The true names of the columns in the schema of a table's events; empty for another schema."""
    for field in schema.get("fields", ()):
        if field.get("name") == "before":
            return {column["pg_column"] for column in field["type"][1]["fields"]}
    return set()
