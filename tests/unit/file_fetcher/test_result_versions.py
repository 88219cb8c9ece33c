"""Versions of results rise with their row's, whatever comes again (rule F3), and what is gone stays (rule V3)."""

from __future__ import annotations

import pytest

from file_fetcher.work import Again
from schemas.file_state import HeldRecord
from tests.unit.file_fetcher.members import World
from tests.unit.file_fetcher.rows import PARTITION, TOPICS, reference, row

FETCHED, GONE = ("photos/7/image_s3_key", "fetched"), ("photos/7/image_s3_key", "gone")


def _remembered(world: World) -> list[int]:
    """The versions of the row that the topic of references was told, in their order."""
    told = [each.value for each in world.broker.log if each.topic == TOPICS.file_refs]
    return [HeldRecord.from_json(value).row_version for value in told if value is not None]


@pytest.mark.rule("F3")
def test_f3_event_of_an_older_version_that_comes_again_changes_nothing(world: World) -> None:
    # Taken out: `settle` compares no versions.
    world.own()
    world.take(world.event("a.pdf"), world.event("b.pdf"))
    world.work()
    before = list(world.broker.log)
    world.take(world.record(row(11, reference("a.pdf"))))
    world.work()
    assert (world.broker.log, world.broker.committed[PARTITION]) == (before, 8)


@pytest.mark.rule("F3")
def test_f3_version_of_a_row_that_holds_references_is_written_with_every_event(world: World) -> None:
    # Taken out: what is remembered is written only when something is fetched. A sweep would end the row's files.
    world.own()
    for _ in range(3):
        world.take(world.event("a.pdf"))
        world.work()
    assert (world.results(), _remembered(world)) == ([FETCHED], [11, 12, 13])


@pytest.mark.rule("F3", "V3")
def test_f3_v3_reference_that_is_gone_stays_as_a_result_of_the_version_that_ended_it(world: World) -> None:
    # Taken out: nothing is published of what is gone.
    world.own()
    world.take(world.event("a.pdf"))
    world.work()
    world.take(world.event())
    world.work()
    assert world.results() == [FETCHED, GONE]
    assert [each.version for each in world.broker.files()] == [11 * 4096, 12 * 4096]


@pytest.mark.rule("F3")
def test_f3_reference_that_stays_keeps_the_version_of_the_row_that_brought_it(world: World) -> None:
    # Taken out: a retry is settled with the version that the row has by then. The sink would take two of one version.
    world.own()
    world.fetching.outcomes["a.pdf"] = Again(1, int(world.clock.now * 1000) + 60_000, "not_found")
    world.take(world.event("a.pdf"))
    world.work()
    world.take(world.event("a.pdf", "https://h/b.pdf"))
    world.work()
    world.fetching.outcomes.clear()
    world.step(60.0)
    world.work()
    assert {each.file_id: each.version for each in world.broker.files()} == {
        "photos/7/image_s3_key": 11 * 4096 + 1,
        "photos/7/url": 12 * 4096,
    }
