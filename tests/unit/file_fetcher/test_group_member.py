"""What the group gives and takes away, and what is done of it (rules F1, F2)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from schemas.errors import Unreachable
from tests.unit.file_fetcher.groups import Group
from tests.unit.file_fetcher.members import World
from tests.unit.file_fetcher.rows import PARTITION

FETCHED = "photos/7/image_s3_key", "fetched"


@pytest.fixture
def group(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Group]:
    made = Group(world, monkeypatch)
    yield made
    made.state_can_be_read.set()


def _finished(group: Group) -> None:
    """Let the file of row 7 be fetched, and not yet settled."""
    group.assign(PARTITION)
    group.state_can_be_read.set()
    group.until(lambda: group.world.fetcher.assigned[PARTITION].ready)
    group.round(group.world.event("a.pdf"), seconds=0.0)
    assert (group.world.fetching.asked, group.world.broker.calls) == (["a.pdf"], [])


@pytest.mark.rule("F2")
def test_f2_records_wait_until_the_state_of_their_partition_was_read(group: Group) -> None:
    # Taken out: `_read_state` does not read state.
    group.assign(PARTITION)
    group.round(group.world.event("a.pdf"))
    for _ in range(5):
        group.round()
    assert (group.world.fetching.asked, group.world.broker.calls) == ([], [])
    group.state_can_be_read.set()
    group.until(lambda: group.world.results() == [FETCHED])
    # Row partition 4 has its state in partition 1 of three.
    assert group.asked == ["offsets", [1]]


@pytest.mark.rule("F2")
def test_f2_state_that_cannot_be_read_is_read_again_before_anything_is_handled(group: Group) -> None:
    # Taken out: what was raised while state was read is passed over.
    group.problems = [Unreachable("expected Kafka, got no answer")]
    group.state_can_be_read.set()
    group.assign(PARTITION)
    group.round(group.world.event("a.pdf"))
    group.until(lambda: group.world.results() == [FETCHED])
    assert group.asked == ["offsets", [1], "offsets", [1]]


@pytest.mark.rule("F2")
def test_f2_offset_is_of_before_the_state_so_that_nothing_is_behind_one_and_not_in_the_other(group: Group) -> None:
    # Taken out: the committed offset is asked for once more when the state was read.
    world = group.world
    missed = world.event("a.pdf")

    def settled_by_the_one_before() -> None:
        world.broker.committed[PARTITION] = missed.offset + 1

    world.broker.committed[PARTITION] = missed.offset
    group.behind_state = settled_by_the_one_before
    group.state_can_be_read.set()
    group.assign(PARTITION)
    group.round(missed)
    group.until(lambda: world.fetcher.assigned[PARTITION].ready and world.fetcher.idle)
    assert world.results() == [FETCHED]


@pytest.mark.rule("F1")
def test_f1_what_is_finished_is_settled_before_a_partition_is_given_up(group: Group) -> None:
    # Taken out: what is revoked is only let go.
    _finished(group)
    group.revoke(PARTITION)
    group.round(seconds=0.0)
    assert (group.world.results(), group.world.broker.committed) == ([FETCHED], {PARTITION: 6})


@pytest.mark.rule("F1")
def test_f1_what_is_finished_is_not_settled_when_its_partition_is_lost(group: Group) -> None:
    # Taken out: what is lost is revoked.
    _finished(group)
    group.lose(PARTITION)
    for _ in range(3):
        group.round()
    assert (group.world.broker.calls, group.world.fetcher.idle) == ([], True)


def test_partition_that_goes_while_its_state_is_read_is_not_begun(group: Group) -> None:
    group.assign(PARTITION)
    group.round(group.world.event("a.pdf"))
    group.lose(PARTITION)
    group.round()
    group.state_can_be_read.set()
    group.until(lambda: group.asked[1:])
    for _ in range(3):
        group.round()
    assert (group.world.fetching.asked, group.world.broker.calls) == ([], [])
