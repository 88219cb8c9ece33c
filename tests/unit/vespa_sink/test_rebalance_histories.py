"""Whatever the group gives and takes, while partitions pause, block or wait: at the end all that is held is read."""

from __future__ import annotations

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdc_runtime.consuming.records import TopicPartition
from schemas.errors import Unreachable
from tests.unit.vespa_sink.world.sinks import OTHER, PARTITION, World, played

THIRD = TopicPartition(PARTITION.topic, 2)
PLACES = [PARTITION, OTHER, THIRD]
AWAY = Unreachable("expected Kafka, got no answer")
_STEPS = st.one_of(
    st.tuples(st.sampled_from(["assign", "revoke", "lose", "put", "put", "make again"]), st.sampled_from(PLACES)),
    st.tuples(st.sampled_from(["hold", "release", "no schema", "schema", "no requests", "wait"]), st.none()),
)


class _History:
    """Plays steps, and knows what should come of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.held: set[TopicPartition] = set()
        self.wanted: dict[int, str] = {}
        self.key = 0

    async def play(self, step: str, place: TopicPartition | None) -> None:
        world = self.world
        if place is not None:
            self._in_partition(step, place)
        elif step == "hold":
            world.vespa.held = True
        elif step == "release":
            world.vespa.release()
        elif step == "schema":
            world.announce()
        elif step == "no schema":
            world.kafka.schemas.clear()
        elif step == "no requests":
            world.kafka.request_problems = [AWAY] * 2
        await world.passes(0.3)

    def _in_partition(self, step: str, place: TopicPartition) -> None:
        world = self.world
        if step == "put":
            for _ in range(3):
                self.key += 1
                self.wanted[self.key] = str(self.key)
                world.put(self.key, str(self.key), self.key, at=place)
        elif step == "assign" and place not in self.held:
            self.held.add(place)
            world.assign(place)
        elif step == "revoke" and place in self.held:
            self.held.discard(place)
            world.revoke(place)
        elif step == "lose" and place in self.held:
            self.held.discard(place)
            world.lose(place)
        elif step == "make again":
            world.kafka.make_again(place.topic)

    async def end(self) -> None:
        """All is well again, and this member holds everything."""
        world = self.world
        world.announce()
        world.vespa.release()
        for place in PLACES:
            self._in_partition("assign", place)
        await world.until(
            lambda: all(world.committed(each) == len(world.kafka.log[each]) for each in PLACES), "all committed"
        )


@pytest.mark.rule("V12")
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(_STEPS, max_size=25))
@played("--max-open-records=4")
async def test_v12_what_is_held_at_the_end_is_read_whatever_came_before(
    world: World, steps: list[tuple[str, TopicPartition | None]]
) -> None:
    """Taken out: a pause goes on over revoke and assign."""
    history = _History(world)
    history.held.add(PARTITION)
    with structlog.testing.capture_logs():
        await world.start(PARTITION)
        for step, place in steps:
            await history.play(step, place)
        await history.end()
    found = world.titles()
    assert found == history.wanted or any(step == "make again" for step, _ in steps)
    assert found.items() <= history.wanted.items()
    assert (
        world.metric("rowferry_consumer_partitions_begun_again_total", group="rowferry-vespa-sink", cause="silent") == 0
    )
