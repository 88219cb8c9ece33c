"""
One member of the group: takes records in, starts what may start, and settles what is finished.

Rules:
1. A record is done when everything it leads to is durable, or it leads to nothing; its offset follows.
2. Nothing of a partition is handled before what was remembered of its rows has been read (rule F2).
3. A floor stands alone in its partition (rule V4): it waits for what came before it, and what follows waits for it.
4. A record that cannot be read yet (rule P10) holds its partition; one that never can goes to the dead letters.
5. What is under way for a partition that is no longer ours has no consequence.
6. While what is remembered is being read, or is in doubt, nothing is started and nothing settled: until its end is
   read, a row that ended looks as if it were there.

Used by one thread, that of the Kafka client; fetches run in `downloads` and come back through a queue.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue

import structlog

from cdc_runtime.consuming.partitions import Partitions
from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.health import Health
from cdc_runtime.kafka.producer import DeadLetterWriter
from cdc_runtime.subjects import TRANSACTIONS
from file_fetcher.fetching.fetch import Fetching
from file_fetcher.fetching.threads import Downloads, Over
from file_fetcher.intake.admission import Admission
from file_fetcher.intake.followed_tables import FollowedTables
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.intake.record_reader import RecordReader
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.own_topics import OwnTopics
from file_fetcher.references.local import ReferenceStore
from file_fetcher.references.retries import Retry
from file_fetcher.settling.kafka_transactions import KafkaTransactions, Membership
from file_fetcher.settling.reference_diff import Change, compare, is_same
from file_fetcher.settling.row_order import RowOrder
from file_fetcher.settling.settlement import settle_floor, waiting_file
from file_fetcher.work import Fetch, Got, Outcome, Row, Work
from schemas.errors import RecordError, TransientError
from schemas.wire import UnknownSchema

_log = structlog.get_logger(__name__)
_FLOOR_PAGE = 500
_MOST_IN_A_TRANSACTION = 500
_BLOCKED_LOOK_S = 1.0
_DUE_AT_A_TIME = 200
_UNREADABLE_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is taken in, and how often something is written; all from the settings."""

    max_open_references: int
    publish_interval_s: float
    commit_interval_s: float


@dataclass(frozen=True, slots=True)
class Parts:
    """What a fetcher is joined from."""

    own_topics: OwnTopics
    store: ReferenceStore
    partitions: Partitions[TablePartition]
    following: FollowedTables
    reading: RecordReader
    fetching: Fetching
    downloads: Downloads
    transactions: KafkaTransactions
    dead_letters: DeadLetterWriter
    metrics: FetcherMetrics
    health: Health
    pace: Pace


class Fetcher:
    """The state of one member of the group."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._admission = Admission(
            parts.reading,
            parts.following,
            parts.dead_letters,
            own_topics=parts.own_topics,
            metrics=parts.metrics,
            health=parts.health,
            offer=self._offer,
        )
        self._row_order = RowOrder()
        self._ended: SimpleQueue[tuple[Work, str, Outcome | None]] = SimpleQueue()
        self._finished: list[Work] = []
        self._retrying: set[str] = set()
        self._unreadable: dict[str, float] = {}
        self._open = 0
        self._reading = False
        self._stood_still = False
        self._published_at = self._looked_at = time.monotonic()
        self.held = parts.partitions

    # -- partitions

    def assign(self, partitions: Iterable[TopicPartition]) -> list[TablePartition]:
        """Take partitions over; their records wait until they are `ready`."""
        taken = []
        for topic_partition in partitions:
            name = self._parts.own_topics.topics.parse_table(topic_partition.topic)
            if name is not None:
                held = self.held[topic_partition] = TablePartition(topic_partition, name[0])
                taken.append(held)
        self._parts.metrics.rebalanced("assign")
        self._parts.metrics.assigned.set(len(self.held))
        return taken

    def reading(self, *, begins: bool) -> None:
        """What is remembered is read from the topics, from now on or no longer."""
        self._reading = begins

    def ready(self, held: TablePartition, committed: CommittedPosition | None) -> None:
        """What was remembered of a partition's rows has been read: let its records in."""
        held.begin(committed, int(time.time() * 1000))
        held.ready = True
        if not self._still:
            self._admission.go_on(held)

    def revoke(self, partitions: Sequence[TopicPartition], member: Membership) -> None:
        """Settle what is finished, then give partitions up."""
        self._collect()
        if not self._reading:
            self._publish(member)
        self.drop(partitions, "revoke")

    def drop(self, partitions: Sequence[TopicPartition], kind: str) -> None:
        """Forget partitions; what is under way for them is cancelled."""
        gone = set(partitions)
        for topic_partition in gone:
            if (held := self.held.pop(topic_partition, None)) is not None:
                held.drop()
                self._parts.health.ready(held.subject)
        self._finished = [work for work in self._finished if work.topic_partition not in gone]
        for work in self._row_order.drop(gone):
            self._open -= work.cost
            if work.retry is not None:
                self._retrying.discard(work.retry.file_id)
        self._parts.transactions.drop(gone)
        self._show_trouble()
        self._parts.metrics.rebalanced(kind)
        self._parts.metrics.assigned.set(len(self.held))

    # -- records

    def take(self, records: Iterable[Record]) -> None:
        """Take records that were read; those of partitions that we do not hold are passed over."""
        for record in records:
            held = self.held.get(TopicPartition(record.topic, record.partition))
            if held is None:
                continue
            if self._still:
                held.backlog.append(record)
            else:
                self._admission.take(held, record)

    def step(self, member: Membership) -> bool:
        """Do what can be done now; whether something was settled. Raises our errors."""
        error = self._parts.downloads.error
        if error is not None:
            raise error
        self._collect()
        now = time.monotonic()
        if self._still:
            self._stood_still = True
            # In doubt it is what is settled first that makes things certain again.
            return not self._reading and self._publish(member)
        if self._stood_still:
            self._stood_still = False
            for held in list(self.held.values()):
                self._admission.go_on(held)
        if now - self._looked_at >= _BLOCKED_LOOK_S:
            self._looked_at = now
            self._look()
        for held in [each for each in self.held.values() if each.floor is not None]:
            self._carry_out(held, member)
        if not self._due(now, member):
            return False
        return self._publish(member)

    def turns(self) -> tuple[list[TopicPartition], list[TopicPartition]]:
        """Partitions to pause and to resume."""
        limit = self._parts.pace.max_open_references
        pause: list[TopicPartition] = []
        resume: list[TopicPartition] = []
        for held in self.held.values():
            full = self._open >= (limit // 2 if held.paused else limit)
            wanted = full or held.waits or self._still
            if wanted != held.paused:
                held.paused = wanted
                (pause if wanted else resume).append(held.topic_partition)
        self._parts.metrics.paused.set(sum(held.paused for held in self.held.values()))
        self._parts.metrics.open.set(self._open)
        return pause, resume

    @property
    def _still(self) -> bool:
        """Whether nothing may be started or settled."""
        return self._reading or self._parts.transactions.doubtful

    @property
    def own_topics(self) -> OwnTopics:
        """Where things are written."""
        return self._parts.own_topics

    @property
    def health(self) -> Health:
        """What the probes see."""
        return self._parts.health

    @property
    def idle(self) -> bool:
        """Whether nothing is under way or waits for a transaction."""
        return not self._open and not self._parts.transactions.waiting

    # -- from a record to work

    def _look(self) -> None:
        """Look at what changes by itself: tables, schemas that were missing, retries that are due."""
        self._admission.look(self.held.values())
        self._start_due()

    def _start_due(self) -> None:
        """Start the retries that are due, as far as there is room."""
        room = min(_DUE_AT_A_TIME, self._parts.pace.max_open_references - self._open)
        partitions = {
            (str(held.table), held.topic_partition.partition): held
            for held in self.held.values()
            if held.ready and held.floor is None
        }
        store, now_ms = self._parts.store, int(time.time() * 1000)
        waiting, since_ms = store.waiting(partitions)
        self._parts.metrics.retrying.set(waiting)
        self._parts.metrics.oldest_waiting.set(max(0.0, (now_ms - (since_ms or now_ms)) / 1000))
        if room <= 0 or not partitions or not waiting:
            return
        now = time.monotonic()
        self._unreadable = {file_id: until for file_id, until in self._unreadable.items() if until > now}
        for retry in store.due(now_ms, partitions, room, besides=self._retrying | self._unreadable.keys()):
            self._retry(partitions[retry.table, retry.partition], retry)

    def _retry(self, held: TablePartition, retry: Retry) -> None:
        record = Record(retry.topic, retry.partition, -1, retry.key, retry.value, 0)
        try:
            row = self._parts.reading.read(held.table, record)
        except (UnknownSchema, TransientError, RecordError) as exc:
            _log.warning("retry cannot be read now", topic=retry.topic, partition=retry.partition, reason=str(exc))
            # It must not stand before those that can be.
            self._unreadable[retry.file_id] = time.monotonic() + _UNREADABLE_PAUSE_S
            return
        if isinstance(row, Row):
            self._retrying.add(retry.file_id)
            self._offer(Work(held.topic_partition, record, row, retry=retry))

    # -- work

    def _offer(self, work: Work) -> None:
        row = work.row
        ahead = self._row_order.ahead_of(work)
        if ahead is None and not row.references and self._parts.store.get(row.record_id) is None:
            # By far the most rows: they refer to nothing, and never did.
            self.held.done(work.topic_partition, work.record.offset)
            return
        self._open += work.cost
        starts, needless = self._row_order.offer(work)
        for each in needless:
            self._closed(each)
        if starts:
            self._start(work)
        elif ahead is not None and ahead.cancelled:
            # What is under way says what the row no longer says: it is not waited for.
            self._end(ahead)

    def _start(self, work: Work) -> None:
        held = self._parts.store.get(work.row.record_id)
        now_ms = int(time.time() * 1000)
        work.started = True
        if (retry := work.retry) is not None:
            file = waiting_file(held, retry)
            reference = next((each for each in work.row.references if each.file_id == retry.file_id), None)
            if file is not None and reference is not None:
                work.fetches[file.file_id] = Fetch(reference, retry.attempt, file.since_ms or now_ms)
        elif held is None or held.row_version < work.row.version:
            difference = compare(held, work.row, self._parts.store.lost(work.row.record_id))
            before = {file.file_id: file for file in held.files} if held else {}
            for reference, change in difference.fetch:
                file = before.get(reference.file_id)
                # The same file, whose retry was lost, goes on with its attempts.
                goes_on = file is not None and is_same(file, reference, work.row)
                attempt, since_ms = (file.attempt, file.since_ms) if file is not None and goes_on else (0, now_ms)
                work.fetches[reference.file_id] = Fetch(reference, attempt, since_ms)
                self._parts.metrics.referred(change)
            self._parts.metrics.referred(Change.SAME, len(difference.same))
            self._parts.metrics.referred(Change.GONE, len(difference.gone))
        if work.finished:
            self._finished.append(work)
        for fetch in work.fetches.values():
            self._parts.downloads.submit(partial(self._fetch, work, fetch))

    def _fetch(self, work: Work, fetch: Fetch, over: Over) -> None:
        """In a thread of the downloads."""
        outcome = None
        if not work.cancelled:
            outcome = self._parts.fetching.fetch(
                fetch, work.row.source_table, cancelled=lambda: work.cancelled, downloaded=over
            )
        if isinstance(outcome, Got):
            self._parts.downloads.keep(outcome, outcome.kept_bytes)
        self._ended.put((work, fetch.reference.file_id, outcome))

    def _collect(self) -> None:
        """Take what the threads have brought."""
        while True:
            try:
                work, file_id, outcome = self._ended.get_nowait()
            except Empty:
                return
            if outcome is None or not self._row_order.is_current(work) or work.cancelled:
                continue
            work.outcomes[file_id] = outcome
            if work.finished:
                self._finished.append(work)

    def _end(self, work: Work) -> None:
        """A work needs nothing more; the next of its row may start."""
        if self._row_order.is_current(work):
            self._closed(work)
            following = self._row_order.done(work)
            if following is not None:
                self._start(following)

    def _closed(self, work: Work) -> None:
        self._open -= work.cost
        if work.retry is None:
            self.held.done(work.topic_partition, work.record.offset)
        else:
            self._retrying.discard(work.retry.file_id)

    # -- settling

    def _due(self, now: float, member: Membership) -> bool:
        """Whether it is time for a transaction."""
        since = now - self._published_at
        if self._finished or self._parts.transactions.waiting:
            return since >= self._parts.pace.publish_interval_s or len(self._finished) >= _MOST_IN_A_TRANSACTION
        if since < self._parts.pace.commit_interval_s:
            return False
        self.held.look(member.end_of, int(time.time() * 1000))
        return self._parts.transactions.due

    def _publish(self, member: Membership) -> bool:
        works, self._finished = self._finished, []
        self._published_at = time.monotonic()
        settled = self._parts.transactions.publish(works, member)
        self._show_trouble()
        for work in settled:
            self._end(work)
        return bool(settled)

    def _show_trouble(self) -> None:
        """Who cannot settle anything is not ready, whatever else it does."""
        reason = self._parts.transactions.trouble
        if reason:
            self._parts.health.not_ready(reason, TRANSACTIONS)
        else:
            self._parts.health.ready(TRANSACTIONS)

    def _carry_out(self, held: TablePartition, member: Membership) -> None:
        """Publish the next rows that a floor ends, when everything before it is settled (rule V4)."""
        parts, floor = self._parts, held.floor
        if floor is None or self._row_order.open_in(held.topic_partition):
            return
        partition = held.topic_partition.partition
        rows = parts.store.below(str(held.table), partition, floor.below_version, _FLOOR_PAGE)
        if rows:
            now_ms = int(time.time() * 1000)
            settlements = [settle_floor(row, floor.below_version, parts.own_topics, now_ms) for row in rows]
            parts.transactions.publish_apart(settlements, partition, member)
            return
        held.tracker.done(floor.record.offset)
        held.floor = None
        self._admission.go_on(held)
