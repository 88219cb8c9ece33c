"""Results whose topics were made again are published again (rule V11): these topics nobody else could fill."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from cdc_runtime.consuming.position_age import CommittedPosition
from file_fetcher import partition_watch, publishing_again
from tests.unit.file_fetcher.brokers import ABORTS, UNHEARD
from tests.unit.file_fetcher.groups import Group
from tests.unit.file_fetcher.members import World
from tests.unit.file_fetcher.rows import PARTITION, TOPICS

FILE = "photos/7/image_s3_key"


@pytest.fixture
def group(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Group]:
    monkeypatch.setattr(partition_watch, "time", world.clock)
    world.next_offset[PARTITION] = 0
    made = Group(world, monkeypatch)
    made.state_can_be_read.set()
    made.assign(PARTITION)
    made.until(lambda: world.fetcher.assigned[PARTITION].ready)
    yield made
    made.state_can_be_read.set()


def _settled(group: Group, *locations: str, name: str = "photos/7") -> None:
    """The next record was read, and all it leads to is committed."""
    made = group.world.event(*locations, name=name)
    group.round(made)
    group.until(lambda: group.world.broker.committed.get(PARTITION) == made.offset + 1)


def _results_id(group: Group) -> str | None:
    """Where the results are, as the committed position says."""
    return CommittedPosition.read(0, group.world.broker.texts.get(PARTITION)).results_id


def _filled(group: Group, rows: int = 5) -> None:
    for number in range(rows):
        _settled(group, "a.pdf", name=f"photos/{number}")
    group.until(lambda: _results_id(group) == "files 1")


def _lost(group: Group, rows: int = 5) -> int:
    """How many rows wait for a try of which nothing is left: they are asked for (`lost_retries`)."""
    return sum(bool(group.world.store.lost(f"photos/{number}")) for number in range(rows))


@pytest.mark.rule("V11")
def test_v11_results_are_published_again_when_their_topics_were_made_again(group: Group) -> None:
    # Taken out: what the look has seen of them is not done.
    _settled(group, "a.pdf")
    group.until(lambda: _results_id(group) == "files 1")
    group.results_id = "files 2"
    group.until(lambda: _results_id(group) == "files 2")
    assert group.world.store.lost("photos/7") == {FILE}
    _settled(group, "a.pdf")  # the reader was asked for the row
    assert group.world.results() == [(FILE, "fetched")] * 2
    assert group.world.store.lost("photos/7") == set()


@pytest.mark.rule("V11")
@pytest.mark.parametrize("fate", [ABORTS, UNHEARD])
def test_v11_position_says_where_results_are_once_every_row_was_seen_to(
    group: Group, monkeypatch: pytest.MonkeyPatch, fate: str
) -> None:
    # Taken out: a page that did not happen is passed over; the position says it before the last page.
    monkeypatch.setattr(publishing_again, "_PAGE", 2)
    _filled(group)
    group.results_id = "files 2"
    broker, seen = group.world.broker, []
    publish = broker.publish

    def watched(writes: object, offsets: object, *rest: object, **more: object) -> None:
        before = len(broker.log)
        try:
            publish(writes, offsets, *rest, **more)  # type: ignore[arg-type]
        finally:
            marked = [each for each in broker.log[before:] if each.topic == TOPICS.file_refs]
            seen.append((len(marked), _results_id(group)))

    monkeypatch.setattr(broker, "publish", watched)
    broker.fates = [fate]
    with structlog.testing.capture_logs() as logs:
        group.until(lambda: _results_id(group) == "files 2")
    assert {results_id for marked, results_id in seen if marked} == {"files 1"}
    assert max(marked for marked, _ in seen) == 2
    assert (sum(marked for marked, _ in seen), _lost(group)) == (5, 5)
    [told] = [each for each in logs if each["event"] == "results are published again"]
    assert (told["topic"], told["partition"], told["reason"]) == (*PARTITION, "their topics were made again")


@pytest.mark.rule("V11")
def test_v11_what_was_begun_is_finished_by_whoever_has_the_partition_next(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Taken out: where results are is not read from the committed position.
    monkeypatch.setattr(publishing_again, "_PAGE", 2)
    _filled(group)
    group.results_id = "files 2"
    group.until(lambda: _lost(group) > 0)
    assert (_lost(group), _results_id(group)) == (2, "files 1")
    group.revoke(PARTITION)
    group.assign(PARTITION)
    with structlog.testing.capture_logs() as logs:
        group.until(lambda: _results_id(group) == "files 2")
    assert _lost(group) == 5
    assert [each["rows"] for each in logs if each["event"] == "results are published again"] == [3]


@pytest.mark.rule("V11")
def test_v11_results_are_published_again_of_a_table_whose_topic_was_made_again_too(group: Group) -> None:
    # Taken out: of a partition that begins anew it is not known where its results are.
    _filled(group)
    group.life, group.results_id = 2, "files 2"
    group.world.next_offset[PARTITION] = 0
    group.until(lambda: "begin again at 0" in group.asked)
    group.until(lambda: _lost(group) == 5)


@pytest.mark.rule("V11")
def test_v11_position_that_does_not_say_where_results_are_takes_the_topics_that_are_there(group: Group) -> None:
    # Taken out: such a position is taken for one of other topics.
    _settled(group, "a.pdf")
    group.revoke(PARTITION)
    group.round()
    group.world.broker.texts[PARTITION] = "as_of_ms=1000000;topic_id=life 1"
    group.results_id = "files 2"
    group.assign(PARTITION)
    group.until(lambda: _results_id(group) == "files 2")
    assert group.world.store.lost("photos/7") == set()


@pytest.mark.rule("V11")
def test_v11_nothing_is_concluded_while_a_topic_of_results_is_gone(group: Group) -> None:
    _filled(group)
    group.results_id = None
    for _ in range(30):
        group.round()
    assert (_lost(group), _results_id(group)) == (0, "files 1")
    group.results_id = "files 1"
    _settled(group, "b.pdf")
    assert (_lost(group), _results_id(group)) == (0, "files 1")
