"""A member of the group for tests: a real order of rows, offsets, store and settlement; the rest is made by hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cdc_runtime.consuming.backpressure import Backpressure, Bounds
from cdc_runtime.consuming.dead_letters import Failure
from cdc_runtime.consuming.partitions import Partitions
from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.consuming.row_changes import Floor
from cdc_runtime.consuming.topic_lives import Log, Start
from cdc_runtime.health import Health
from cdc_runtime.metrics import Metrics
from file_fetcher.fetcher import Fetcher
from file_fetcher.fetching.threads import Task
from file_fetcher.floor_runs import FloorRuns
from file_fetcher.intake.admission import Admission
from file_fetcher.intake.assignment import Assignment
from file_fetcher.intake.file_columns import FileColumns
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.intake.table_refresh import TableRefresh
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.open_works import OpenWorks
from file_fetcher.publishing_again import PublishingAgain
from file_fetcher.references.changes import Waits, change_of
from file_fetcher.references.local import ReferenceStore
from file_fetcher.references.placements import Placements
from file_fetcher.references.retries import Retry
from file_fetcher.retries_due import DueRetries
from file_fetcher.settling.finished_works import FinishedWorks, Pace
from file_fetcher.settling.kafka_transactions import KafkaTransactions, Membership
from file_fetcher.work import Fetch, Outcome, Row
from schemas.errors import Unreachable
from schemas.names import TableName
from tests.unit.file_fetcher.brokers import Broker
from tests.unit.file_fetcher.rows import OWN_TOPICS, PARTITION, TOPIC, TOPICS, got, reference, row

OTHER = TopicPartition(TOPIC, 5)
MEMBER = Membership("generation 7", lambda topic_partition: None)


@dataclass
class _Reading:
    """What records say, by their value; an exception is raised, once for each that is listed."""

    says: dict[bytes, Any] = field(default_factory=dict)

    def read(self, table: TableName, record: Record) -> Row | Floor | None:
        said = self.says[record.value or b""]
        said = said.popleft() if isinstance(said, deque) and len(said) > 1 else said
        said = said[0] if isinstance(said, deque) else said
        if isinstance(said, Exception):
            raise said
        read: Row | Floor | None = said(record) if callable(said) else said
        return read

    def knows(self, table: TableName, record: Record) -> bool:
        return False


@dataclass
class _Fetching:
    """Outcomes by the location of a reference; fetched, where none is given."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def place(self, fetch: Fetch, table: str) -> str:
        return f"place of {fetch.reference.location}"

    def fetch(self, fetch: Fetch, table: str, *, cancelled: Callable[[], bool], downloaded: Any) -> Outcome | None:
        self.asked.append(fetch.reference.location)
        return None if cancelled() else self.outcome(fetch)

    def outcome(self, fetch: Fetch) -> Outcome:
        return self.outcomes.get(fetch.reference.location, got())


@dataclass
class _Downloads:
    """Tasks that run when the test says so."""

    tasks: deque[Task] = field(default_factory=deque)
    places: list[str] = field(default_factory=list)
    error: BaseException | None = None

    def submit(self, task: Task, place: str = "") -> None:
        self.tasks.append(task)
        self.places.append(place)

    def keep(self, outcome: object, size_bytes: int) -> None:
        assert size_bytes > 0

    def run(self) -> None:
        while self.tasks:
            self.tasks.popleft()(lambda problem: None)


@dataclass
class _Letters:
    """Dead letters are stored at once, or when there is no problem any more."""

    written: list[Record] = field(default_factory=list)
    _waiting: list[tuple[Record, Future[None]]] = field(default_factory=list)
    _problem: Unreachable | None = None

    def submit(self, record: Record, failure: Failure, on_trouble: Callable[[str | None], None]) -> Future[None]:
        stored: Future[None] = Future()
        self._waiting.append((record, stored))
        if self._problem is not None:
            on_trouble(str(self._problem))
        self.problem = self._problem
        return stored

    @property
    def problem(self) -> Unreachable | None:
        return self._problem

    @problem.setter
    def problem(self, problem: Unreachable | None) -> None:
        self._problem = problem
        while self._waiting and problem is None:
            record, stored = self._waiting.pop(0)
            self.written.append(record)
            stored.set_result(None)


class _Tables:
    """Nothing ever changes."""

    def refresh(self) -> None:
        """Nothing new."""

    poll = refresh


class _Tasks:
    """Work is done at once."""

    def run(self, work: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work())
        return future


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


# The modules of a member that read a clock.
CLOCKED = (
    "fetcher",
    "open_works",
    "intake.admission",
    "retries_due",
    "floor_runs",
    "publishing_again",
    "settling.finished_works",
    "settling.kafka_transactions",
)


def stop_clocks(patch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Have a member look at this clock."""
    for name in CLOCKED:
        patch.setattr(f"file_fetcher.{name}.time", clock)


class World:
    """A fetcher with real offsets, store, order and settlement of rows; what is beyond the process is made by hand."""

    def __init__(self, store: ReferenceStore, clock: Clock, max_open: int = 6) -> None:
        self.clock, self.store = clock, store
        self.broker, self.reading, self.fetching = Broker(), _Reading(), _Fetching()
        self.downloads, self.letters = _Downloads(), _Letters()
        self.health = Health("file-fetcher")
        self.health.ready()
        self.next_offset = dict.fromkeys((PARTITION, OTHER), 5)
        self.versions = 10
        self.metrics = metrics = FetcherMetrics(Metrics("file-fetcher", "1"), "group")
        partitions: Partitions[TablePartition] = Partitions()
        fakes: Any = self
        transactions = KafkaTransactions(
            fakes.broker, store, partitions, own_topics=OWN_TOPICS, catch_up=self.catch_up, metrics=metrics
        )
        backpressure: Backpressure[TopicPartition] = Backpressure(
            Bounds(records=max_open, partition_records=max_open // 2)
        )
        works = OpenWorks(
            store, partitions, fakes.fetching, fakes.downloads, backpressure=backpressure, metrics=metrics
        )
        tasks: Any = _Tasks()
        plans = FileColumns(lambda table: None, lambda fingerprint: None)
        admission = Admission(
            fakes.reading,
            TableRefresh(_Tables(), plans, tasks),
            fakes.letters,
            metrics=metrics,
            health=self.health,
            offer=works.offer,
        )
        self.fetcher = Fetcher(
            Assignment(partitions, TOPICS, backpressure, max_open, metrics=metrics, health=self.health),
            admission,
            works,
            retries=DueRetries(store, fakes.reading, metrics),
            floors=FloorRuns(store, works, transactions, OWN_TOPICS),
            publishing_again=PublishingAgain(store, transactions, OWN_TOPICS),
            finished=FinishedWorks(
                works, transactions, self.health, Pace(publish_interval_s=0.2, commit_interval_s=5.0)
            ),
        )

    def catch_up(self, partitions: Sequence[int]) -> None:
        self.store.apply([change_of(each, Placements(3)) for each in self.broker.log if each.topic == TOPICS.file_refs])
        retries = [each for each in self.broker.log if each.topic == TOPICS.retry(OWN_TOPICS.group)]
        self.store.apply([Waits(Retry.from_record(each, TOPICS)) for each in retries])

    def own(self, *partitions: TopicPartition, ready: bool = True) -> list[TablePartition]:
        taken = self.fetcher.assign(partitions or [PARTITION])
        for held in taken if ready else ():
            self.ready(held)
        return taken

    def ready(self, held: TablePartition, next_offset: int | None = None) -> None:
        """What is remembered of it was read: it begins where it is committed, or where the test says."""
        if next_offset is None:
            next_offset = self.broker.committed.get(held.topic_partition, 5)
        self.fetcher.ready(held, Start(Log("life 1", 0, 1_000), CommittedPosition(next_offset, None)))

    def event(self, *locations: str, name: str = "photos/7", topic_partition: TopicPartition = PARTITION) -> Record:
        """The next record of a partition: a row that refers to these."""
        self.versions += 1
        columns = ("image_s3_key", "url")
        found = (reference(each, column) for each, column in zip(locations, columns, strict=False) if each)
        own = (replace(each, file_id=each.file_id.replace("photos/7", name)) for each in found)
        of = row(self.versions, *own, record_id=name, partition=topic_partition.partition)
        return self.record(of, topic_partition)

    def floor(self) -> Record:
        """The next record: nothing older than itself exists any more."""
        self.versions += 1
        version = self.versions
        return self.record(lambda record: Floor(record, version, "t"))

    def record(self, says: Any, topic_partition: TopicPartition = PARTITION) -> Record:
        offset = self.next_offset[topic_partition]
        self.next_offset[topic_partition] += 1
        made = Record(
            topic_partition.topic,
            topic_partition.partition,
            offset,
            b"7",
            f"{topic_partition.partition}/{offset}".encode(),
            0,
        )
        self.reading.says[made.value or b""] = says
        return made

    def take(self, *records: Record) -> None:
        self.fetcher.take(records)

    def step(self, seconds: float = 1.0) -> bool:
        self.clock.now += seconds
        return self.fetcher.step(MEMBER)

    def work(self) -> None:
        """Fetch and settle until nothing is left to do."""
        for _ in range(6):
            self.downloads.run()
            self.step(5.0)

    def results(self) -> list[tuple[str, str]]:
        return [(each.file_id, each.status.value) for each in self.broker.files()]
