"""
Edge: what earlier lives of the reader left in Kafka: position, source, floors, progress, entries, commands, versions.

Read after fencing, to the true end of each topic (rule P1), so that nothing can be added behind our back.

What cannot be read of it (rule P14): the position and what goes with it can be had in no other way, so the start ends
with the remedy; an entry, or the progress of a scan, has its table read again and swept; lost floors have every scan
that is under way begin again, since any boundary that is taken from now on lies above them; a command is not obeyed.
A newer release wrote what has a newer format: that release must be started, not this one.

Keeps: P1, P14, V8.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from cdc_reader.progress.origins import Owner
from cdc_reader.remedies import OTHERS_TOPICS, RESET
from cdc_runtime.consuming.records import Record
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.positions import last_records, read_committed, read_to_end
from cdc_runtime.settings.models import KafkaSettings
from cdc_runtime.unreadable import UNREADABLE
from schemas.control import Command
from schemas.errors import GapFound, Neighbour, NewerFormat, NewerRelease, RecordError, SettingsError
from schemas.offsets import (
    DEFINITION_PREFIX,
    FLOORS_KEY,
    LEAF_PREFIX,
    POSITION_KEY,
    PUBLICATION_KEY,
    SNAPSHOT_PREFIX,
    SOURCE_KEY,
    TOPICS_KEY,
    DefinitionMark,
    Position,
    PublicationMark,
    SnapshotProgress,
    SourceMark,
    floors_from_json,
    topics_from_json,
)
from schemas.poll_marks import POLL_PREFIX, PollMark
from schemas.tables import TableEntry, table_entry
from schemas.tombstones import HEADER_VERSION, deleting_version, peek_version
from schemas.topics import Topics

_OF_TABLES = (SNAPSHOT_PREFIX, LEAF_PREFIX, DEFINITION_PREFIX, POLL_PREFIX)
_MOST_VERSION = 2**53  # in the year 2255: a record that says more is none of ours


@dataclass(slots=True)
class StoredProgress:
    """What `_offsets.<source>` and `_tables` hold. `topics`: topic -> id; entries by `str(TableName)`.

    `leaves`: the progress of partitions that are read alone, by table and OID.

    `renamed`: other names that this source had (rule D7). `finished`: commands that are over, by when (ms).
    """

    position: Position | None = None
    floors: dict[str, int] = field(default_factory=dict)
    topics: dict[str, str] = field(default_factory=dict)
    publication: PublicationMark | None = None
    source: SourceMark | None = None
    snapshots: dict[str, SnapshotProgress] = field(default_factory=dict)
    leaves: dict[tuple[str, int], SnapshotProgress] = field(default_factory=dict)
    definitions: dict[str, DefinitionMark] = field(default_factory=dict)
    polls: dict[str, PollMark] = field(default_factory=dict)
    entries: dict[str, TableEntry] = field(default_factory=dict)
    renamed: frozenset[str] = frozenset()
    commands: dict[str, Command] = field(default_factory=dict)
    finished: dict[str, int] = field(default_factory=dict)
    control_next: int = 0


def read_stored(kafka: KafkaSettings, source: str, admin: KafkaAdmin) -> StoredProgress:
    """Read everything of this source; raises `GapFound`, `NewerRelease` for a position that cannot be read."""
    topics = Topics(kafka.prefix)
    stored = StoredProgress()
    _take_offsets(stored, read_to_end(kafka, topics.offsets(source), admin=admin))
    for record in _latest(read_to_end(kafka, topics.tables, admin=admin)):
        _take_entry(stored, record)
    for record in read_to_end(kafka, topics.control, admin=admin):
        stored.control_next = record.offset + 1
        stored.finished.pop((record.key or b"").decode("utf-8", "replace"), None)
        if (command := read_command(record)) is not None:
            keep_command(stored.commands, command)
            if command.over:
                stored.finished[command.id] = record.timestamp_ms
    return stored


def read_owner(kafka: KafkaSettings, source: str, admin: KafkaAdmin) -> Owner:
    """Position and source that are committed now, without a wait for a transaction that is open.

    Nothing is fenced: its reader may be running. Raises `NewerRelease`, and `SettingsError` where neither can be read;
    where one can, it says whose they are.
    """
    topic, found = Topics(kafka.prefix).offsets(source), Owner()
    if topic not in admin.topic_ids([topic]):
        return found
    latest = {record.key: record for record in read_committed(kafka, topic, admin=admin)}
    problem: SettingsError | None = None
    for key in (POSITION_KEY, SOURCE_KEY):
        record = latest.get(key)
        if record is None or record.value is None:
            continue
        try:
            if key == POSITION_KEY:
                found = replace(found, position=Position.from_json(record.value))
            else:
                found = replace(found, source=SourceMark.from_json(record.value))
        except NewerFormat as exc:
            raise _newer(record, exc) from exc
        except RecordError as exc:
            problem = SettingsError(
                f"{_place(record)}: {exc}: whose position and topics these are is not known",
                neighbour=Neighbour.KAFKA,
                remedy=OTHERS_TOPICS,
            )
    if problem is not None and found == Owner():
        raise problem
    return found


def read_position(kafka: KafkaSettings, source: str, admin: KafkaAdmin) -> Position | None:
    """The position of `read_owner`; None when there is none."""
    return read_owner(kafka, source, admin).position


def read_command(record: Record) -> Command | None:
    """The command in a record; None for a tombstone, and for what is no command, which is told in the log."""
    if record.value is None:
        return None
    try:
        command = Command.from_json(record.value)
        if record.key != command.id.encode():
            raise RecordError("expected the id of the command as the key of its record, got another key")
    except RecordError as exc:
        UNREADABLE.passed_over(record, exc, "the command is not obeyed")
        return None
    return command


def keep_command(commands: dict[str, Command], command: Command) -> None:
    """Keep a command that is not over, forget one that is."""
    if command.over:
        commands.pop(command.id, None)
    else:
        commands[command.id] = command


def _take_offsets(stored: StoredProgress, records: Iterable[Record]) -> None:
    """Raises `GapFound`, `NewerRelease` for a position that cannot be read."""
    floors: Record | None = None
    for record in _latest(records):
        if record.value is None:
            continue
        try:
            _take_offset(stored, record.key or b"", record.value)
        except NewerFormat as exc:
            raise _newer(record, exc) from exc
        except RecordError as exc:
            if record.key == FLOORS_KEY:
                floors = record
            _without(record, exc)
    if floors is not None:
        stored.snapshots = {name: _from_the_start(each) for name, each in stored.snapshots.items()}
        stored.polls.clear()


def _without(record: Record, problem: RecordError) -> None:
    """What follows from a record of `_offsets` that cannot be read; raises `GapFound` where nothing can."""
    key = record.key or b""
    if key.startswith(LEAF_PREFIX):
        UNREADABLE.passed_over(record, problem, "the partition is read again")
    elif key.startswith((SNAPSHOT_PREFIX, DEFINITION_PREFIX, POLL_PREFIX)):
        UNREADABLE.passed_over(
            record, problem, "the table is read again, and rows that are gone from it leave the index"
        )
    elif key == FLOORS_KEY:
        UNREADABLE.passed_over(record, problem, "scans that are under way begin again")
    elif key == SOURCE_KEY:
        UNREADABLE.passed_over(record, problem, "it is written again from the position")
    else:
        raise GapFound(
            f"{_place(record)}: {problem}: where the topics end is not known",
            neighbour=Neighbour.KAFKA,
            remedy=RESET,
        ) from problem


def _take_entry(stored: StoredProgress, record: Record) -> None:
    """A record of `_tables`, the last one of its key."""
    if record.value is None:
        return
    try:
        entry = table_entry(record.key or b"", record.value)
    except NewerFormat as exc:
        raise _newer(record, exc) from exc
    except RecordError as exc:
        stored.snapshots.pop((record.key or b"").decode("utf-8", "replace"), None)
        UNREADABLE.passed_over(
            record,
            exc,
            "the entry is written again, its table read again, and rows that are gone from it leave the index",
        )
    else:
        stored.entries[str(entry.name)] = entry


def _from_the_start(progress: SnapshotProgress) -> SnapshotProgress:
    """A boundary that was taken before may lie below one that is forgotten (rule V1); a new one cannot."""
    if progress.state == "held" or (progress.state == "running" and progress.sweeps):
        return replace(progress, state="void", cause="what earlier reads of whole tables removed cannot be read")
    return progress


def _newer(record: Record, problem: NewerFormat) -> NewerRelease:
    return NewerRelease(
        f"{_place(record)}: {problem}",
        neighbour=Neighbour.KAFKA,
        remedy="start the release that wrote it, or a newer one, instead of this one",
    )


def _place(record: Record) -> str:
    return f"offset {record.offset} of {record.topic}[{record.partition}]"


def _latest(records: Iterable[Record]) -> Iterable[Record]:
    """The last record of each key: one that cannot be read may have been replaced."""
    return {record.key: record for record in records}.values()


def _take_offset(stored: StoredProgress, key: bytes, value: bytes) -> None:
    """Raises `RecordError`."""
    if key.startswith(_OF_TABLES):
        _take_of_table(stored, key, value)
    elif key == POSITION_KEY:
        stored.position = Position.from_json(value)
    elif key == FLOORS_KEY:
        stored.floors = floors_from_json(value)
    elif key == TOPICS_KEY:
        stored.topics = topics_from_json(value)
    elif key == PUBLICATION_KEY:
        stored.publication = PublicationMark.from_json(value)
    elif key == SOURCE_KEY:
        stored.source = SourceMark.from_json(value)


def _take_of_table(stored: StoredProgress, key: bytes, value: bytes) -> None:
    """Raises `RecordError`."""
    if key.startswith((SNAPSHOT_PREFIX, LEAF_PREFIX)):
        progress = SnapshotProgress.from_json(value)
        if progress.record_key != key:
            raise RecordError("expected the table of the snapshot in the key of its record, got another key")
        if progress.leaf is None:
            stored.snapshots[progress.table] = progress
        else:
            stored.leaves[progress.table, progress.leaf] = progress
    elif key.startswith(DEFINITION_PREFIX):
        mark = DefinitionMark.from_json(value)
        if mark.record_key != key:
            raise RecordError("expected the table of the definition in the key of its record, got another key")
        stored.definitions[mark.table] = mark
    else:
        poll = PollMark.from_json(value)
        if poll.record_key != key:
            raise RecordError("expected the table of the poll in the key of its record, got another key")
        stored.polls[poll.table] = poll


def published_versions(kafka: KafkaSettings, topics: Iterable[str], admin: KafkaAdmin) -> list[int]:
    """The version of the last committed record of every partition of the table topics (rule V8)."""
    versions: list[int] = []
    for topic in topics:
        for record in last_records(kafka, topic, admin=admin).values():
            try:
                versions.append(_version(record))
            except RecordError as exc:
                UNREADABLE.passed_over(record, exc, "the versions to come do not follow it")
    return versions


def _version(record: Record) -> int:
    header = record.header(HEADER_VERSION)
    version = deleting_version(header) if record.value is None else peek_version(record.value)
    if version > _MOST_VERSION:
        raise RecordError("expected a version that is a time in microseconds, got one far in the future")
    return version
