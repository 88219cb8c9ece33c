"""
Floor events: "no row of this table with a version below N exists any more" (truncate and sweep).

Rule V1: floors only rise; every floor event carries the greatest N so far, since compaction keeps one per partition.
Rule V4: a floor event goes into every partition of the table's topic, under one reserved key.

Keeps: V1, V4.
"""

from __future__ import annotations

from cdc_reader.publishing.event_sink import EventSink
from cdc_reader.tables.captured import CapturedTable
from cdc_reader.transcode import EventContext
from schemas.keys import FLOOR_KEY
from schemas.offsets import FLOORS_KEY, mapping_to_json


class Floors:
    """The floor of each table, by `str(TableName)`."""

    def __init__(self, floors: dict[str, int], sink: EventSink) -> None:
        self.values = dict(floors)
        self._sink = sink

    def publish(
        self,
        table: CapturedTable,
        op: str,
        version: int,
        *,
        context: EventContext,
        lsn: int,
        ordinal: int,
        below: int | None = None,
    ) -> int:
        """Publish a truncate (`below` is its own version) or a sweep; returns the floor that the event carries."""
        name = str(table.name)
        floor = max(self.values.get(name, 0), version if below is None else below)
        self.values[name] = floor
        event = table.encoder.event(op, context, lsn=lsn, version=version, ordinal=ordinal, below_version=floor)
        for partition in range(table.entry.partitions):
            self._sink.add_to(
                table.topic, FLOOR_KEY, event, context.commit_ts_us // 1000, partition=partition, headers=()
            )
        self._sink.record(FLOORS_KEY, mapping_to_json("floors", self.values))
        return floor
