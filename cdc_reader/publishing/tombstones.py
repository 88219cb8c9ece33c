"""
What stays behind a delete when the topic is compacted: a record without a value, with the version in a header.

Keeps: V2.
"""

from __future__ import annotations

from cdc_reader.publishing.event_sink import EventSink
from schemas.envelope import OP_DELETE
from schemas.tombstones import HEADER_OP, HEADER_VERSION


def publish_tombstone(sink: EventSink, topic: str, key: bytes, version: int, ts_ms: int) -> None:
    """Publish the tombstone of a row behind its delete."""
    headers = ((HEADER_VERSION, str(version).encode()), (HEADER_OP, OP_DELETE.encode()))
    sink.add_to(topic, key, None, ts_ms, partition=None, headers=headers)
