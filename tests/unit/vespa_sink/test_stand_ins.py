"""A row that is refused, or too large, is in the index with what it lacks: not the old version as if current."""

from __future__ import annotations

import random

import pytest

from tests.unit.vespa_sink.world.sinks import PARTITION, World, played
from vespa_sink.vespa.operations import Operation

pytestmark = pytest.mark.rule("P8")

_REASON = "Field 'x' is not defined in document type procore_record"
_SMALL = "--vespa.max-document-bytes=2000"
_SOON = "--breaker.rollout-s=10"


def _secret(operation: Operation) -> str | None:
    return _REASON if b"SECRET" in (operation.body or b"") else None


def _seven(operation: Operation) -> str | None:
    return _REASON if operation.document.user == "rows/7" else None


def _titled(operation: Operation) -> str | None:
    """The index takes no row with a title, and has nothing against the probe."""
    metadata = (operation.body or b"").partition(b'"metadata":')[2].partition(b"}")[0]
    return _REASON if operation.version and b'"title"' in metadata else None


def _nothing(operation: Operation) -> str | None:
    return None


def _says(world: World, key: int) -> tuple[object, object, object]:
    document = world.document(key) or {}
    return document.get("metadata"), document.get("omitted"), document.get("version")


@played(_SOON)
async def test_p8_row_that_is_refused_stands_with_its_key_and_says_what_it_lacks(world: World) -> None:
    await world.start()
    world.put(7, "old", 10)
    await world.until(lambda: world.titles() == {7: "old"})
    world.vespa.rejects = _secret
    world.put(7, "SECRET", 20)
    world.put(8, "SECRET", 22)
    await world.until(lambda: world.committed() == 3)
    assert len(world.kafka.letters) == 2
    assert _says(world, 7) == ({"id": "7"}, ["title"], 19)
    assert _says(world, 8) == ({"id": "8"}, ["title"], 21)
    assert not (world.document(7) or {}).get("title")
    # The row itself, once the index takes it, still wins, and so does what is newer.
    world.vespa.rejects = _nothing
    world.put(7, "SECRET", 20)
    world.put(8, "newer", 23)
    await world.until(lambda: world.committed() == 5)
    assert world.titles() == {7: "SECRET", 8: "newer"}
    assert _says(world, 7) == ({"id": "7", "title": "SECRET"}, [], 20)


@played(_SMALL)
async def test_p8_row_that_is_too_large_stands_without_its_largest_columns(world: World) -> None:
    await world.start()
    world.put(7, "old", 10)
    world.put(7, "x" * 5000, 20)
    await world.until(lambda: world.committed() == 2)
    assert _says(world, 7) == ({"id": "7"}, ["title"], 19)
    assert len(world.kafka.letters) == 1


@played(_SMALL)
async def test_p8_stand_in_of_a_row_too_large_is_sent_again_while_containers_differ(world: World) -> None:
    await world.start()
    containers = random.Random(7)
    world.vespa.rejects = lambda operation: _REASON if containers.random() < 0.8 else None
    for key in range(20):
        world.put(key, "x" * 5000, 10 + 2 * key)
    await world.until(lambda: world.committed() == 20)
    assert [_says(world, key)[1] for key in range(20)] == [["title"]] * 20


@played(_SOON)
async def test_p8_stand_in_brings_no_deleted_row_back(world: World) -> None:
    world.vespa.rejects = _secret
    await world.start()
    world.put(7, "SECRET", 20)
    await world.until(lambda: world.committed() == 1)
    world.delete(7, 30)
    await world.until(lambda: world.committed() == 2)
    assert (world.document(7) or {})["version"] == 30
    world.put(7, "SECRET", 20)
    await world.until(lambda: world.committed() == 3)
    assert len(world.kafka.letters) == 2
    assert (world.document(7) or {}) == {**(world.document(7) or {}), "deleted": True, "version": 30}


@pytest.mark.rule("V4")
@played(_SOON)
async def test_p8_floor_ends_stand_ins_below_it_and_leaves_those_above(world: World) -> None:
    world.vespa.rejects = _secret
    await world.start()
    world.put(7, "SECRET", 19)
    world.put(8, "SECRET", 21)
    await world.until(lambda: world.committed() == 2)
    world.floor(20)
    await world.until(lambda: world.committed() == 3)
    assert (world.document(7), _says(world, 8)[1:]) == (None, (["title"], 20))


@played(_SOON)
async def test_p8_newer_version_takes_the_place_of_a_stand_in_that_waits(world: World) -> None:
    world.vespa.rejects = _seven
    await world.start()
    world.put(7, "bad", 20)
    await world.until(lambda: world.kafka.letters)
    world.vespa.rejects = _nothing
    world.put(7, "good", 21)
    await world.until(lambda: world.committed() == 2)
    assert world.titles() == {7: "good"}


@played(_SOON)
async def test_p8_index_that_refuses_a_stand_in_holds_nothing_up(world: World) -> None:
    world.vespa.rejects = _seven
    await world.start()
    world.put(7, "bad", 10)
    world.put(8, "good", 11)
    await world.until(lambda: world.committed() == 2)
    assert (world.document(7), len(world.kafka.letters), world.health.readiness()[0]) == (None, 1, True)


@pytest.mark.rule("V13")
@played(_SMALL, _SOON)
async def test_p8_refused_stand_ins_pause_no_table(world: World) -> None:
    world.vespa.rejects = lambda operation: _REASON if operation.version else None
    await world.start()
    for key in range(12):
        world.put(key, "x" * 5000, 10 + key)
    await world.until(lambda: world.committed() == 12)
    assert (len(world.kafka.letters), world.health.readiness()[0]) == (12, True)


@pytest.mark.rule("V13")
@played(_SMALL, _SOON)
async def test_p8_stand_ins_that_pass_say_nothing_of_other_rows(world: World) -> None:
    world.vespa.rejects = _titled
    await world.start()
    for key in range(20):
        world.put(key, "a", 10 + key)
    world.put(77, "x" * 5000, 100)
    await world.until(lambda: _says(world, 77)[1] == ["title"])
    await world.passes(100.0)
    assert ([each.key for each in world.kafka.letters], world.committed()) == ([b"77"], 0)
    world.vespa.rejects = _nothing
    await world.until(lambda: world.committed() == 21)
    assert len(world.kafka.letters) == 1


@played(_SOON)
async def test_p8_stand_in_of_a_partition_that_was_taken_away_is_not_written(world: World) -> None:
    world.vespa.rejects = _seven
    await world.start()
    world.put(6, "before", 9)
    world.put(7, "bad", 10)
    await world.until(lambda: 6 in world.titles())
    world.revoke(PARTITION)
    await world.until(lambda: not world.kafka.rebalances)
    world.vespa.rejects = _nothing
    await world.passes(60.0)
    assert (world.document(7), world.kafka.letters) == (None, [])
