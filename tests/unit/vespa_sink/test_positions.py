"""Deletes that expired unread are made good (rule V7): asked for before anything else happens in a partition."""

from __future__ import annotations

import re

import pytest
import structlog

from cdc_reader.progress.versions import Versions, seed
from cdc_runtime.consuming.position_age import CommittedPosition
from schemas.errors import Unreachable
from tests.unit.vespa_sink.world.sinks import PARTITION, World, played

WEEK_MS = 7 * 24 * 3600 * 1000


def _committed(world: World, age_ms: int) -> None:
    now_ms = int(world.clock.time() * 1000)
    world.kafka.committed[PARTITION] = 0, CommittedPosition(0, now_ms - age_ms).metadata


@pytest.mark.rule("V7")
@played()
async def test_v7_no_position_and_rows_in_the_index_ask_before_anything_is_written(world: World) -> None:
    # Taken out: partitions are opened without a look at their position.
    world.vespa.hold_row(1, "held", 5)
    world.kafka.request_problems = [Unreachable("expected Kafka, got no answer")] * 3
    world.put(7, "a", 10)
    await world.start()
    await world.until(lambda: len(world.kafka.request_problems) < 3)
    assert (world.vespa.actions(), world.committed()) == ([], None)
    await world.until(lambda: world.committed() == 1)
    assert [table for table, _ in world.kafka.snapshots] == ["public.rows"]


@pytest.mark.rule("V7")
@played()
async def test_v7_position_older_than_tombstones_are_kept_asks(world: World) -> None:
    # Taken out: partitions are opened without a look at their position.
    world.vespa.hold_row(1, "held", 5)
    _committed(world, WEEK_MS + 60_000)
    world.put(7, "a", 10)
    await world.start()
    await world.until(lambda: world.committed() == 1)
    assert [table for table, _ in world.kafka.snapshots] == ["public.rows"]


@pytest.mark.parametrize("age_ms", [0, WEEK_MS - 60_000])
@played()
async def test_position_that_is_young_enough_asks_for_nothing(world: World, age_ms: int) -> None:
    world.vespa.hold_row(1, "held", 5)
    _committed(world, age_ms)
    world.put(7, "a", 10)
    await world.start()
    await world.until(lambda: world.committed() == 1)
    assert world.kafka.snapshots == []


@played()
async def test_first_start_on_an_empty_index_asks_for_nothing(world: World) -> None:
    world.put(7, "a", 10)
    await world.start()
    await world.until(lambda: world.committed() == 1)
    assert world.kafka.snapshots == []


@pytest.mark.rule("V7")
@played()
async def test_v7_age_goes_with_every_position_that_is_committed(world: World) -> None:
    # Taken out: positions are committed without their text.
    world.put(7, "a", 10)
    await world.start()
    await world.until(lambda: world.committed() == 1)
    await world.passes(5.0)
    _, text = world.kafka.committed[PARTITION]
    assert text is not None
    assert float(text.split(";")[0].removeprefix("as_of_ms=")) / 1000 == pytest.approx(world.clock.time(), abs=10)


@pytest.mark.remedy("cdc-reader run --version-seed {}, or remove the document")
@pytest.mark.parametrize("way", ["seed", "remove"])
@pytest.mark.rule("V8")
@played()
async def test_v8_row_of_the_future_in_the_index_is_an_alarm(world: World, way: str) -> None:
    # Taken out: refused writes are not looked at.
    now_us = int(world.clock.time() * 1_000_000)
    world.vespa.hold_row(7, "held", now_us + 3600 * 1_000_000)
    world.put(7, "a", now_us)
    await world.start()
    with structlog.testing.capture_logs() as logs:
        await world.until(lambda: world.committed() == 1)
        await world.until(lambda: world.metric("rowferry_sink_future_versions_total") == 1)
    assert world.titles() == {7: "held"}
    (alarm,) = [each for each in logs if each["log_level"] == "error"]
    asked = re.fullmatch(r"cdc-reader run --version-seed (\d+), or remove the document", alarm["remedy"])
    assert asked is not None
    if way == "seed":
        version = Versions(seed([int(asked[1])], now_us=now_us)).next(now_us)
    else:
        version = now_us + 1
        del world.vespa.documents[alarm["document"]]
    world.put(7, "b", version)
    await world.until(lambda: world.committed() == 2)
    assert world.titles() == {7: "b"}
