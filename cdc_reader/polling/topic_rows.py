"""
Edge: brings the list of what a topic holds up to its end.

Keeps: L1, P1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import islice

from cdc_reader.polling.known_rows import KnownRows
from cdc_runtime.consuming.records import Record
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.tail import FROM_BEGINNING, Tail
from cdc_runtime.settings.models import KafkaSettings

_BATCH = 5_000


def catch_up(rows: KnownRows, kafka: KafkaSettings, topic: str, admin: KafkaAdmin) -> None:
    """Read what the topic has had since, to its true end; raises our errors."""
    known = rows.next_offsets()  # of some partitions alone, where reading the topic for the first time was cut off
    start = {each.partition: known.get(each.partition, FROM_BEGINNING) for each in admin.topic_partitions(topic)}
    with closing(Tail(kafka, topic, start, admin=admin)) as tail:
        records: Iterator[Record] = tail.read_to_end()
        while batch := list(islice(records, _BATCH)):
            # Behind what was handed out, where a batch ends between two polls of the tail.
            ends = {record.partition: record.offset + 1 for record in batch}
            rows.take(batch, ends)
        rows.take((), tail.next_offsets)
