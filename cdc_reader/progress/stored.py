"""
Edge: what earlier lives of the reader left in Kafka: position, floors, progress, entries, commands, versions.

Read after fencing, to the true end of each topic (rule P1), so that nothing can be added behind our back.

Keeps: P1, V8.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog

from cdc_runtime.consuming.records import Record
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.positions import last_records, read_to_end
from cdc_runtime.settings.models import KafkaSettings
from schemas.control import Command, State
from schemas.errors import RecordError
from schemas.offsets import (
    FLOORS_KEY,
    POSITION_KEY,
    PUBLICATION_KEY,
    SNAPSHOT_PREFIX,
    TOPICS_KEY,
    Position,
    PublicationMark,
    SnapshotProgress,
    mapping_from_json,
)
from schemas.tables import TableEntry
from schemas.tombstones import HEADER_VERSION, peek_version
from schemas.topics import Topics

logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class StoredProgress:
    """What `_offsets.<source>` and `_tables` hold. `topics`: topic -> id; entries by `str(TableName)`."""

    position: Position | None = None
    floors: dict[str, int] = field(default_factory=dict)
    topics: dict[str, str] = field(default_factory=dict)
    publication: PublicationMark | None = None
    snapshots: dict[str, SnapshotProgress] = field(default_factory=dict)
    entries: dict[str, TableEntry] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    control_next: int = 0


def read_stored(kafka: KafkaSettings, source: str, admin: KafkaAdmin) -> StoredProgress:
    """Read everything of this source; raises `RecordError` for records that are not ours."""
    topics = Topics(kafka.prefix)
    stored = StoredProgress()
    for record in read_to_end(kafka, topics.offsets(source), admin=admin):
        _take_offset(stored, record)
    for record in read_to_end(kafka, topics.tables, admin=admin):
        key = (record.key or b"").decode()
        if record.value is None:
            stored.entries.pop(key, None)
        else:
            stored.entries[key] = TableEntry.from_json(record.value)
    for record in read_to_end(kafka, topics.control, admin=admin):
        stored.control_next = record.offset + 1
        if (command := read_command(record)) is not None:
            keep_command(stored.commands, command)
    return stored


def read_command(record: Record) -> Command | None:
    """The command in a record; None for a tombstone, and for what is no command, which is told in the log."""
    if record.value is None:
        return None
    try:
        return Command.from_json(record.value)
    except RecordError as exc:
        logger.warning("command_unreadable", topic=record.topic, offset=record.offset, reason=str(exc))
        return None


def keep_command(commands: dict[str, Command], command: Command) -> None:
    """Keep a command that is not over, forget one that is."""
    if command.state in (State.DONE, State.REFUSED):
        commands.pop(command.id, None)
    else:
        commands[command.id] = command


def _take_offset(stored: StoredProgress, record: Record) -> None:
    key, value = record.key or b"", record.value
    if key.startswith(SNAPSHOT_PREFIX):
        table = key[len(SNAPSHOT_PREFIX) :].decode()
        if value is None:
            stored.snapshots.pop(table, None)
        else:
            stored.snapshots[table] = SnapshotProgress.from_json(value)
    elif key == POSITION_KEY:
        stored.position = None if value is None else Position.from_json(value)
    elif key == FLOORS_KEY:
        stored.floors = {} if value is None else mapping_from_json("floors", value)
    elif key == TOPICS_KEY:
        stored.topics = {} if value is None else mapping_from_json("topics", value)
    elif key == PUBLICATION_KEY:
        stored.publication = None if value is None else PublicationMark.from_json(value)


def published_versions(kafka: KafkaSettings, topics: Iterable[str], admin: KafkaAdmin) -> list[int]:
    """The version of the last committed record of every partition of the table topics (rule V8)."""
    versions: list[int] = []
    for topic in topics:
        for record in last_records(kafka, topic, admin=admin).values():
            if record.value is not None:
                versions.append(peek_version(record.value))
            elif (version := record.header(HEADER_VERSION)) is not None:
                versions.append(int(version))
    return versions
