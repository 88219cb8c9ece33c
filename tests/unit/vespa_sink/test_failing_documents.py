"""One document that is answered badly each time is one document's trouble (rule V15)."""

from __future__ import annotations

import pytest
import structlog

from schemas.errors import AccessDenied
from tests.unit.vespa_sink.world.sinks import OTHER, PARTITION, World, played
from tests.unit.vespa_sink.world.vespa import Fate
from vespa_sink.vespa.operations import Operation

pytestmark = pytest.mark.rule("V15")
_SOON = "--breaker.rollout-s=60"
ANSWERS = {
    "a component trips over it": Fate(500),
    "a proxy has no answer": Fate(502),
    "a proxy answers itself": Fate(200, foreign="status 200, text/html"),
    "a firewall denies it": Fate(403),
    "a proxy knows no such path": Fate(404),
    "its node gives it up": Fate(503),
    "it takes too long": Fate(504),
    "it has no room": Fate(507),
    "a proxy is tired of it": Fate(408),
    "it is too much at once": Fate(429),
    "the connection breaks": Fate(0),
    "a status that nobody knows": Fate(599),
}
TOO_LITTLE = {name: fate for name, fate in ANSWERS.items() if fate.status in (0, 408, 429, 503, 504, 507)}


def _fails(world: World, fate: Fate, key: int = 7) -> None:
    def fails(operation: Operation) -> Fate | None:
        return fate if operation.document.user == f"rows/{key}" else None

    world.vespa.fails = fails


def _name(key: int) -> str:
    return f"id:ns:procore_record::rows/{key}"


@pytest.mark.parametrize("fate", ANSWERS.values(), ids=ANSWERS)
@played(_SOON)
async def test_v15_document_that_fails_each_time_is_named_and_then_given_up(world: World, fate: Fate) -> None:
    _fails(world, fate)
    await world.start()
    world.put(7, "bad", 10)
    with structlog.testing.capture_logs() as logs:
        await world.until(lambda: _name(7) in world.health.readiness()[1])
        for key in range(100, 200):
            world.put(key, "good", 10 + key)
        await world.until(lambda: len(world.titles()) == 100)
        await world.passes(40.0)
    assert (world.committed(), world.kafka.letters, world.health.readiness()[0]) == (0, [], False)
    assert world.metric("rowferry_sink_failing_documents", document_type="procore_record") == 1
    (told,) = [each for each in logs if each["event"] == "document fails each time"]
    assert told["document"] == _name(7)
    await world.until(lambda: world.committed() == 101)
    (letter,) = world.kafka.letters
    assert (letter.key, b"each time" in str(letter.headers).encode()) == (b"7", True)
    await world.until(lambda: world.health.readiness()[0])
    assert world.metric("rowferry_sink_failing_documents", document_type="procore_record") == 0


@pytest.mark.parametrize("fate", ANSWERS.values(), ids=ANSWERS)
@played(_SOON)
async def test_v15_document_that_is_written_in_the_end_is_forgotten(world: World, fate: Fate) -> None:
    _fails(world, fate)
    await world.start()
    world.put(7, "late", 10)
    world.put(8, "good", 11)
    await world.until(lambda: not world.health.readiness()[0])
    world.vespa.fails = lambda operation: None
    await world.until(lambda: world.committed() == 2)
    assert (world.titles(), world.kafka.letters) == ({7: "late", 8: "good"}, [])
    await world.until(lambda: world.health.readiness()[0])


@played(_SOON)
async def test_v15_failing_document_holds_up_no_floor_no_rebalance_and_no_newer_row(world: World) -> None:
    def fails(operation: Operation) -> Fate | None:
        return Fate(500) if operation.version in (10, 11, 30) else None

    world.vespa.fails = fails
    await world.start(PARTITION, OTHER)
    await world.passes(20.0)
    for key, version in ((7, 10), (8, 11)):
        world.put(key, "bad", version)
    await world.until(lambda: not world.health.readiness()[0])
    began = world.loop.now_s
    world.put(8, "newer", 12)
    await world.until(lambda: 8 in world.titles())
    world.floor(20)
    world.put(9, "bad", 30)
    world.put(1, "good", 31)
    await world.until(lambda: 1 in world.titles())
    await world.until(lambda: world.committed() == 4)
    assert world.loop.now_s - began < 30
    world.revoke(PARTITION)
    await world.until(lambda: not world.kafka.rebalances)
    assert (world.loop.now_s - began < 35, world.committed(), world.kafka.letters) == (True, 4, [])


@played("--breaker.rollout-s=10")
async def test_v15_outage_is_nobodys_own_trouble(world: World) -> None:
    # Taken out: the probe is not asked.
    await world.start()
    world.put(1, "good", 1)
    await world.until(lambda: world.committed() == 1)
    world.vespa.front = (500, "text/html", b"")
    for key in range(10, 30):
        world.put(key, "a", key)
    await world.until(lambda: not world.health.readiness()[0])
    await world.passes(200.0)
    assert (world.committed(), world.kafka.letters) == (1, [])
    assert "failing" not in world.health.readiness()[1]
    world.vespa.front = None
    await world.until(lambda: world.committed() == 21)
    assert (len(world.titles()), world.health.readiness()[0]) == (21, True)


@pytest.mark.parametrize("fate", TOO_LITTLE.values(), ids=TOO_LITTLE)
@played("--breaker.rollout-s=10")
async def test_v15_part_of_vespa_that_is_away_is_no_documents_trouble(world: World, fate: Fate) -> None:
    # Taken out: how many are answered so at a time.
    world.vespa.fails = lambda operation: fate if operation.version % 5 == 0 else None
    await world.start()
    for key in range(10, 110):
        world.put(key, "a", key)
    await world.until(lambda: len(world.titles()) == 80)
    for key in range(110, 290):
        world.put(key, "a", key)
        await world.passes(1.0)
    assert (len(world.titles()), world.committed(), world.kafka.letters) == (224, 0, [])
    assert "for a part" in world.health.readiness()[1]
    world.vespa.fails = lambda operation: None
    await world.until(lambda: world.committed() == 280)
    assert (len(world.titles()), world.kafka.letters) == (280, [])
    await world.until(lambda: world.health.readiness()[0])


@pytest.mark.parametrize("fate", TOO_LITTLE.values(), ids=TOO_LITTLE)
@played("--breaker.rollout-s=10")
async def test_v15_document_where_nothing_is_answered_is_given_up_once_many_pass(world: World, fate: Fate) -> None:
    # Taken out: the probe in its place.
    world.vespa.away = lambda user: fate if user == "rows/7" else None
    await world.start()
    world.put(7, "away", 10)
    await world.until(lambda: _name(7) in world.health.readiness()[1])
    for key in range(100, 150):
        world.put(key, "good", 10 + key)
    await world.passes(100.0)
    assert (len(world.titles()), world.committed(), world.kafka.letters) == (50, 0, [])
    for key in range(150, 210):
        world.put(key, "good", 10 + key)
    await world.until(lambda: world.committed() == 111)
    assert [letter.key for letter in world.kafka.letters] == [b"7"]


@pytest.mark.parametrize("fate", [Fate(500), *TOO_LITTLE.values()], ids=["a component trips over all", *TOO_LITTLE])
@played("--breaker.rollout-s=10")
async def test_v15_nothing_is_given_up_of_a_table_all_of_which_fails(world: World, fate: Fate) -> None:
    world.vespa.fails = lambda operation: fate
    await world.start()
    for key in range(10, 40):
        world.put(key, "a", key)
    await world.passes(200.0)
    assert (world.committed(), world.kafka.letters, world.health.readiness()[0]) == (0, [], False)
    world.vespa.fails = lambda operation: None
    await world.until(lambda: world.committed() == 30)
    assert (len(world.titles()), world.kafka.letters) == (30, [])
    await world.until(lambda: world.health.readiness()[0])


@played(_SOON)
async def test_v15_right_that_is_missing_for_all_ends_the_service(world: World) -> None:
    await world.start()
    await world.until(lambda: world.committed() == 0)
    world.put(7, "a", 10)
    world.vespa.front = (403, "text/html", b"")
    with pytest.raises(AccessDenied):
        await world.until(lambda: False)
