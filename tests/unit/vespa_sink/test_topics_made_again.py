"""A topic that is made again is another one: its partitions begin anew, and their table is asked for (rule V11)."""

from __future__ import annotations

import pytest

from cdc_runtime.consuming.position_age import CommittedPosition
from tests.unit.vespa_sink.world.sinks import OTHER, PARTITION, World, played

TOPIC = PARTITION.topic


async def _reads_three(world: World) -> None:
    """A sink that has read three rows, and committed that."""
    for key in (1, 2, 3):
        world.put(key, "old", key)
    await world.start()
    await world.until(lambda: world.committed() == 3)


def _asked(world: World) -> list[str]:
    return [reason.partition(":")[0] for _, reason in world.kafka.snapshots]


@pytest.mark.rule("V11")
@pytest.mark.parametrize("rows", [1, 3, 5], ids=["shorter", "as long", "longer"])
@pytest.mark.parametrize("forget", [True, False], ids=["positions are gone", "positions stayed"])
@played()
async def test_v11_topic_that_is_made_again_under_a_sink_is_read_from_its_start(
    world: World, rows: int, forget: bool
) -> None:
    """Longer than before it shows by its id alone: no offset runs back. Taken out: the look at ids."""
    await _reads_three(world)
    world.kafka.make_again(TOPIC, forget=forget)
    for key in range(10, 10 + rows):
        world.put(key, "new", key)
    await world.until(lambda: world.committed() == rows and world.kafka.snapshots)
    assert world.titles() == {1: "old", 2: "old", 3: "old"} | dict.fromkeys(range(10, 10 + rows), "new")
    assert _asked(world) == ["the topic was made again"]
    assert (
        world.metric("rowferry_consumer_partitions_begun_again_total", group="rowferry-vespa-sink", cause="anew") == 1
    )


@pytest.mark.rule("V11")
@pytest.mark.parametrize("rows", [1, 5], ids=["shorter", "longer"])
@played()
async def test_v11_topic_that_was_made_again_before_the_start_is_read_from_its_start(world: World, rows: int) -> None:
    # Taken out: the id of the committed position is not compared.
    await _reads_three(world)
    await world.stop()
    world.kafka.make_again(TOPIC, forget=False)
    for key in range(10, 10 + rows):
        world.put(key, "new", key)
    await world.start()
    await world.until(lambda: world.committed() == rows and world.kafka.snapshots)
    assert [key for key, title in world.titles().items() if title == "new"] == list(range(10, 10 + rows))
    assert _asked(world) == ["the topic was made again"]


@pytest.mark.rule("V11")
@pytest.mark.parametrize("running", [True, False], ids=["under a sink", "before the start"])
@played()
async def test_v11_log_that_ends_before_the_position_is_read_from_its_start(world: World, running: bool) -> None:
    """An unclean election. Taken out: the end is not compared."""
    await _reads_three(world)
    if not running:
        await world.stop()
    del world.kafka.log[PARTITION][1:]
    if running:
        world.put(10, "new", 10)
    else:
        await world.start()
    await world.until(lambda: world.committed() == (2 if running else 1) and world.kafka.snapshots)
    await world.until(lambda: (10 in world.titles()) == running)
    assert [reason for _, reason in world.kafka.snapshots] == [
        f"the log ends at offset {1 + running}, before the position 3"
    ]


@pytest.mark.rule("V11")
@played()
async def test_v11_table_is_asked_for_once_for_all_partitions_and_again_when_it_happens_again(world: World) -> None:
    # Taken out: what was asked for within the hour is not asked for again, whatever happened.
    await world.start(PARTITION, OTHER)
    world.put(1, "a", 1)
    world.put(2, "b", 2, at=OTHER)
    await world.until(lambda: world.committed() == world.committed(OTHER) == 1)
    for life in (1, 2):
        world.kafka.make_again(TOPIC)
        await world.until(lambda life=life: len(world.kafka.snapshots) == life)  # type: ignore[misc]
        await world.until(lambda: world.committed() == world.committed(OTHER) == 0)
    await world.passes(60)
    assert _asked(world) == ["the topic was made again"] * 2


@pytest.mark.rule("V11")
@played()
async def test_v11_records_that_come_again_are_dropped_and_nothing_is_asked(world: World) -> None:
    await _reads_three(world)
    assert world.kafka.consumer is not None
    world.kafka.consumer._positions[PARTITION] = 0
    world.put(4, "new", 4)
    await world.until(lambda: world.committed() == 4)
    assert (world.kafka.snapshots, len(world.vespa.sent)) == ([], 4)


@pytest.mark.rule("V11")
@played()
async def test_v11_position_of_an_older_release_is_taken_for_one_of_the_topic_that_is_there(world: World) -> None:
    for key in (1, 2, 3):
        world.put(key, "old", key)
    now_ms = int(world.clock.time() * 1000)
    world.kafka.committed[PARTITION] = 2, CommittedPosition(2, now_ms).metadata
    await world.start()
    await world.until(lambda: world.committed() == 3)
    assert (world.titles(), world.kafka.snapshots) == ({3: "old"}, [])
    _, text = world.kafka.committed[PARTITION]
    assert CommittedPosition.read(3, text).topic_id == f"{TOPIC} 1"


@played()
async def test_partition_whose_topic_is_not_there_is_looked_up_again(world: World) -> None:
    world.kafka.lives[TOPIC] = 0
    world.put(7, "a", 10)
    await world.start()
    await world.passes(5.0)
    assert (world.titles(), world.committed()) == ({}, None)
    world.kafka.lives[TOPIC] = 1
    await world.until(lambda: world.committed() == 1)
    assert world.titles() == {7: "a"}
