"""
Tables that are captured no longer: dropped, recreated under another OID, or taken out of the selection.

A marker is written after the cause was seen; when it is received, every event of the old table lies before it, so a
sweep below the next version takes all rows out of the topics (rules D1, S7).

Keeps: D1, S7.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

import structlog

from cdc_reader.postgres.wal_messages import emit_message
from cdc_reader.postgres.workers import SideWork
from cdc_reader.progress.ready import Ready
from cdc_reader.progress.versions import Versions
from cdc_reader.publishing.event_sink import EventSink
from cdc_reader.publishing.floors import Floors
from cdc_reader.tables.captured import CapturedTable
from cdc_reader.transcode import EventContext
from schemas.errors import RowferryError

logger = structlog.get_logger(__name__)


class RemovedTables:
    """The last sweeps of a session's start."""

    def __init__(self, ready: Ready, sink: EventSink, floors: Floors, *, source: str, tables_topic: str) -> None:
        self._leaving: Sequence[CapturedTable] = ready.tables.removed
        self._still_there = set(ready.tables.entries)
        self._snapshots = ready.stored.snapshots
        self._versions: Versions = ready.versions
        self._sink = sink
        self._floors = floors
        self._tables_topic = tables_topic
        self._marker = f"{source}/{uuid.uuid4().hex}:removed"

    def begin(self, side: SideWork) -> None:
        """Write the marker, where there is something to take out."""
        if self._leaving:
            side.submit(lambda worker: emit_message(worker.connection, self._marker), lambda _: None, _lost, alone=True)

    def on_message(self, content: str, lsn: int, context: EventContext) -> bool:
        """Sweep, when this is the marker; tells whether it was."""
        if content != self._marker:
            return False
        for table in self._leaving:
            self._take_out(table, lsn, context)
        self._leaving = ()
        return True

    def _take_out(self, table: CapturedTable, lsn: int, context: EventContext) -> None:
        below = self._versions.next(context.ts_ms * 1000)
        self._floors.sweep(table, below, context=context, lsn=lsn)
        gone = table.name not in self._still_there
        because = "dropped, or no longer selected" if gone else "made again"
        logger.warning("table_removed_from_index", table=str(table.name), because=because)
        if not gone:
            return
        entry = replace(table.entry, deleted=True, version=self._versions.next(context.ts_ms * 1000))
        self._sink.add(self._tables_topic, entry.record_key, entry.to_json(), context.ts_ms)
        progress = self._snapshots.get(str(table.name))
        if progress is not None:
            self._sink.record(progress.record_key, None)


def _lost(exc: RowferryError) -> None:
    logger.warning("removal_waits_for_the_next_start", reason=str(exc))
