"""
What is recorded of the definitions that rows were read by (rule D1): with the progress of a scan, in its transaction.

A scan begins under the definition of then. What is compared later, and found to be the same, takes its place: each
step is proved by itself, and two that are proved apart may not be told from a rewrite when they are taken together.
A leaf that came is recorded before its first event, and as unread until its rows were read alone, or with its root.
One that left is remembered until a scan of its root begins that sweeps, which takes out what is left of it.

Keeps: D1, D3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cdc_reader.publishing.event_sink import EventSink
from cdc_reader.tables.captured import CapturedTable
from schemas.names import TableName
from schemas.offsets import DefinitionMark, leaf_key


class RecordedDefinitions:
    """The definitions of a session's tables, as the start found them stored."""

    def __init__(self, stored: Mapping[str, DefinitionMark], sink: EventSink) -> None:
        self._stored = dict(stored)
        self._sink = sink

    def begun(self, table: CapturedTable, *, sweeps: bool) -> None:
        """A scan of the whole table begins: its rows are those of now, and all leaves are read with it.

        What is left of leaves that left is only taken out where it `sweeps`.
        """
        for leaf in (*self._unread(table.name), *self._left(table.name)):
            self._sink.record(leaf_key(str(table.name), leaf), None)
        self._record(DefinitionMark.of(table.name, table.marks, (), () if sweeps else self._left(table.name)))

    def moved(self, table: TableName, marks: Mapping[int, str]) -> None:
        """The same definition has other marks."""
        if str(table) in self._stored:
            self._record(DefinitionMark.of(table, marks, self._unread(table), self._left(table)))

    def leaf_read(self, table: CapturedTable, leaf: int) -> None:
        """All rows of a leaf that came were read."""
        self._sink.record(leaf_key(str(table.name), leaf), None)
        unread = [each for each in self._unread(table.name) if each != leaf]
        self._record(DefinitionMark.of(table.name, table.marks, unread, self._left(table.name)))

    def _unread(self, table: TableName) -> Iterable[int]:
        known = self._stored.get(str(table))
        return known.unread if known is not None else ()

    def _left(self, table: TableName) -> Iterable[int]:
        known = self._stored.get(str(table))
        return known.left if known is not None else ()

    def _record(self, mark: DefinitionMark) -> None:
        self._stored[mark.table] = mark
        self._sink.record(mark.record_key, mark.to_json())
