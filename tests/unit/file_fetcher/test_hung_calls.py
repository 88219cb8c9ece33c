"""A transaction whose calls never return: once it is left behind and taken over, a second time the process ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, KafkaException

from cdc_runtime.kafka.errors import Fenced
from file_fetcher.references.local import ReferenceStore
from file_fetcher.settling import publisher as publishers
from tests.unit.file_fetcher import members
from tests.unit.file_fetcher.clusters import Cluster, ClusterBroker
from tests.unit.file_fetcher.groups import Group
from tests.unit.file_fetcher.members import Clock, World, stop_clocks
from tests.unit.file_fetcher.rows import PARTITION
from tests.waiting import eventually

OFFSETS = "send_offsets_to_transaction"
FETCHED = "photos/7/image_s3_key", "fetched"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    made = Cluster(monkeypatch)
    yield made
    made.let_go.set()


@pytest.fixture
def world(cluster: Cluster, tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    clock = Clock()
    stop_clocks(monkeypatch, clock)
    monkeypatch.setattr(members, "Broker", lambda: ClusterBroker(cluster))
    store = ReferenceStore(tmp_path)
    yield World(store, clock)
    store.close()


@pytest.fixture
def group(world: World, monkeypatch: pytest.MonkeyPatch) -> Group:
    made = Group(world, monkeypatch)
    made.state_can_be_read.set()
    made.assign(PARTITION)
    made.until(lambda: world.fetcher.assigned[PARTITION].ready)
    return made


def _read(group: Group, key: str = "a.pdf") -> None:
    """A row is read and its file fetched; it is settled in the next round."""
    group.round(group.world.event(key), seconds=0.0)


def _ended(cluster: Cluster) -> None:
    eventually(lambda: cluster.ends, what="the end of the process")


@pytest.mark.rule("P13")
def test_p13_offsets_that_are_never_taken_are_left_behind_and_a_new_producer_goes_on(
    cluster: Cluster, group: Group
) -> None:
    _read(group)
    cluster.hangs = [OFFSETS]
    group.round()
    assert (cluster.committed, cluster.open, cluster.calls.left) == ({}, None, 1)
    group.until(lambda: group.world.results() == [FETCHED])
    assert (cluster.committed, cluster.ends) == ({PARTITION: 6}, [])
    assert cluster.reaches.count("init_transactions") == 2


@pytest.mark.rule("P13")
def test_p13_call_that_returns_after_all_changes_nothing(cluster: Cluster, group: Group) -> None:
    _read(group)
    cluster.hangs = [OFFSETS]
    group.round()
    group.until(lambda: group.world.results() == [FETCHED])
    before = len(cluster.reaches)
    cluster.let_go.set()
    for _ in range(3):
        group.round()
    assert group.world.results() == [FETCHED]
    assert (cluster.committed, cluster.reaches[before:].count("init_transactions")) == ({PARTITION: 6}, 0)


@pytest.mark.rule("P13")
def test_p13_second_call_that_never_returns_ends_the_process(cluster: Cluster, group: Group) -> None:
    _read(group)
    cluster.hangs = [OFFSETS, OFFSETS]
    group.round()
    cluster.meanwhile(lambda: group.until(group.world.results), lambda: _ended(cluster))
    assert set(cluster.ends) == {69}


@pytest.mark.rule("P13")
@pytest.mark.parametrize("call", ["begin_transaction", "commit_transaction"])
def test_p13_other_call_of_a_transaction_that_never_returns_ends_the_process(
    cluster: Cluster, group: Group, call: str
) -> None:
    _read(group)
    cluster.hangs = [call]
    cluster.meanwhile(group.round, lambda: _ended(cluster))
    assert (set(cluster.ends), cluster.calls.left) == ({69}, 0)


@pytest.mark.rule("P13")
def test_p13_take_over_that_never_returns_ends_the_process(cluster: Cluster, group: Group) -> None:
    _read(group)
    cluster.hangs = [OFFSETS, "init_transactions"]
    cluster.meanwhile(group.round, lambda: _ended(cluster))
    assert (set(cluster.ends), cluster.calls.left) == ({69}, 1)


@pytest.mark.rule("P13")
@pytest.mark.parametrize("call", ["abort_transaction", "close", "poll"])
def test_p13_end_of_a_producer_that_never_returns_ends_the_process(cluster: Cluster, group: Group, call: str) -> None:
    _read(group)
    cluster.problems = {"commit_transaction": KafkaException(KafkaError(KafkaError._STATE))}
    cluster.hangs = [call]

    def rounds() -> None:
        with pytest.raises(Exception):  # noqa: B017, PT011  # the state of a producer is nobody's to mend
            group.round()

    cluster.meanwhile(rounds, lambda: _ended(cluster))
    assert set(cluster.ends) == {69}


def _fence() -> KafkaException:
    return KafkaException(KafkaError(KafkaError._FENCED))


@pytest.mark.rule("P7")
def test_p7_fence_of_a_transaction_whose_time_is_over_is_its_abort(
    cluster: Cluster, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Taken out: the fetcher ends with 75, "another instance has taken over".
    monkeypatch.setattr(publishers, "_TRANSACTION_TIMEOUT_S", 0.0)
    cluster.publisher.close()
    _read(group)
    cluster.problems = {"commit_transaction": _fence()}
    group.until(lambda: group.world.results() == [FETCHED])
    assert cluster.committed == {PARTITION: 6}


def test_fence_within_the_time_of_a_transaction_is_another_instance(cluster: Cluster, group: Group) -> None:
    _read(group)
    cluster.problems = {"commit_transaction": _fence()}
    with pytest.raises(Fenced):
        group.round()


@pytest.mark.rule("F1")
def test_f1_nothing_is_open_of_a_partition_that_is_given_up_though_its_call_never_returned(
    cluster: Cluster, group: Group
) -> None:
    # Taken out: what was left behind is taken over by the next transaction.
    _read(group)
    cluster.hangs = [OFFSETS]
    group.revoke(PARTITION)
    group.round(seconds=0.0)
    assert (cluster.calls.left, cluster.open, cluster.committed) == (1, None, {})
    assert PARTITION not in group.world.fetcher.assigned
    cluster.let_go.set()
    for _ in range(3):
        group.round()
    assert (cluster.log, cluster.committed) == ([], {})


@pytest.mark.rule("P13")
def test_p13_who_is_given_the_partition_back_reads_it_again_and_settles_it_once(cluster: Cluster, group: Group) -> None:
    _read(group)
    cluster.hangs = [OFFSETS]
    group.revoke(PARTITION)
    group.round(seconds=0.0)
    group.assign(PARTITION)
    group.until(lambda: group.world.fetcher.assigned[PARTITION].ready)
    group.world.next_offset[PARTITION] = 5
    group.world.versions -= 1
    _read(group)
    group.until(lambda: group.world.results() == [FETCHED])
    assert cluster.committed == {PARTITION: 6}
