from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cdc_runtime.backoff import Delays
from cdc_runtime.consuming.partitions import Partitions
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.metrics import Metrics
from file_fetcher.failures import Blocked
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.references.changes import Waits, change_of
from file_fetcher.references.local import ReferenceStore
from file_fetcher.references.placements import Placements
from file_fetcher.references.retries import Retry
from file_fetcher.settling import kafka_transactions as published
from file_fetcher.settling.kafka_transactions import KafkaTransactions, Membership
from file_fetcher.settling.settlement import settle_floor
from file_fetcher.work import Again, ParsedRow, Work
from schemas.errors import FatalError, Unreachable
from schemas.file_state import State
from schemas.names import TableName
from tests.unit.file_fetcher.brokers import ABORTS, UNHEARD, Broker
from tests.unit.file_fetcher.rows import OWN_TOPICS, PARTITION, TOPICS, done, event, got, reference, row, work

_PRODUCT_DELAYS = published._DELAYS

MEMBER = Membership("generation 7", lambda topic_partition: None)
OTHER = TopicPartition("cdc.public.photos", 5)
PHOTOS = TableName("public", "photos")


class _World:
    """A transactions with a fake of Kafka and the real store."""

    def __init__(self, store: ReferenceStore) -> None:
        self.store = store
        self.broker = Broker()
        self.partitions: Partitions[TablePartition] = Partitions()
        self.caught_up: list[list[int]] = []
        self.catching_up: Exception | None = None
        self.transactions = KafkaTransactions(
            self.broker,  # type: ignore[arg-type]
            store,
            self.partitions,
            own_topics=OWN_TOPICS,
            catch_up=self._catch_up,
            metrics=FetcherMetrics(Metrics("file-fetcher", "1"), "group"),
        )

    def _catch_up(self, partitions: Sequence[int]) -> None:
        self.caught_up.append(list(partitions))
        if self.catching_up is not None:
            raise self.catching_up
        self.store.apply([change_of(each, Placements(3)) for each in self.broker.log if each.topic == TOPICS.file_refs])
        retries = [each for each in self.broker.log if each.topic == TOPICS.retry(OWN_TOPICS.group)]
        self.store.apply([Waits(Retry.from_record(each, TOPICS)) for each in retries])

    def read(self, offset: int, of: Any = None, topic_partition: TopicPartition = PARTITION) -> Work:
        """A finished work of a record that was read."""
        if topic_partition not in self.partitions:
            self.partitions[topic_partition] = TablePartition(topic_partition, PHOTOS, ready=True)
        self.partitions[topic_partition].take(event(offset))
        made = done(work(of or row(10, reference()), offset=offset))
        made.topic_partition = topic_partition
        return made

    def publish(self, *works: Work) -> list[Work]:
        return self.transactions.publish(works, MEMBER)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_World]:
    # Pauses have a test of their own.
    monkeypatch.setattr(published, "_DELAYS", Delays(0.0, 0.0))
    store = ReferenceStore(tmp_path)
    yield _World(store)
    store.close()


@pytest.mark.rule("F1")
def test_f1_results_state_and_offset_go_out_in_one_transaction(world: _World) -> None:
    one = world.read(5)
    assert world.publish(one) == [one]
    ((writes, offsets, metadata),) = world.broker.calls
    assert [write.topic for write in writes] == ["cdc._files", "cdc._file_refs"]
    assert (offsets, metadata) == ({PARTITION: 6}, "generation 7")


@pytest.mark.rule("F1")
def test_f1_store_is_told_after_the_commit_and_not_before(world: _World) -> None:
    world.broker.fates = [ABORTS]
    one = world.read(5)
    assert world.publish(one) == []
    assert world.store.get("photos/7") is None
    assert world.publish() == [one]
    held = world.store.get("photos/7")
    assert held is not None
    assert held.row_version == 10


def test_aborted_works_are_settled_again_before_anything_else(world: _World) -> None:
    world.broker.fates = [ABORTS]
    first = world.read(5)
    second = world.read(6, row(10, reference(), record_id="photos/8"))
    world.publish(first)
    waited = world.transactions.waiting
    assert world.publish(second) == [first, second]
    assert (waited, world.transactions.waiting) == (True, False)
    assert world.broker.committed == {PARTITION: 7}
    assert world.broker.results() == [("photos/7/image_s3_key", 40_960)] * 2


def test_transaction_that_happened_though_nobody_heard_is_not_repeated(world: _World) -> None:
    world.broker.fates = [UNHEARD]
    one = world.read(5)
    assert world.publish(one) == []
    assert world.publish() == [one]
    assert world.broker.results() == [("photos/7/image_s3_key", 40_960)]
    assert world.broker.calls[1][0] == []
    assert world.store.get("photos/7") is not None


def test_retry_that_was_settled_though_nobody_heard_is_not_repeated(world: _World) -> None:
    first = world.read(5)
    first.outcomes = dict.fromkeys(first.outcomes, Again(1, 0, "not_found"))
    world.publish(first)
    (retry,) = world.store.due(10**13, [("public.photos", 4)], 10)
    again = done(work(row(10, reference()), retry), attempt=1)
    world.broker.fates = [UNHEARD]
    assert world.publish(again) == []
    assert world.publish() == [again]
    assert world.broker.results() == [("photos/7/image_s3_key", 40_961)]
    assert world.store.due(10**13, [("public.photos", 4)], 10) == []


@pytest.mark.rule("F1", "P7")
def test_f1_state_is_read_again_from_the_topics_after_an_unknown_outcome(world: _World) -> None:
    world.broker.fates = [ABORTS]
    world.publish(world.read(5))
    assert (world.caught_up, world.broker.readies) == ([], 0)
    world.publish()
    # Row partition 4 has its state in partition 1; first what was left open is ended.
    assert (world.caught_up, world.broker.readies) == ([[1]], 1)
    world.publish(world.read(6, row(11, reference())))
    assert world.caught_up == [[1]]


def test_nothing_is_settled_while_what_is_remembered_cannot_be_read(world: _World) -> None:
    world.broker.fates = [ABORTS]
    one = world.read(5)
    world.publish(one)
    world.catching_up = Unreachable("expected Kafka, got no answer")
    assert world.publish() == []
    assert len(world.broker.calls) == 1
    world.catching_up = None
    assert world.publish() == [one]


def test_offset_goes_no_further_than_what_is_settled(world: _World) -> None:
    world.read(5)
    second = world.read(6, row(10, reference(), record_id="photos/8"))
    world.publish(second)
    assert world.broker.calls[0][1] == {PARTITION: 5}


def test_offsets_of_works_that_did_not_happen_go_out_with_nothing_else(world: _World) -> None:
    """A floor's rows wait until the works whose offsets are done are durable."""
    world.publish(world.read(5))
    held = world.store.get("photos/7")
    assert held is not None
    floor = settle_floor(held, 20, OWN_TOPICS, 0)
    world.broker.fates = [ABORTS]
    world.publish(world.read(6, row(11, reference(), record_id="photos/8")))
    assert not world.transactions.publish_apart([floor], 4, MEMBER)
    assert world.broker.committed == {PARTITION: 6}
    world.publish()
    assert world.transactions.publish_apart([floor], 4, MEMBER)
    assert world.store.get("photos/7") is None
    assert world.broker.results()[-1] == ("photos/7/image_s3_key", 81_920)


def test_floor_that_was_settled_though_nobody_heard_ends_nothing_else(world: _World) -> None:
    world.publish(world.read(5))
    held = world.store.get("photos/7")
    assert held is not None
    world.broker.fates = [UNHEARD]
    assert not world.transactions.publish_apart([settle_floor(held, 20, OWN_TOPICS, 0)], 4, MEMBER)
    world.publish()
    assert world.store.get("photos/7") is None


def test_works_of_a_partition_that_was_taken_away_are_forgotten(world: _World) -> None:
    world.broker.fates = [ABORTS]
    world.publish(
        world.read(5), world.read(9, row(10, reference(), record_id="photos/9", partition=5), topic_partition=OTHER)
    )
    world.transactions.drop([PARTITION])
    del world.partitions[PARTITION]
    (kept,) = world.publish()
    assert kept.topic_partition == OTHER
    assert world.broker.committed == {OTHER: 10}


@pytest.mark.rule("F1")
def test_f1_retry_alone_names_a_position_so_that_a_member_that_was_thrown_out_is_refused(world: _World) -> None:
    """Without offsets the broker does not look at the generation, and an old owner could write over a new one."""
    first = world.read(5)
    first.outcomes = dict.fromkeys(first.outcomes, Again(1, 0, "not_found"))
    world.publish(first)
    (retry,) = world.store.due(10**13, [("public.photos", 4)], 10)
    world.publish(done(work(row(10, reference()), retry), attempt=1))
    assert world.broker.calls[1][1] == {PARTITION: 6}


def test_works_with_many_rows_are_shared_out_among_transactions(world: _World) -> None:
    works = []
    for number in range(3):
        one = world.read(5 + number, row(10, reference(), record_id=f"photos/{number}"))
        one.outcomes = dict.fromkeys(one.outcomes, got([("S", 1, 15_000)], open_rows=lambda: iter(())))
        works.append(one)
    assert world.publish(*works) == works[:1]
    assert world.broker.committed == {PARTITION: 6}
    assert world.transactions.waiting
    assert [world.publish(), world.publish(), world.publish()] == [works[1:2], works[2:], []]
    assert world.broker.committed == {PARTITION: 8}


def test_what_was_in_a_transaction_that_did_not_happen_stays_together(world: _World) -> None:
    small, large = world.read(5), world.read(6, row(10, reference(), record_id="photos/8"))
    world.broker.fates = [ABORTS]
    world.publish(small, large)
    for one in (small, large):
        one.outcomes = dict.fromkeys(one.outcomes, got([("S", 1, 15_000)], open_rows=lambda: iter(())))
    assert world.publish() == [small, large]


def test_file_whose_rows_cannot_be_read_is_put_off_and_holds_up_no_other(world: _World) -> None:
    def gone() -> Iterator[ParsedRow]:
        raise Blocked("bad_answer", "expected rows in the store, they are gone")

    good, bad = world.read(5), world.read(6, row(10, reference(), record_id="photos/8"))
    bad.outcomes = dict.fromkeys(bad.outcomes, got([("S", 1, 1)], open_rows=gone))
    assert world.publish(good, bad) == []
    assert world.publish() == [good, bad]
    held = world.store.get("photos/8")
    assert held is not None
    (file,) = held.files
    assert (file.state, file.reason, file.attempt) == (State.RETRYING, "bad_answer", 0)
    assert world.broker.committed == {PARTITION: 7}


def test_error_that_is_fatal_comes_out(world: _World) -> None:
    world.broker.fates, world.broker.error = [ABORTS], FatalError("fenced")
    with pytest.raises(FatalError):
        world.publish(world.read(5))


def test_pauses_grow_to_half_a_minute_however_often_it_fails(world: _World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "_DELAYS", _PRODUCT_DELAYS)
    clock = _Clock()
    monkeypatch.setattr(published, "time", clock)
    world.broker.fates = [ABORTS] * 1200
    world.publish(world.read(5))

    def pause() -> float:
        """Until the next try, which fails too."""
        began, tries = clock.now, len(world.broker.calls)
        while len(world.broker.calls) == tries:
            clock.now += 0.05
            assert world.publish() == []
        return clock.now - began

    assert [pause() for _ in range(4)] == pytest.approx([0.2, 0.4, 0.8, 1.6], abs=0.06)
    for _ in range(1090):
        clock.now += 31.0
        assert world.publish() == []
    assert pause() == pytest.approx(30.0, abs=0.06)


def test_nothing_is_published_during_a_pause(world: _World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "_DELAYS", _PRODUCT_DELAYS)
    monkeypatch.setattr(published, "time", _Clock())
    world.broker.fates = [ABORTS]
    one = world.read(5)
    world.publish(one)
    assert (world.publish(), len(world.broker.calls)) == ([], 1)
    assert not world.transactions.publish_apart([], 4, MEMBER)


class _Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now
