"""
Floor events: "no row of this table with a version below N exists any more" (truncate and sweep).

Rule V1: floors only rise; every floor event carries the greatest N so far, since compaction keeps one per partition.
Rule V4: a floor event goes into every partition of the table's topic, under one reserved key.

Keeps: V1, V4.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdc_reader.progress.versions import Versions
from cdc_reader.publishing.event_sink import EventSink
from cdc_reader.tables.captured import CapturedTable
from cdc_reader.transcode import EventContext
from schemas.envelope import OP_SWEEP, OP_TRUNCATE
from schemas.keys import FLOOR_KEY
from schemas.offsets import FLOORS_KEY, mapping_to_json


class Floors:
    """The floor of each table, by `str(TableName)`."""

    def __init__(self, floors: Mapping[str, int], sink: EventSink, versions: Versions) -> None:
        self.values = dict(floors)
        self._sink = sink
        self._versions = versions

    def truncate(self, table: CapturedTable, version: int, *, context: EventContext, lsn: int, ordinal: int) -> None:
        """Publish that the table was emptied by a change of this version."""
        self._publish(table, OP_TRUNCATE, version, version, context=context, lsn=lsn, ordinal=ordinal)

    def sweep(self, table: CapturedTable, below: int, *, context: EventContext, lsn: int) -> None:
        """Publish that no row of the table with a version below `below` exists any more."""
        version = self._versions.next(context.ts_ms * 1000)
        self._publish(table, OP_SWEEP, version, below, context=context, lsn=lsn, ordinal=0)

    def _publish(
        self, table: CapturedTable, op: str, version: int, below: int, *, context: EventContext, lsn: int, ordinal: int
    ) -> None:
        name = str(table.name)
        floor = max(self.values.get(name, 0), below)
        self.values[name] = floor
        event = table.encoder.event(op, context, lsn=lsn, version=version, ordinal=ordinal, below_version=floor)
        for partition in range(table.entry.partitions):
            self._sink.add_to(
                table.topic, FLOOR_KEY, event, context.commit_ts_us // 1000, partition=partition, headers=()
            )
        self._sink.record(FLOORS_KEY, mapping_to_json("floors", self.values))
