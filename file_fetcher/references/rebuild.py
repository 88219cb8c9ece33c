"""
Edge: brings the local store up to date with the topics, partition by partition (rule F2).

Rule 1: both topics are read to their true end (rule P1).
Rule 2: of the retries only those count as read that were committed before the references were: several members write
        to one state partition, and a retry whose reference was not read yet would be passed over for good.
Rule 3: what a topic no longer has is forgotten only after it was read from its beginning.
Rule 4: a record that cannot be read is one row's: of a reference the row is taken for one that was never seen, and a
        retry counts as lost, so that its row is asked for.
Rule 5: where the number of partitions was another one when the state was written, nothing is forgotten and it ends.

Keeps: F2, P1, P14.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass

import structlog
from confluent_kafka import OFFSET_BEGINNING

from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.errors import TopicMissing
from cdc_runtime.kafka.tail import Tail
from cdc_runtime.settings.models import KafkaSettings
from cdc_runtime.unreadable import UNREADABLE
from file_fetcher.references.changes import StateChange, Waits, change_of
from file_fetcher.references.local import ReferenceStore
from file_fetcher.references.placements import Placements
from file_fetcher.references.positions import Extent, ReadPosition, usable
from file_fetcher.references.retries import Retry
from schemas.errors import Neighbour, RecordError, ServerSetting, TransientError
from schemas.topics import Topics

_log = structlog.get_logger(__name__)
_BATCH_RECORDS = 1_000
_BATCH_BYTES = 16 * 1024 * 1024
_WAIT_S = 90.0
_SETTLE_PAUSE_S = 0.02


def bring_up_to_date(
    store: ReferenceStore,
    settings: KafkaSettings,
    topics: Topics,
    group: str,
    partitions: Collection[int],
    *,
    of: int,
    admin: KafkaAdmin,
    wait_s: float = _WAIT_S,
) -> None:
    """
    Read what `_file_refs` and the group's retries say of these state partitions, `of` so many; blocks until the end.

    Each of its three waits (for transactions to end, for a topic to be read, twice) takes `wait_s` at most.

    May be called again at any time, with rows of these partitions at work. Raises `TopicMissing`, `Unreachable`,
    `TransientError` when another producer's transaction stays open, `ServerSetting` when the state was written with
    another number of partitions. A record that cannot be read is told, and passed over (rule P14).
    """
    wanted = sorted(set(partitions))
    if not wanted:
        return
    now_ms = int(time.time() * 1000)
    reader = _Reader(store, settings, admin, now_ms, wait_s=wait_s)
    retry_ends = reader.settled_ends(topics.retry(group), wanted)
    refs = reader.source(topics.file_refs, reader.ends(topics.file_refs, wanted))
    again = refs.partitions_from_beginning
    mark = store.begin_reading(refs.topic, again)
    placements = Placements(of)
    reader.read(refs, lambda record: change_of(record, placements))
    if (number := placements.other_number) is not None:
        raise other_number(of, number, f"records of {topics.file_refs}")
    dropped = sum(store.drop_unseen(partition, of, mark) for partition in again)
    reader.remember(refs)
    retries = reader.source(topics.retry(group), retry_ends, again=again)
    reader.read(retries, lambda record: Waits(Retry.from_record(record, topics)), bounded=True)
    reader.remember(retries)
    _log.info("references are up to date", partitions=wanted, from_beginning=again, dropped=dropped)


def other_number(found: int, used: int, by: str) -> ServerSetting:
    """The error where the state was written with a number `used` of partitions, as `by` shows, and others are there."""
    return ServerSetting(
        f"expected {used} partitions for what is remembered of files, as {by} have it, got {found}: partitions "
        "were added to the topics",
        neighbour=Neighbour.KAFKA,
        remedy=f"set state_partitions to {used}: partitions that were added are not used",
    )


@dataclass(slots=True)
class _Source:
    """Partitions of a topic: as they are, and up to where they are known (None: nothing)."""

    topic: str
    extents: dict[int, Extent]
    next_offsets: dict[int, int | None]

    @property
    def partitions_from_beginning(self) -> list[int]:
        return [partition for partition, next_offset in self.next_offsets.items() if next_offset is None]

    @property
    def at_end(self) -> bool:
        return all(
            extent.end <= (extent.begin if known is None else known)
            for extent, known in zip(self.extents.values(), self.next_offsets.values(), strict=True)
        )


class _Reader:
    """Reads for one call of `bring_up_to_date`, which began at `now_ms`."""

    def __init__(
        self, store: ReferenceStore, settings: KafkaSettings, admin: KafkaAdmin, now_ms: int, *, wait_s: float
    ) -> None:
        self._wait_s = wait_s
        self._store = store
        self._settings = settings
        self._admin = admin
        self._now_ms = now_ms

    def ends(self, topic: str, partitions: Collection[int]) -> dict[int, int]:
        """The high watermark of each partition."""
        wanted = [TopicPartition(topic, partition) for partition in partitions]
        return {each.partition: end for each, end in self._admin.end_offsets(wanted, "uncommitted").items()}

    def settled_ends(self, topic: str, partitions: Collection[int]) -> dict[int, int]:
        """The same, once every transaction that wrote below it has ended."""
        ends = self.ends(topic, partitions)
        wanted = [TopicPartition(topic, partition) for partition in partitions]
        deadline = time.monotonic() + self._wait_s
        while any(end < ends[p.partition] for p, end in self._admin.end_offsets(wanted, "committed").items()):
            if time.monotonic() > deadline:
                raise TransientError(
                    expected=f"the transactions on topic {topic} to end in {self._wait_s:g} s",
                    found="one still open",
                    neighbour=Neighbour.KAFKA,
                    remedy="another producer has a transaction open: stop it, or wait for its time-out; "
                    f"one that stays is hanging: kafka-transactions.sh --bootstrap-server "
                    f"{self._settings.bootstrap_servers} find-hanging --topic {topic} names it",
                )
            time.sleep(_SETTLE_PAUSE_S)
        return ends

    def source(self, topic: str, ends: Mapping[int, int], *, again: Collection[int] = ()) -> _Source:
        """Where to begin in each partition; from its beginning in those of `again`."""
        topic_id = self._admin.topic_id(topic)
        if topic_id is None:
            raise TopicMissing(expected=f"topic {topic} to exist", found="none")
        begins = self._admin.begin_offsets([TopicPartition(topic, partition) for partition in ends])
        known = self._store.positions(topic)
        extents, next_offsets = {}, {}
        for partition, end in ends.items():
            extent = Extent(topic_id, begins[TopicPartition(topic, partition)], end)
            position = known.get(partition)
            good = partition not in again and usable(position, extent, self._now_ms)
            extents[partition] = extent
            next_offsets[partition] = position.next_offset if position is not None and good else None
        return _Source(topic, extents, next_offsets)

    def read(self, source: _Source, decode: Callable[[Record], StateChange], *, bounded: bool = False) -> None:
        """Apply every record to the end of now; `bounded`: known is what stands before the end that the source has."""
        if bounded and source.at_end:
            return
        starts = {p: OFFSET_BEGINNING if known is None else known for p, known in source.next_offsets.items()}
        batch: list[StateChange] = []
        size = 0
        with closing(Tail(self._settings, source.topic, starts, admin=self._admin)) as tail:
            for record in tail.read_to_end(self._wait_s):
                try:
                    batch.append(decode(record))
                except RecordError as exc:
                    UNREADABLE.passed_over(record, exc, "its row is taken for one that was never seen")
                size += len(record.value or b"")
                if len(batch) >= _BATCH_RECORDS or size >= _BATCH_BYTES:
                    self._store.apply(batch)
                    batch, size = [], 0
            reached = dict(tail.next_offsets)
        self._store.apply(batch)
        for partition, next_offset in reached.items():
            extent = source.extents[partition]
            limit = extent.end if bounded else next_offset
            source.next_offsets[partition] = max(extent.begin, min(next_offset, limit))

    def remember(self, source: _Source) -> None:
        """Set the store's positions to where the source is known."""
        for partition, next_offset in source.next_offsets.items():
            extent = source.extents[partition]
            reached = extent.begin if next_offset is None else next_offset
            self._store.set_position(source.topic, partition, ReadPosition(extent.topic_id, reached, self._now_ms))
