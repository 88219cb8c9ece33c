"""Edge: what the pipeline's topics tell: position, snapshots, captured tables, lag of the groups."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cdc_reader.discovery.captures import CAPTURED, REPLICATION
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.positions import read_to_end
from cdc_runtime.settings.models import KafkaSettings
from cdc_runtime.unreadable import UNREADABLE
from rowferry.kafka_groups import KafkaGroups
from rowferry.status.report import Group, TopicLag
from schemas.errors import RecordError
from schemas.offsets import POSITION_KEY, SNAPSHOT_PREFIX, Position, SnapshotProgress
from schemas.poll_marks import POLL_PREFIX, PollMark
from schemas.tables import TableEntry
from schemas.topics import Topics

# Below, records are counted one by one: a transaction's marker takes an offset and is no record.
_COUNTED_ONE_BY_ONE = 10
_TIMEOUT_S = 10.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored:
    """What the reader has stored in its topics."""

    position: Position | None
    snapshots: tuple[SnapshotProgress, ...]
    polls: tuple[PollMark, ...]
    entries: tuple[TableEntry, ...]

    @property
    def captures(self) -> dict[str, int]:
        """How many tables are captured in which way."""
        return dict(Counter(entry.capture.mode for entry in self.entries))

    @property
    def set_aside(self) -> dict[str, str]:
        """Why tables that have rows in their topics are not captured any longer (rule D8)."""
        left = (entry for entry in self.entries if entry.binds and entry.capture.mode not in CAPTURED)
        return {str(entry.name): entry.capture.reason for entry in left}

    @property
    def waiting(self) -> dict[str, str]:
        """Why partitions of tables that are captured are not captured with them (rule D8)."""
        captured = [entry for entry in self.entries if entry.capture.mode == REPLICATION]
        return {f"{leaf} of {entry.name}": why for entry in captured for leaf, why in entry.waiting.items()}


@dataclass(frozen=True, slots=True)
class GroupNames:
    """The consumer groups of the services."""

    sink: str
    fetcher: str


def read_stored(settings: KafkaSettings, source: str) -> Stored:
    """
    Read the reader's topics to their end; nothing where they do not exist yet. Raises `Unreachable`.

    What cannot be read is told, and left out.
    """
    admin, topics = KafkaAdmin(settings), Topics(settings.prefix)
    admin.wait_until_reachable(_TIMEOUT_S)
    offsets = _latest(settings, topics.offsets(source), admin)
    tables = _latest(settings, topics.tables, admin)
    snapshots = [record for key, record in sorted(offsets.items()) if key.startswith(SNAPSHOT_PREFIX)]
    polls = [record for key, record in sorted(offsets.items()) if key.startswith(POLL_PREFIX)]
    entries = _read(TableEntry.from_json, (record for _, record in sorted(tables.items())))
    return Stored(
        position=next(_read(Position.from_json, (offsets[key] for key in [POSITION_KEY] if key in offsets)), None),
        snapshots=tuple(_read(SnapshotProgress.from_json, snapshots)),
        polls=tuple(_read(PollMark.from_json, polls)),
        entries=tuple(entry for entry in entries if not entry.deleted),
    )


def _read(from_json: Callable[[bytes], T], records: Iterable[Record]) -> Iterator[T]:
    for record in records:
        try:
            yield from_json(record.value or b"")
        except RecordError as exc:
            UNREADABLE.passed_over(record, exc, "it is left out")


def read_groups(settings: KafkaSettings, names: GroupNames, entries: Sequence[TableEntry]) -> list[Group]:
    """Members and lag of the groups over the topics that they read; raises `Unreachable`.

    The fetcher is left out before one has run.
    """
    admin, topics = KafkaAdmin(settings), Topics(settings.prefix)
    tables = {entry.topic: entry.name.document_table for entry in entries}
    results = {topics.files: "_files", topics.file_rows: "_file_rows"}
    found = [_group(settings, admin, names.sink, tables | results)]
    if admin.topic_id(topics.file_refs) is not None:
        holding = {entry.topic: entry.name.document_table for entry in entries if entry.file_columns}
        found.append(_group(settings, admin, names.fetcher, holding))
    return found


def _group(settings: KafkaSettings, admin: KafkaAdmin, name: str, called: Mapping[str, str]) -> Group:
    """A group that reads these topics, as far as there are such."""
    groups = KafkaGroups(settings)
    counts = admin.partition_counts(list(called))
    places = [TopicPartition(topic, at) for topic, count in counts.items() for at in range(count)]
    ends, begins = admin.end_offsets(places), admin.begin_offsets(places)
    committed = groups.committed(name, places)
    starts = {place: max(committed.get(place, 0), begins[place]) for place in places}
    lag = _lag(groups, starts, ends)
    return Group(
        name, groups.members(name), tuple(TopicLag(called[topic], topic, lag[topic]) for topic in sorted(counts))
    )


def _lag(
    groups: KafkaGroups, starts: dict[TopicPartition, int], ends: dict[TopicPartition, int]
) -> defaultdict[str, int]:
    behind = {place: ends[place] - start for place, start in starts.items() if ends[place] > start}
    few = {place: starts[place] for place, records in behind.items() if records <= _COUNTED_ONE_BY_ONE}
    behind |= groups.count_records(few) if few else {}
    lag: defaultdict[str, int] = defaultdict(int)
    for place, records in behind.items():
        lag[place.topic] += records
    return lag


def _latest(settings: KafkaSettings, topic: str, admin: KafkaAdmin) -> dict[bytes, Record]:
    if admin.topic_id(topic) is None:
        return {}
    latest: dict[bytes, Record] = {}
    for record in read_to_end(settings, topic, admin=admin):
        if record.key is not None and record.value is not None:
            latest[record.key] = record
        elif record.key is not None:
            latest.pop(record.key, None)
    return latest
