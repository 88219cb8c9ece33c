"""
What polls publish: rows that differ, deletes of keys that are gone, and the sweep behind a first read.

Keeps: L1, S7, V2.
"""

from __future__ import annotations

from collections.abc import Sequence

from cdc_reader.polling.reads import Difference
from cdc_reader.progress.versions import Versions
from cdc_reader.publishing.event_sink import EventSink
from cdc_reader.publishing.floors import Floors
from cdc_reader.publishing.tombstones import publish_tombstone
from cdc_reader.tables.captured import CapturedTable
from cdc_reader.transcode import EventContext
from schemas.envelope import MODE_POLLING, OP_CREATE, OP_DELETE, OP_READ, OP_UPDATE
from schemas.row_digests import HEADER_DIGEST


class PollEvents:
    """Publishes into the open Kafka transaction. `now_us` is the wall clock in microseconds since the Unix epoch."""

    def __init__(self, sink: EventSink, floors: Floors, versions: Versions) -> None:
        self._sink = sink
        self._floors = floors
        self._versions = versions

    def swept_below(self, table: CapturedTable) -> int:
        """Below which version nothing of the table is left, as far as it was published."""
        return self._floors.values.get(str(table.name), 0)

    def boundary(self, now_us: int) -> int:
        """A version above all that was published so far: what a sweep is to be below (rule S7)."""
        return self._versions.next(now_us)

    def rows(
        self, table: CapturedTable, differences: Sequence[Difference], *, read: bool, seen_lsn: int, now_us: int
    ) -> None:
        """Publish rows; `read`: they were asked for, and are no changes. `seen_lsn`: all of them lie before it."""
        context = _context(seen_lsn, now_us)
        for ordinal, each in enumerate(differences, 1):
            op = OP_READ if read else OP_UPDATE if each.known else OP_CREATE
            event = table.encoder.event(
                op,
                context,
                lsn=seen_lsn,
                version=self._versions.next(now_us),
                ordinal=ordinal,
                after=each.row,
                omitted=each.omitted,
            )
            headers = ((HEADER_DIGEST, each.digest),)
            self._sink.add_to(table.topic, each.key, event, now_us // 1000, partition=None, headers=headers)

    def deletes(self, table: CapturedTable, keys: Sequence[bytes], *, seen_lsn: int, now_us: int) -> None:
        """Publish that these rows are gone."""
        context = _context(seen_lsn, now_us)
        for ordinal, key in enumerate(keys, 1):
            version = self._versions.next(now_us)
            event = table.encoder.event(OP_DELETE, context, lsn=seen_lsn, version=version, ordinal=ordinal)
            self._sink.add(table.topic, key, event, now_us // 1000)
            publish_tombstone(self._sink, table.topic, key, version, now_us // 1000)

    def sweep(self, table: CapturedTable, below: int, *, seen_lsn: int, now_us: int) -> None:
        """Publish that no row of the table with a version below `below` exists any more."""
        self._floors.sweep(table, below, context=_context(seen_lsn, now_us), lsn=seen_lsn)


def _context(seen_lsn: int, now_us: int) -> EventContext:
    """A poll knows of no transaction: its time is that of the read, its position that which the read lies before."""
    return EventContext(MODE_POLLING, 0, seen_lsn, now_us, now_us // 1000)
