"""Records that cannot be read yet hold their partition (rule P10); one that never can is one record (rule P14)."""

from __future__ import annotations

import pytest

from schemas.errors import Unreachable
from tests.unit.vespa_sink.world.sinks import OTHER, PARTITION, World, played


@pytest.mark.rule("P10")
@pytest.mark.parametrize("missing", ["schema", "entry"])
@played()
async def test_p10_record_whose_schema_or_table_is_not_known_holds_its_partition(world: World, missing: str) -> None:
    # Taken out: what is not known is a dead letter; a table that is not known is not told; directories are only polled.
    kept = world.kafka.schemas if missing == "schema" else world.kafka.tables
    kept.clear()  # type: ignore[attr-defined]
    await world.start(PARTITION, OTHER)
    world.put(7, "a", 10)
    world.put(8, "b", 11)
    world.tombstone(9, 12, at=OTHER)
    await world.until(lambda: world.committed(OTHER) == 1)
    await world.until(lambda: not world.health.readiness()[0])
    await world.passes(30.0)
    assert (world.titles(), world.committed(), world.kafka.letters) == ({}, 0, [])
    world.announce()
    await world.until(lambda: world.committed() == 2)
    assert (world.titles(), world.kafka.letters) == ({7: "a", 8: "b"}, [])
    assert world.health.readiness()[0]


@played()
async def test_record_that_can_never_be_read_is_a_dead_letter_and_the_next_goes_on(world: World) -> None:
    # Taken out: what cannot be read is raised.
    await world.start()
    world.raw(b"\x00nothing of ours")
    world.put(7, "a", 10)
    await world.until(lambda: world.committed() == 2)
    assert (len(world.kafka.letters), world.titles()) == (1, {7: "a"})


@played()
async def test_offset_passes_a_record_only_when_it_is_among_the_dead_letters(world: World) -> None:
    # Taken out: a dead letter is not stored.
    await world.start()
    world.kafka.letter_problems = [Unreachable("expected Kafka, got no answer")] * 4
    world.raw(b"\x00nothing of ours")
    world.put(7, "a", 10)
    await world.until(world.titles)
    await world.until(lambda: not world.health.readiness()[0])
    assert not world.committed()
    assert world.kafka.letters == []
    await world.until(lambda: world.committed() == 2)
    assert (len(world.kafka.letters), world.health.readiness()[0]) == (1, True)
