"""A table's topic that is made again under a fetcher is another one: its partition begins anew (rules V11, V12)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from file_fetcher import partition_watch
from tests.unit.file_fetcher.groups import Group
from tests.unit.file_fetcher.members import World
from tests.unit.file_fetcher.rows import PARTITION


@pytest.fixture
def group(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Group]:
    monkeypatch.setattr(partition_watch, "time", world.clock)
    made = Group(world, monkeypatch)
    made.state_can_be_read.set()
    made.assign(PARTITION)
    made.until(lambda: world.fetcher.assigned[PARTITION].ready)
    world.next_offset[PARTITION] = 0
    yield made
    made.state_can_be_read.set()


def _settled(group: Group, *locations: str) -> None:
    """The next record was read, and all it leads to is committed."""
    made = group.world.event(*locations)
    group.round(made)
    group.until(lambda: group.world.broker.committed.get(PARTITION) == made.offset + 1)


@pytest.mark.rule("V11")
def test_v11_partition_of_a_topic_that_was_made_again_begins_anew(group: Group) -> None:
    # Taken out: what the look has seen is not done.
    for location in ("a.pdf", "b.pdf"):
        _settled(group, location)
    group.life, group.first_offset = 2, 0
    group.world.next_offset[PARTITION] = 0
    group.until(lambda: "begin again at 0" in group.asked)
    group.until(lambda: group.world.fetcher.assigned[PARTITION].ready)
    _settled(group, "c.pdf")
    assert group.world.fetching.asked == ["a.pdf", "b.pdf", "c.pdf"]
    assert "topic_id=life 2" in group.world.broker.texts[PARTITION].split(";")


@pytest.mark.rule("V11")
def test_v11_records_that_come_again_are_handled_once(group: Group) -> None:
    first, second = group.world.event("a.pdf"), group.world.event("b.pdf")
    group.round(first, second)
    group.round(first, second)
    group.until(lambda: group.world.broker.committed.get(PARTITION) == 2)
    group.until(lambda: not group.world.fetcher.assigned[PARTITION].waits)
    assert group.world.fetching.asked.count("b.pdf") == 1
    assert not any(str(each).startswith("begin again") for each in group.asked)


@pytest.mark.rule("V12")
def test_v12_partition_of_which_nothing_comes_is_begun_again(group: Group) -> None:
    # Taken out: what is silent is only told.
    _settled(group, "a.pdf")
    group.world.next_offset[PARTITION] = 5
    with structlog.testing.capture_logs() as logs:
        group.until(lambda: "begin again at 1" in group.asked)
    told = [each for each in logs if each["event"] == "partition does not move"]
    assert [each["reason"] for each in told] == ["the Kafka client hands nothing out: it begins again"]
