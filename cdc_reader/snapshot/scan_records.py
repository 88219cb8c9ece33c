"""
What is recorded of each table's scans, and how many rows the next one should find (rule S7).

A complete scan tells the number; deletes that the stream saw lower it, a truncate makes it zero.

Keeps: S7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cdc_reader.publishing.event_sink import EventSink
from cdc_reader.snapshot.scans import RUNNING, VOID
from cdc_reader.tables.captured import CapturedTable
from schemas.names import TableName
from schemas.offsets import SnapshotProgress


class RecordedScans:
    """Progress by table, and the rows that the last complete scan found, less what went since."""

    def __init__(self, progress: Mapping[TableName, SnapshotProgress], sink: EventSink) -> None:
        self._progress = dict(progress)
        self._sink = sink
        self._rows: dict[TableName, int | None] = {
            table: recorded.complete_rows for table, recorded in progress.items()
        }
        self._alone = {table: recorded.alone_rows for table, recorded in progress.items()}

    def rows(self, table: TableName) -> int | None:
        """How many rows the next complete scan should find; None when no scan has told."""
        return self._rows.get(table)

    def alone(self, table: TableName) -> int:
        """How many rows of leaves were read alone while the scan of the table was under way."""
        return self._alone.get(table, 0)

    def begun(self, progress: SnapshotProgress) -> None:
        """A scan begins: what is in the table now it finds itself."""
        if progress.leaf is None:
            self._alone[TableName.parse(progress.table)] = 0
        self.record(progress)

    def found(self, table: TableName, rows: int) -> None:
        """A complete scan found so many rows."""
        self._rows[table] = rows

    def added(self, table: TableName, rows: int) -> None:
        """So many rows came with a leaf: the next complete scan should find them too, one under way need not."""
        if (progress := self._progress.get(table)) is None:
            return
        if progress.state == RUNNING:
            self._alone[table] = self.alone(table) + rows
        if (known := self.rows(table)) is not None:
            self._rows[table] = known + rows
        self.record(progress)

    def emptied(self, table: TableName) -> None:
        """The table, or a part of it, was truncated: any number of rows is right, for the next reader too."""
        self._rows[table] = 0
        if (progress := self._progress.get(table)) is not None:
            self.record(progress)

    def record(self, progress: SnapshotProgress) -> None:
        """Write a scan's progress, and how many rows the next one should find, with the next commit.

        A leaf that is read alone has progress of its own, beside that of its root.
        """
        if progress.leaf is not None:
            self._sink.record(progress.record_key, progress.to_json())
            return
        table = TableName.parse(progress.table)
        progress = replace(progress, complete_rows=self.rows(table), alone_rows=self.alone(table))
        self._progress[table] = progress
        self._sink.record(progress.record_key, progress.to_json())

    def begin_again(self, table: TableName, cause: str) -> None:
        """Let whoever starts next scan the table from the start, and sweep; the rows known are still this table's."""
        progress = self._progress.get(table)
        if progress is not None and progress.state != VOID:
            self.record(replace(progress, state=VOID, cause=cause, sweeps=True))

    def remember_deletes(self, tables: Mapping[TableName, CapturedTable]) -> None:
        """Lower what the next scans should find by the deletes that the stream saw."""
        for name, table in tables.items():
            known, progress = self.rows(name), self._progress.get(name)
            if table.deletes and known and progress is not None and progress.state != RUNNING:
                self._rows[name] = max(0, known - table.deletes)
                table.forget_deletes()
                self.record(progress)
