"""What is lost is another member's: nothing of it is written or committed, whatever stage it had reached (rule F1)."""

from __future__ import annotations

import pytest

from tests.unit.file_fetcher.brokers import ABORTS
from tests.unit.file_fetcher.members import OTHER, World
from tests.unit.file_fetcher.rows import PARTITION

pytestmark = pytest.mark.rule("F1")


def _lose(world: World) -> None:
    world.fetcher.drop([PARTITION], "lost")
    world.work()


def test_f1_nothing_is_settled_that_was_under_way_for_a_lost_partition(world: World) -> None:
    # Taken out: `drop` leaves the row order as it is.
    world.own()
    world.take(world.event("a.pdf"))
    world.downloads.run()
    _lose(world)
    assert (world.broker.calls, world.fetcher.idle) == ([], True)


def test_f1_nothing_is_settled_that_was_finished_for_a_lost_partition(world: World) -> None:
    # Taken out: `drop` leaves what is finished as it is.
    world.own(PARTITION, OTHER)
    world.take(world.event("a.pdf"), world.event("c.pdf", name="photos/9", topic_partition=OTHER))
    world.downloads.run()
    world.step(0.0)
    assert world.broker.calls == []
    _lose(world)
    assert [file_id for file_id, _ in world.results()] == ["photos/9/image_s3_key"]
    assert world.broker.committed == {OTHER: 6}


def test_f1_nothing_is_settled_again_that_did_not_happen_for_a_lost_partition(world: World) -> None:
    # Taken out: `drop` does not tell the transactions.
    world.own(PARTITION, OTHER)
    world.broker.fates = [ABORTS]
    world.take(world.event("a.pdf"), world.event("c.pdf", name="photos/9", topic_partition=OTHER))
    world.downloads.run()
    world.step()
    assert len(world.broker.calls) == 1
    _lose(world)
    assert [file_id for file_id, _ in world.results()] == ["photos/9/image_s3_key"]
    assert world.broker.committed == {OTHER: 6}


def test_f1_no_offset_of_a_lost_partition_is_committed(world: World) -> None:
    # Taken out: `drop` leaves the partition among those that are held.
    world.own(PARTITION, OTHER)
    world.take(world.event(), world.event(name="photos/9", topic_partition=OTHER))
    _lose(world)
    assert world.broker.committed == {OTHER: 6}
