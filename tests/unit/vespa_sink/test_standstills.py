"""After whatever happened every partition that is held moves, or it is said why not (rule V12)."""

from __future__ import annotations

import pytest
import structlog

from tests.unit.vespa_sink.world.sinks import OTHER, PARTITION, World, played


def _told(logs: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(each["partition"], each["reason"]) for each in logs if each["event"] == "partition does not move"]


@pytest.mark.rule("V12")
@played()
async def test_v12_partition_of_which_the_client_hands_nothing_out_is_begun_again(world: World) -> None:
    # Taken out: what is silent is only told.
    await world.start(PARTITION, OTHER)
    await world.until(lambda: world.committed() == world.committed(OTHER) == 0)
    assert world.kafka.consumer is not None
    world.kafka.consumer.deaf.add(PARTITION)
    began = world.loop.now_s
    for key in (1, 2):
        world.put(key, "a", key)
    world.put(3, "b", 3, at=OTHER)
    with structlog.testing.capture_logs() as logs:
        await world.until(lambda: world.committed() == 2)
    assert world.loop.now_s - began < 65
    assert _told(logs) == [(0, "the Kafka client hands nothing out: it begins again")]  # type: ignore[arg-type]
    assert (
        world.metric("rowferry_consumer_partitions_begun_again_total", group="rowferry-vespa-sink", cause="silent") == 1
    )
    assert world.titles() == {1: "a", 2: "a", 3: "b"}


@pytest.mark.rule("V12")
@played()
async def test_v12_partition_that_cannot_move_says_why_within_a_minute_and_now_and_then(world: World) -> None:
    # Taken out: nothing is told.
    world.vespa.held = True
    world.put(1, "a", 1)
    with structlog.testing.capture_logs() as logs:
        await world.start()
        await world.until(lambda: world.vespa.waiting)
        await world.passes(62)
        assert _told(logs) == [(0, "1 of its records are under way, 0 wait")]  # type: ignore[arg-type]
        assert world.metric("rowferry_consumer_standing_partitions", group="rowferry-vespa-sink") == 1
        await world.passes(500)
        assert len(_told(logs)) == 1  # type: ignore[arg-type]
        await world.passes(120)
        assert len(_told(logs)) == 2  # type: ignore[arg-type]
        world.vespa.release()
        await world.until(lambda: world.committed() == 1)
    await world.passes(20)
    assert world.metric("rowferry_consumer_standing_partitions", group="rowferry-vespa-sink") == 0


@pytest.mark.rule("V12")
@played()
async def test_v12_offsets_that_hold_no_record_are_no_standstill(world: World) -> None:
    """Aborted records and markers; looked at once, not at every look."""
    await world.start()
    world.put(1, "a", 1)
    await world.until(lambda: world.committed() == 1)
    world.kafka.aborted[PARTITION] = 5
    with structlog.testing.capture_logs() as logs:
        await world.passes(200)
    assert _told(logs) == []  # type: ignore[arg-type]
    assert world.kafka.tails == 1
