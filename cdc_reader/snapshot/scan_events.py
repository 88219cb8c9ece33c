"""
What scans publish: the rows of a chunk at its high watermark, and the sweep behind the last one.

Keeps: S7.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdc_reader.progress.versions import Versions
from cdc_reader.publishing.event_sink import EventSink
from cdc_reader.publishing.floors import Floors
from cdc_reader.publishing.tombstones import publish_tombstone
from cdc_reader.snapshot.window import ChunkRows, Window
from cdc_reader.tables.captured import CapturedTable
from cdc_reader.transcode import EventContext
from schemas.envelope import MODE_SNAPSHOT, OP_DELETE, OP_READ


@dataclass(frozen=True, slots=True)
class Watermark:
    """A message of ours that came back: where it was, and in which transaction."""

    lsn: int
    context: EventContext

    @property
    def snapshot(self) -> EventContext:
        """The context of what is published here."""
        at = self.context
        return EventContext(MODE_SNAPSHOT, at.xid, at.commit_lsn, at.commit_ts_us, at.ts_ms)


class ScanEvents:
    """Publishes into the open Kafka transaction."""

    def __init__(self, sink: EventSink, floors: Floors, versions: Versions) -> None:
        self._sink = sink
        self._floors = floors
        self._versions = versions

    def boundary(self, watermark: Watermark) -> int:
        """A version above all that was published so far: what a sweep is to be below (rule S7)."""
        return self._versions.next(watermark.context.ts_ms * 1000)

    def sweep(self, table: CapturedTable, below: int, watermark: Watermark) -> None:
        """Publish that no row of the table with a version below `below` exists any more."""
        self._floors.sweep(table, below, context=watermark.snapshot, lsn=watermark.lsn)

    def chunk(self, table: CapturedTable, window: Window, rows: ChunkRows, watermark: Watermark) -> None:
        """Publish the rows of a chunk that the stream did not overtake, and deletes of keys that have none."""
        context, lsn, encoder = watermark.snapshot, watermark.lsn, table.encoder
        now_us, ts_ms = context.ts_ms * 1000, context.commit_ts_us // 1000
        ordinal = 0
        for key, row, omitted in window.surviving(rows):
            ordinal += 1
            version = self._versions.next(now_us)
            if omitted:
                event = encoder.event(
                    OP_READ, context, lsn=lsn, version=version, ordinal=ordinal, after=row, omitted=omitted
                )
            else:
                event = encoder.read_event(row, context, lsn, version, ordinal)
            self._sink.add(table.topic, key, event, ts_ms)
        for key in window.gone(rows):
            ordinal += 1
            version = self._versions.next(now_us)
            event = encoder.event(OP_DELETE, context, lsn=lsn, version=version, ordinal=ordinal)
            self._sink.add(table.topic, key, event, ts_ms)
            publish_tombstone(self._sink, table.topic, key, version, context.ts_ms)
