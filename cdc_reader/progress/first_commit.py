"""
The first commit of a session: what its start found goes out in one Kafka transaction, with the position.

Entries, the ids of topics, the publication and whose they are: all before anything that needs them. With the entries
goes which scans no longer count: nobody could tell by the new ones. What stands there already is not written again.

Keeps: P5, D1, D2, D7, D9.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cdc_reader.discovery.publication import publication_mark
from cdc_reader.progress.ready import Ready
from cdc_reader.publishing.publisher import Publisher
from schemas.offsets import (
    PUBLICATION_KEY,
    SOURCE_KEY,
    TOPICS_KEY,
    DefinitionMark,
    SnapshotProgress,
    SourceMark,
    mapping_to_json,
)


@dataclass(frozen=True, slots=True)
class Found:
    """What a start found that a session does not need, but the next start does.

    `source`: whose topics they are; `outdated`: scans that no longer count; `definitions`: of the tables, by name.
    """

    source: SourceMark
    outdated: Iterable[SnapshotProgress]
    definitions: Mapping[str, DefinitionMark]


def first_commit(ready: Ready, found: Found, publisher: Publisher, tables_topic: str) -> None:
    """Write what differs from what is stored; nothing is committed where nothing does."""
    _add_entries(ready, publisher, tables_topic)
    for progress in found.outdated:
        publisher.record(progress.record_key, progress.to_json())
    for name, mark in found.definitions.items():
        if ready.stored.definitions.get(name) != mark:
            publisher.record(mark.record_key, mark.to_json())
    _forget_scans(ready, publisher)
    _record_marks(ready, publisher, found.source)
    if publisher.dirty or ready.stored.position is None:
        publisher.commit(ready.position)


def _add_entries(ready: Ready, publisher: Publisher, tables_topic: str) -> None:
    known, tables, now_ms = ready.stored.entries, ready.tables, time.time_ns() // 1_000_000
    for entry in (*tables.entries.values(), *(table.entry for table in tables.removed), *tables.forgotten):
        if known.get(str(entry.name)) != entry:
            publisher.add(tables_topic, entry.record_key, entry.to_json(), now_ms)


def _forget_scans(ready: Ready, publisher: Publisher) -> None:
    """Should a table come back that is not captured, nothing that was scanned before counts."""
    stored, captured = ready.stored, {str(table.name) for table in ready.tables.captured}
    polled = {str(table.name) for table in ready.tables.polled}
    for poll in stored.polls.values():
        if poll.table not in polled:
            publisher.record(poll.record_key, None)
    scanned: list[SnapshotProgress | DefinitionMark] = [
        *stored.snapshots.values(),
        *stored.leaves.values(),
        *stored.definitions.values(),
    ]
    for record in scanned:
        if record.table not in captured:
            publisher.record(record.record_key, None)


def _record_marks(ready: Ready, publisher: Publisher, source: SourceMark) -> None:
    stored = ready.stored
    if ready.topics != stored.topics:
        publisher.record(TOPICS_KEY, mapping_to_json("topics", ready.topics))
    if ready.catalog.publication is not None:
        mark = publication_mark(ready.catalog.publication)
        if mark != stored.publication:
            publisher.record(PUBLICATION_KEY, mark.to_json())
    if source != stored.source:
        publisher.record(SOURCE_KEY, source.to_json())
