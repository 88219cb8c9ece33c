from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cdc_runtime.dead_letters import DeadLetter
from cdc_runtime.freshness import Commit
from cdc_runtime.health import Health
from cdc_runtime.metrics import Metrics
from cdc_runtime.offsets import Offsets
from cdc_runtime.records import Record, TopicPartition
from cdc_runtime.row_changes import Floor
from file_fetcher import fetcher as fetchers
from file_fetcher.ages import Ages
from file_fetcher.downloads import Task
from file_fetcher.fetcher import Fetcher, Pace, Parts
from file_fetcher.partitions import Held
from file_fetcher.publication import Membership, Publication
from file_fetcher.references.changes import Waits, change_of
from file_fetcher.references.local import ReferenceStore
from file_fetcher.references.retries import Retry
from file_fetcher.telemetry import Telemetry
from file_fetcher.work import Again, Fetch, Outcome, Row
from schemas.errors import RecordError, Unreachable
from schemas.names import TableName
from schemas.wire import UnknownSchema
from tests.unit.file_fetcher.brokers import ABORTS, UNHEARD, Broker
from tests.unit.file_fetcher.rows import BOOK, PLACE, TOPIC, TOPICS, got, reference, row

OTHER = TopicPartition(TOPIC, 5)
MEMBER = Membership("generation 7", lambda place: None)
GONE = "photos/7/image_s3_key", "gone"
FETCHED = "photos/7/image_s3_key", "fetched"


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


@dataclass
class _Fetching:
    """Outcomes by the location of a reference; fetched, where none is given."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def fetch(self, fetch: Fetch, table: str, *, cancelled: Callable[[], bool], downloaded: Any) -> Outcome | None:
        self.asked.append(fetch.reference.location)
        return None if cancelled() else self.outcomes.get(fetch.reference.location, got())


@dataclass
class _Downloads:
    """Tasks that run when the test says so."""

    tasks: deque[Task] = field(default_factory=deque)
    error: BaseException | None = None

    def submit(self, task: Task) -> None:
        self.tasks.append(task)

    def keep(self, outcome: object, size_bytes: int) -> None:
        assert size_bytes > 0

    def run(self) -> None:
        while self.tasks:
            self.tasks.popleft()(lambda problem: None)


@dataclass
class _Letters:
    written: list[DeadLetter] = field(default_factory=list)
    problem: Unreachable | None = None

    def write(self, letters: Sequence[DeadLetter]) -> None:
        if self.problem is not None:
            raise self.problem
        self.written += letters


class _Following:
    def poll(self) -> None:
        """Nothing ever changes."""


class _Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


class _World:
    """A fetcher with real lanes, offsets, store and settlement, and everything beyond the process made by hand."""

    def __init__(self, store: ReferenceStore, clock: _Clock) -> None:
        self.clock, self.store = clock, store
        self.broker, self.reading, self.fetching = Broker(), _Reading(), _Fetching()
        self.downloads, self.letters, self.offsets = _Downloads(), _Letters(), Offsets()
        self.health = Health("file-fetcher")
        self.health.ready()
        self.next_offset = dict.fromkeys((PLACE, OTHER), 5)
        self.versions = 10
        telemetry, ages = Telemetry(Metrics("file-fetcher", "1"), "group"), Ages()
        publisher: Any = self.broker
        self.fetcher = Fetcher(
            Parts(
                book=BOOK,
                store=store,
                offsets=self.offsets,
                ages=ages,
                following=_Following(),  # type: ignore[arg-type]
                reading=self.reading,  # type: ignore[arg-type]
                fetching=self.fetching,  # type: ignore[arg-type]
                downloads=self.downloads,  # type: ignore[arg-type]
                publication=Publication(
                    publisher,
                    store,
                    self.offsets,
                    ages=ages,
                    book=BOOK,
                    catch_up=self.catch_up,
                    telemetry=telemetry,
                ),
                dead_letters=self.letters,  # type: ignore[arg-type]
                telemetry=telemetry,
                health=self.health,
                pace=Pace(max_open_references=6, publish_interval_s=0.2, commit_interval_s=5.0),
            )
        )

    def catch_up(self, partitions: Sequence[int]) -> None:
        self.store.apply([change_of(each, 3) for each in self.broker.log if each.topic == TOPICS.file_refs])
        retries = [each for each in self.broker.log if each.topic == TOPICS.retry(BOOK.group)]
        self.store.apply([Waits(Retry.from_record(each, TOPICS)) for each in retries])

    def own(self, *places: TopicPartition, ready: bool = True) -> list[Held]:
        taken = self.fetcher.assign(places or [PLACE])
        for held in taken if ready else ():
            self.fetcher.ready(held, Commit(5, None))
        return taken

    def event(self, *locations: str, name: str = "photos/7", place: TopicPartition = PLACE) -> Record:
        """The next record of a partition: a row that refers to these."""
        self.versions += 1
        references = (reference(each, column) for each, column in zip(locations, ("image_s3_key", "url"), strict=False))
        of = row(self.versions, *references, record_id=name, partition=place.partition)
        return self.record(of, place)

    def floor(self) -> Record:
        """The next record: nothing older than itself exists any more."""
        self.versions += 1
        version = self.versions
        return self.record(lambda record: Floor(record, version, "t"))

    def record(self, says: Any, place: TopicPartition = PLACE) -> Record:
        offset = self.next_offset[place]
        self.next_offset[place] += 1
        made = Record(place.topic, place.partition, offset, b"7", f"{place.partition}/{offset}".encode(), 0)
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


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_World]:
    clock = _Clock()
    monkeypatch.setattr(fetchers, "time", clock)
    monkeypatch.setattr("file_fetcher.publication.time", clock)
    store = ReferenceStore(tmp_path)
    yield _World(store, clock)
    store.close()


def test_row_is_fetched_settled_and_its_offset_committed(world: _World) -> None:
    world.own()
    world.take(world.event("a.pdf"))
    assert not world.step()
    assert world.broker.committed == {}
    world.downloads.run()
    assert world.step()
    assert (world.results(), world.broker.committed) == ([FETCHED], {PLACE: 6})
    assert world.fetcher.idle


def test_row_that_never_referred_to_anything_costs_nothing_but_its_offset(world: _World) -> None:
    world.own()
    world.take(world.event(), world.event())
    assert world.fetcher.idle
    world.step(5.0)
    assert world.broker.calls == [([], {PLACE: 7}, "generation 7")]


def test_f2_nothing_is_handled_before_what_was_remembered_was_read(world: _World) -> None:
    (held,) = world.own(ready=False)
    world.take(world.event("a.pdf"))
    world.work()
    assert world.fetching.asked == []
    world.fetcher.ready(held, None)
    world.work()
    assert world.results() == [FETCHED]


def test_record_before_the_committed_offset_is_not_handled_again(world: _World) -> None:
    (held,) = world.own(ready=False)
    world.take(world.event("a.pdf"), world.event("b.pdf"))
    world.fetcher.ready(held, Commit(6, None))
    world.work()
    assert world.fetching.asked == ["b.pdf"]


def test_record_that_is_delivered_twice_is_handled_once(world: _World) -> None:
    world.own()
    twice = world.event("a.pdf")
    world.take(twice)
    world.work()
    world.take(twice)
    world.work()
    assert (world.fetching.asked, world.broker.committed) == (["a.pdf"], {PLACE: 6})


def test_row_that_is_deleted_during_a_download_leaves_nothing(world: _World) -> None:
    world.own()
    world.take(world.event("a.pdf"), world.event())
    world.work()
    assert (world.results(), world.fetching.asked) == ([], [])
    assert world.store.get("photos/7") is None
    assert world.broker.committed == {PLACE: 7}


def test_row_that_changes_during_a_download_gets_the_new_file_only(world: _World) -> None:
    world.own()
    world.take(world.event("a.pdf"), world.event("b.pdf"), world.event("c.pdf"))
    world.work()
    assert (world.fetching.asked, world.results()) == (["c.pdf"], [FETCHED])
    held = world.store.get("photos/7")
    assert held is not None
    assert (held.row_version, held.files[0].key) == (13, "c.pdf")
    assert world.broker.committed == {PLACE: 8}


def test_outcome_of_a_cancelled_work_that_comes_late_counts_for_nothing(world: _World) -> None:
    world.own()
    world.take(world.event("a.pdf"))
    task = world.downloads.tasks.popleft()
    task(lambda problem: None)
    world.take(world.event("b.pdf"))
    world.work()
    assert world.results() == [FETCHED]
    held = world.store.get("photos/7")
    assert held is not None
    assert held.files[0].key == "b.pdf"


def test_row_that_changes_while_it_is_settled_follows(world: _World) -> None:
    world.own()
    world.broker.fates = [UNHEARD]
    world.take(world.event("a.pdf"))
    world.downloads.run()
    world.step()
    world.take(world.event())
    world.work()
    assert (world.results(), world.broker.committed) == ([FETCHED, GONE], {PLACE: 7})
    assert world.fetcher.idle


def test_v4_floor_stands_alone_in_its_partition(world: _World) -> None:
    world.own()
    world.take(world.event("a.pdf"), world.floor(), world.event("b.pdf"))
    world.step()
    assert (world.results(), len(world.downloads.tasks)) == ([], 1)
    world.work()
    assert world.results() == [FETCHED, GONE, FETCHED]
    assert world.broker.committed == {PLACE: 8}
    held = world.store.get("photos/7")
    assert held is not None
    assert held.files[0].key == "b.pdf"


def test_v4_floor_of_one_partition_holds_up_no_other(world: _World) -> None:
    world.own(PLACE, OTHER)
    world.take(world.event("a.pdf"), world.floor(), world.event("c.pdf", name="photos/9", place=OTHER))
    world.work()
    assert world.broker.committed == {PLACE: 7, OTHER: 6}
    assert world.store.get("photos/7") is None
    assert world.store.get("photos/9") is not None


@pytest.mark.parametrize("fate", [ABORTS, UNHEARD])
def test_v4_floor_whose_transaction_fails_is_carried_out_before_it_passes(world: _World, fate: str) -> None:
    world.own()
    world.take(world.event("a.pdf"))
    world.work()
    world.broker.fates = [fate]
    world.take(world.floor())
    world.step()
    assert world.broker.committed == {PLACE: 6}
    world.work()
    assert world.store.get("photos/7") is None
    assert set(world.results()) == {FETCHED, GONE}
    assert world.broker.committed == {PLACE: 7}


def _wait_for_retry(world: _World, *locations: str) -> None:
    """Row 7 waits for another try of its first file."""
    world.fetching.outcomes["a.pdf"] = Again(1, int(world.clock.now * 1000) + 60_000, "not_found")
    world.take(world.event(*(locations or ["a.pdf"])))
    world.downloads.run()
    world.step()
    world.fetching.outcomes.clear()
    world.fetching.asked.clear()


def test_retry_is_carried_out_when_it_is_due_and_not_before(world: _World) -> None:
    world.own()
    _wait_for_retry(world)
    assert (world.results(), world.broker.committed) == ([], {PLACE: 6})
    world.work()
    assert world.fetching.asked == []
    world.step(60.0)
    world.work()
    assert (world.fetching.asked, world.results()) == (["a.pdf"], [FETCHED])
    assert world.broker.files()[0].version == 11 * 4096 + 1
    world.step(600.0)
    assert not world.downloads.tasks


def test_v9_retry_of_a_row_that_changed_is_not_carried_out(world: _World) -> None:
    world.own()
    _wait_for_retry(world)
    world.take(world.event("b.pdf"))
    world.work()
    world.step(60.0)
    world.work()
    assert (world.fetching.asked, world.results()) == (["b.pdf"], [FETCHED])


def test_v9_retry_that_waits_behind_a_change_finds_that_it_is_not_wanted(world: _World) -> None:
    world.own()
    _wait_for_retry(world)
    world.take(world.event("b.pdf"))
    world.step(60.0)
    world.work()
    assert (world.fetching.asked, world.results()) == (["b.pdf"], [FETCHED])
    assert world.fetcher.idle


def test_row_that_is_deleted_during_a_retry_ends_as_gone(world: _World) -> None:
    world.own()
    _wait_for_retry(world)
    world.step(60.0)
    assert len(world.downloads.tasks) == 1
    world.take(world.event())
    world.work()
    assert world.results()[-1] == GONE
    assert world.store.get("photos/7") is None
    assert world.fetcher.idle


def test_retry_whose_column_holds_no_references_any_more_is_given_up(world: _World) -> None:
    world.own()
    _wait_for_retry(world)
    (said,) = world.reading.says.values()
    world.reading.says[b"4/5"] = row(said.version)
    world.step(60.0)
    world.work()
    assert (world.fetching.asked, world.results()) == ([], [])
    assert world.store.lost("photos/7") == {"photos/7/image_s3_key"}
    assert world.fetcher.idle


def test_lost_retry_is_made_good_by_the_rows_next_event(world: _World) -> None:
    world.own()
    _wait_for_retry(world)
    (said,) = world.reading.says.values()
    world.reading.says[b"4/5"] = row(said.version)
    world.step(60.0)
    world.work()
    world.take(world.event("a.pdf"))
    world.work()
    assert (world.fetching.asked, world.results()) == (["a.pdf"], [FETCHED])


def test_retry_waits_while_a_floor_does(world: _World) -> None:
    world.own()
    _wait_for_retry(world)
    world.take(world.event("b.pdf", name="photos/8"), world.floor())
    world.step(60.0)
    assert len(world.downloads.tasks) == 1
    world.work()
    assert world.fetching.asked == ["b.pdf"]
    assert world.store.get("photos/7") is None


def test_f1_what_is_finished_is_settled_when_a_partition_is_revoked_and_the_rest_is_left(world: _World) -> None:
    world.own(PLACE, OTHER)
    world.take(world.event("a.pdf"))
    world.downloads.run()
    world.take(world.event("b.pdf", name="photos/8"), world.event("c.pdf", name="photos/9", place=OTHER))
    world.fetcher.revoke([PLACE], MEMBER)
    assert (world.results(), world.broker.committed) == ([FETCHED], {PLACE: 6})
    world.work()
    assert world.fetching.asked == ["a.pdf", "c.pdf"]
    assert world.broker.committed == {PLACE: 6, OTHER: 6}
    assert world.fetcher.idle


def test_f1_nothing_of_a_lost_partition_is_settled(world: _World) -> None:
    world.own()
    world.take(world.event("a.pdf"))
    world.downloads.run()
    world.fetcher.drop([PLACE], "lost")
    world.work()
    assert (world.broker.calls, world.fetcher.idle) == ([], True)


def test_partition_that_comes_back_begins_anew(world: _World) -> None:
    world.own()
    first = world.event("a.pdf")
    world.take(first)
    late = world.downloads.tasks.popleft()
    world.fetcher.drop([PLACE], "lost")
    world.own()
    late(lambda problem: None)
    world.take(first)
    world.work()
    assert (world.fetching.asked, world.results()) == (["a.pdf"], [FETCHED])
    assert world.broker.committed == {PLACE: 6}


def test_records_of_a_partition_that_is_not_held_are_passed_over(world: _World) -> None:
    world.own()
    world.take(world.event("a.pdf", place=OTHER))
    world.work()
    assert (world.fetching.asked, world.broker.calls) == ([], [])


def test_p10_record_whose_schema_is_unknown_holds_its_partition_until_it_can_be_read(world: _World) -> None:
    world.own(PLACE, OTHER)
    of = row(11, reference("a.pdf"))
    blocked = world.record(deque([UnknownSchema(b"12345678"), UnknownSchema(b"12345678"), of]))
    world.take(blocked, world.event("b.pdf", name="photos/8"), world.event("c.pdf", name="photos/9", place=OTHER))
    world.downloads.run()
    assert world.fetching.asked == ["c.pdf"]
    assert not world.health.readiness()[0]
    assert world.fetcher.turns() == ([PLACE], [])
    world.work()
    assert world.fetching.asked == ["c.pdf", "a.pdf", "b.pdf"]
    assert world.broker.committed == {PLACE: 7, OTHER: 6}
    assert world.health.readiness()[0]
    assert world.fetcher.turns() == ([], [PLACE])


def test_record_that_can_never_be_read_is_a_dead_letter_and_the_next_goes_on(world: _World) -> None:
    world.own()
    world.take(world.record(RecordError("expected an event, got none")), world.event("a.pdf"))
    world.work()
    assert len(world.letters.written) == 1
    assert (world.results(), world.broker.committed) == ([FETCHED], {PLACE: 7})


def test_dead_letter_that_cannot_be_written_holds_the_partition_and_then_lets_it_go_on(world: _World) -> None:
    world.own()
    world.letters.problem = Unreachable("expected Kafka, got no answer")
    world.take(world.record(RecordError("expected an event, got none")))
    world.work()
    assert world.broker.committed == {}
    assert world.fetcher.turns() == ([PLACE], [])
    world.letters.problem = None
    world.work()
    assert world.fetcher.turns() == ([], [PLACE])
    assert (len(world.letters.written), world.broker.committed) == (1, {PLACE: 6})


def test_reading_pauses_when_enough_is_open_and_goes_on_at_half(world: _World) -> None:
    world.own()
    world.take(*(world.event("a.pdf", name=f"photos/{number}") for number in range(3)))
    assert world.fetcher.turns() == ([PLACE], [])
    world.downloads.tasks.popleft()(lambda problem: None)
    world.step()
    assert world.fetcher.turns() == ([], [])
    world.work()
    assert world.fetcher.turns() == ([], [PLACE])


def test_error_of_a_thread_stops_the_service(world: _World) -> None:
    world.own()
    world.downloads.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        world.step()
