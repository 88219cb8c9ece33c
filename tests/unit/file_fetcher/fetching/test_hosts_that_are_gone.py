"""A host that does not answer is out of order for as long as the pauses last; then its references use up attempts."""

from __future__ import annotations

from pathlib import Path

import pytest

from file_fetcher.download.sources import HttpUrl
from file_fetcher.failures import Blocked, Later
from file_fetcher.fetching.retry_policy import Try, host_missing, will_come_back
from file_fetcher.work import Again, Got, Not
from schemas.errors import Neighbour
from tests.unit.file_fetcher.fetching.test_fetch import Clock, World
from tests.unit.file_fetcher.fetching.test_fetch import clock as clock
from tests.unit.file_fetcher.rows import reference

DELAYS_S = (5.0, 30.0)
HOST = "https://files.example.com"
LINK = reference(f"{HOST}/a.pdf", "url")


def refused(neighbour: Neighbour = Neighbour.WEB) -> Blocked:
    return Blocked("network", "connection refused", neighbour=neighbour)


@pytest.fixture
def world(tmp_path: Path, clock: Clock) -> World:
    return World(tmp_path, hosts=["files.example.com"])


@pytest.mark.rule("F7")
def test_f7_host_that_never_answered_ends_its_references_after_the_retries(world: World, clock: Clock) -> None:
    seen = []
    for attempt in range(3):
        world.downloader.problems = [refused()]
        seen.append(world.fetch(LINK, attempt))
        clock.now += 40
    assert seen == [
        Again(1, 1_005_000, "network", HOST),
        Again(2, 1_070_000, "network", HOST),
        Not(True, "network", f"expected {HOST!r} to answer while retry.delays_s last, it did not", HOST),
    ]
    assert all(isinstance(source, HttpUrl) for source in world.downloader.asked)


@pytest.mark.rule("F7")
def test_f7_reference_that_is_not_tried_since_its_host_is_left_alone_ends_too(world: World, clock: Clock) -> None:
    world.downloader.problems = [refused()]
    world.fetch(LINK)
    other = reference(f"{HOST}/b.pdf", "url")
    assert world.fetch(other) == Again(1, 1_006_000, "network", HOST)  # once the host may be asked again
    assert world.fetch(other, 2) == Not(
        True, "network", f"expected {HOST!r} to answer while retry.delays_s last, it did not", HOST
    )
    assert len(world.downloader.asked) == 1


@pytest.mark.rule("F7")
def test_f7_outage_of_a_host_that_answered_is_nobodys_fault_for_as_long_as_the_pauses(
    world: World, clock: Clock
) -> None:
    assert isinstance(world.fetch(LINK), Got)
    clock.now += 34.9
    world.downloader.problems = [refused()]
    assert world.fetch(LINK, 2) == Again(2, 1_039_900, "network", HOST)
    assert world.fetch(LINK, 2) == Again(2, 1_040_900, "network", HOST)  # left alone
    clock.now += 0.1
    assert isinstance(world.fetch(LINK, 2), Not)


@pytest.mark.rule("F7")
def test_f7_host_that_has_nothing_for_us_has_answered(world: World, clock: Clock) -> None:
    world.downloader.problems = [Later("not_found", "404")]
    world.fetch(LINK)
    clock.now += 30
    world.downloader.problems = [refused()]
    assert world.fetch(LINK, 2) == Again(2, 1_035_000, "network", HOST)


@pytest.mark.rule("F7")
def test_f7_reference_of_a_host_that_is_back_is_fetched(world: World, clock: Clock) -> None:
    world.downloader.problems = [refused()]
    world.fetch(LINK)
    clock.now += 6
    assert isinstance(world.fetch(LINK, 2), Got)


@pytest.mark.parametrize("where", [Neighbour.S3, Neighbour.GOOGLE, None])
@pytest.mark.rule("F7")
def test_f7_what_is_no_host_of_a_link_waits_for_ever(world: World, where: Neighbour | None) -> None:
    world.downloader.problems = [Blocked("network", "refused", neighbour=where)]
    outcome = world.fetch(reference("plans/a.pdf"), 2)
    assert isinstance(outcome, Again)
    assert outcome.attempt == 2
    outcome = world.fetch(reference("plans/a.pdf"), 2)
    assert isinstance(outcome, Again)
    assert outcome.attempt == 2


@pytest.mark.rule("F7")
def test_f7_store_that_does_not_answer_is_no_hosts_fault(world: World, clock: Clock) -> None:
    def stored() -> None:
        clock.now += 36  # longer than the host would be believed in

    world.contents.meanwhile = stored
    world.contents.problem = Blocked("network", "the bucket of the store", neighbour=Neighbour.STORE)
    outcome = world.fetch(LINK, 2)
    assert isinstance(outcome, Again)
    assert outcome.attempt == 2


@pytest.mark.parametrize(
    ("silent_s", "expected"), [(None, False), (0.0, True), (34.9, True), (35.0, False), (1e6, False)]
)
@pytest.mark.rule("F7")
def test_f7_host_is_believed_in_for_as_long_as_all_pauses(silent_s: float | None, expected: bool) -> None:
    assert will_come_back(silent_s, DELAYS_S) is expected


@pytest.mark.rule("F7")
def test_f7_attempt_waits_until_the_host_is_asked_again() -> None:
    assert host_missing("network", Try(0, HOST, 0), DELAYS_S, lambda: 0.0, wait_s=299.0) == Again(
        1, 300_000, "network", HOST
    )
