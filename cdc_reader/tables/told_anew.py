"""
What the catalog tells anew of tables while they are streamed: their entries and marks follow, and nothing is read.

A default, a comment, NOT NULL are in `_tables`, and in no event; statistics, grants and owners are in neither. The rest
needs a new session (`discovery.definition_changes`).

Keeps: D1, D9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cdc_reader.discovery.captures import CAPTURED
from cdc_reader.discovery.definition_changes import Comparison
from cdc_reader.progress.versions import Versions
from cdc_reader.publishing.event_sink import EventSink
from cdc_reader.snapshot.definition_records import RecordedDefinitions
from cdc_reader.tables.captured import CapturedTable
from schemas.names import TableName
from schemas.tables import TableEntry


class ToldAnew:
    """Follows comparisons on the stream's thread, in the open Kafka transaction; `entries` are the session's."""

    def __init__(
        self,
        entries: dict[TableName, TableEntry],
        tables: Mapping[TableName, CapturedTable],
        definitions: RecordedDefinitions,
        sink: EventSink,
        versions: Versions,
        *,
        topic: str,
    ) -> None:
        self._entries = entries
        self._tables = tables
        self._definitions = definitions
        self._sink = sink
        self._versions = versions
        self._topic = topic

    def follow(self, found: Comparison, now_us: int) -> None:
        """Write what is told anew; `now_us` is the wall clock in microseconds."""
        for told in found.told:
            known = self._entries[told.name]
            # What explains the rows of a table that is captured no longer stays (decision 0009).
            if known.capture.mode in CAPTURED or not known.binds:
                self._tell(known, told, now_us)
        for name, marks in found.marks.items():
            if (table := self._tables.get(name)) is not None:
                table.marks = marks
                self._definitions.moved(name, marks)

    def _tell(self, known: TableEntry, told: TableEntry, now_us: int) -> None:
        version = self._versions.next(now_us)
        entry = replace(known, version=version, description=told.description, columns=told.columns)
        self._entries[entry.name] = entry
        if (table := self._tables.get(entry.name)) is not None:
            table.entry = entry
        self._sink.add(self._topic, entry.record_key, entry.to_json(), now_us // 1000)
