"""What a member of the group does when transactions do not happen, or retries cannot be read."""

from __future__ import annotations

import pytest

from file_fetcher.work import Again
from schemas.errors import RecordError
from schemas.wire import UnknownSchema
from tests.unit.file_fetcher.brokers import ABORTS
from tests.unit.file_fetcher.members import World
from tests.unit.file_fetcher.rows import PARTITION

FETCHED = "photos/7/image_s3_key", "fetched"


def test_member_that_cannot_settle_is_not_ready_until_it_can(world: World) -> None:
    world.own()
    world.broker.fates = [ABORTS]
    world.take(world.event("a.pdf"))
    world.downloads.run()
    world.step(5.0)
    assert world.health.readiness() == (False, "transactions: expected a commit, got none")
    world.step(5.0)
    assert world.results() == [FETCHED]
    assert world.health.readiness()[0]


def test_trouble_with_what_is_no_longer_ours_is_over(world: World) -> None:
    world.own()
    world.broker.fates = [ABORTS]
    world.take(world.event("a.pdf"))
    world.downloads.run()
    world.step(5.0)
    world.fetcher.drop([PARTITION], "lost")
    world.step(5.0)
    assert world.health.readiness()[0]


def test_retries_that_cannot_be_read_do_not_stand_before_those_that_can(world: World) -> None:
    world.own()
    names = [f"photos/{number}" for number in range(9)]  # more than may be under way
    world.fetching.outcomes = {f"{name}.pdf": Again(1, 9_000_000, "not_found", "s3:b") for name in names}
    events = [world.event(f"{name}.pdf", name=name) for name in names]
    for event in events:
        world.take(event)
        world.work()
    world.fetching.outcomes.clear()
    readable = world.reading.says.copy()
    world.reading.says = {event.value or b"": UnknownSchema(b"12345678") for event in events[:-1]}
    world.reading.says[events[-1].value or b""] = readable[events[-1].value or b""]
    world.clock.now = 9_001
    world.work()
    assert world.results() == [("photos/8/image_s3_key", "fetched")]
    world.reading.says = readable
    world.clock.now += 60
    for _ in range(3):
        world.work()
    assert sorted(world.results()) == [(f"{name}/image_s3_key", "fetched") for name in names]


@pytest.mark.rule("P14")
def test_p14_retry_that_can_never_be_read_counts_as_lost(world: World) -> None:
    """Red where it is tried again each minute: nobody would ask for its row."""
    world.own()
    world.fetching.outcomes = {"a.pdf": Again(1, 2_000_000, "not_found", "s3:b")}
    event = world.event("a.pdf")
    world.take(event)
    world.work()
    world.reading.says[event.value or b""] = RecordError("expected an event, got other bytes")
    world.clock.now = 2_001
    world.work()
    lost = world.store.lost_retries([("public.photos", PARTITION.partition)], 10)
    assert [(record_id, file.state.value) for _, record_id, file in lost] == [("photos/7", "retrying")]
