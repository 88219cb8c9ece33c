"""When positions are checked: a new one until that is done, and each hour, whether or not its partition waits."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from cdc_runtime.backoff import Delays
from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.position_check import Answer
from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.consuming.topic_lives import Anew
from cdc_runtime.metrics import Metrics
from schemas.errors import Unreachable
from schemas.names import TableName
from tests.unit.vespa_sink.events import record
from vespa_sink.intake import position_checks
from vespa_sink.intake.partitions import SinkPartition
from vespa_sink.intake.position_checks import PositionChecks
from vespa_sink.intake.topics import ListingTopic, TableTopic, TopicType
from vespa_sink.metrics import SinkMetrics
from vespa_sink.vespa.searches import Doubts

HOUR_S = 3600.0
PARTITION = TopicPartition("cdc.public.rfis", 2)
RFIS = TableTopic(TableName("public", "rfis"))
AWAY = Unreachable("expected Kafka, got no answer")


class _Check:
    """Answers or fails as it is told, in this order; then everything is sound."""

    def __init__(self) -> None:
        self.answers: list[Answer | Unreachable] = []
        self.asked: list[CommittedPosition | None] = []

    def check(
        self, table: TableName, partition: TopicPartition, position: CommittedPosition | None, anew: Anew | None
    ) -> Answer:
        assert (table, partition) == (RFIS.table, PARTITION)
        self.asked.append(position)
        answer = self.answers.pop(0) if self.answers else Answer.SOUND
        if isinstance(answer, Unreachable):
            raise answer
        return answer


class World:
    """The checks of a member, at a time that stands still."""

    def __init__(self, set_clock: Callable[[float], None]) -> None:
        self._set_clock = set_clock
        self.metrics = Metrics("vespa-sink", "1")
        self.check = _Check()
        check: Any = self.check
        self.checks = PositionChecks(check, SinkMetrics(self.metrics, "group"))
        self.troubles: list[str | None] = []
        self.at(1_000_000.0)

    def at(self, now: float) -> None:
        self.now = now
        self._set_clock(now)

    async def own(self, topic_type: TopicType = RFIS, as_of_ms: int | None = 7) -> SinkPartition:
        partition = SinkPartition(PARTITION, topic_type, Doubts(0.0))
        committed = CommittedPosition(3, as_of_ms)
        partition.begin(committed, int(self.now * 1000))
        await self.checks.settle(partition, committed, self.troubles.append)
        partition.ready = True
        return partition

    @property
    def snapshots_asked(self) -> float | None:
        return self.metrics.registry.get_sample_value("rowferry_sink_snapshots_asked_total")


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(position_checks, "NEIGHBOUR_DELAYS", Delays(0.0, 0.0))
    clock = SimpleNamespace(time=lambda: 0.0)
    monkeypatch.setattr(position_checks, "time", clock)
    return World(lambda now: setattr(clock, "time", lambda: now))


@pytest.mark.rule("V7")
async def test_v7_new_position_is_checked_until_that_is_done(world: World) -> None:
    world.check.answers = [AWAY, AWAY, Answer.ASKED]
    await world.own()
    assert world.check.asked == [CommittedPosition(3, 7)] * 3
    trouble = "position of cdc.public.rfis[2]: expected Kafka, got no answer"
    assert world.troubles == [trouble, trouble, None]


@pytest.mark.rule("V7")
async def test_v7_partition_that_waits_is_checked_again_each_hour(world: World) -> None:
    partition = await world.own()
    partition.block(record(), "its schema is not known")
    world.at(world.now + HOUR_S - 1)
    await world.checks.look([partition])
    assert len(world.check.asked) == 1
    world.at(world.now + 1)
    await world.checks.look([partition])
    await world.checks.look([partition])
    assert world.check.asked[1:] == [CommittedPosition(3, 7)]


@pytest.mark.rule("V7")
async def test_v7_what_was_asked_for_counts_from_there(world: World) -> None:
    world.check.answers = [Answer.ASKED]
    partition = await world.own()
    asked_ms = int(world.now * 1000)
    world.at(world.now + HOUR_S)
    await world.checks.look([partition])
    assert world.check.asked[1:] == [CommittedPosition(3, asked_ms)]


async def test_requests_are_counted_once_for_a_table(world: World) -> None:
    world.check.answers = [Answer.ASKED, Answer.ASKED_BEFORE, Answer.SOUND]
    for _ in range(3):
        await world.own()
    assert world.snapshots_asked == 1


async def test_check_that_fails_is_made_again(world: World) -> None:
    partition = await world.own()
    world.at(world.now + HOUR_S)
    world.check.answers = [AWAY]
    with pytest.raises(Unreachable):
        await world.checks.look([partition])
    await world.checks.look([partition])
    assert len(world.check.asked) == 3


async def test_topic_without_tombstones_is_not_checked(world: World) -> None:
    partition = await world.own(ListingTopic.FILES)
    world.at(world.now + HOUR_S)
    await world.checks.look([partition])
    assert world.check.asked == []


async def test_partition_that_is_not_ours_any_more_is_not_waited_for(world: World) -> None:
    partition = SinkPartition(PARTITION, RFIS, Doubts(0.0))
    partition.drop()
    await world.checks.settle(partition, None, world.troubles.append)
    await world.checks.look([partition])
    assert world.check.asked == []
