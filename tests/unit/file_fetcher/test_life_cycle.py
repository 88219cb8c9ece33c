"""What a member of the group does in its life: it polls, closes, joins, or is terminated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from cdc_runtime.consuming.partitions import Partitions
from cdc_runtime.consuming.position_age import CommittedPosition
from cdc_runtime.consuming.position_check import Answer
from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.consuming.topic_lives import Anew, Log, Start
from cdc_runtime.health import Health
from cdc_runtime.metrics import Metrics
from cdc_runtime.settings.models import KafkaSettings
from file_fetcher import group_member as members
from file_fetcher.group_member import GroupMember
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.intake.reader_questions import ReaderQuestions
from file_fetcher.metrics import FetcherMetrics
from file_fetcher.settling.kafka_transactions import Membership
from schemas.errors import Unreachable
from schemas.names import TableName
from tests.unit.file_fetcher.members import Clock
from tests.unit.file_fetcher.rows import OWN_TOPICS, PARTITION

TABLE = TableName("public", "photos")
RECORD = Record(PARTITION.topic, PARTITION.partition, 5, b"7", b"x", 0)
HOUR_S = 3600.0


class _Consumer:
    """The Kafka client: one record is there at each poll, and every partition ends at 9."""

    def __init__(self, *_: object) -> None:
        self.group = "group"
        self.committed = {PARTITION: (5, "as_of_ms=1000000")}
        self.assignments: Any = None
        self.closed = 0

    def poll_batch(self, most: int, wait_s: float) -> list[Record]:
        return [RECORD]

    def group_metadata(self) -> str:
        return "generation 7"

    def known_end(self, topic_partition: TopicPartition) -> int:
        return 9

    def committed_with_metadata(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, tuple[int, str]]:
        return {each: self.committed[each] for each in partitions}

    def pause(self, partitions: object) -> None:
        """Nothing is fetched anyway."""

    resume = pause

    def begin_again(self, topic_partition: TopicPartition, next_offset: int) -> None:
        """Nothing is fetched anyway."""

    def close(self) -> None:
        self.closed += 1
        self.assignments.on_revoke([PARTITION])


class _Fetcher:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.batch = 500
        self.assigned: Partitions[TablePartition] = Partitions()
        self.idle = True
        self.told: list[str] = []

    def assign(self, partitions: Sequence[TopicPartition]) -> list[TablePartition]:
        self.assigned.update({each: TablePartition(each, TABLE) for each in partitions})
        return list(self.assigned.values())

    def ready(self, assigned: TablePartition, start: Start) -> None:
        self.told.append("ready")
        assigned.begin(start.position, 0)
        assigned.ready = True

    def reading(self, *, begins: bool) -> None:
        """It waits meanwhile."""

    def take(self, records: Sequence[Record]) -> None:
        self.told += ["take"] * len(records)

    def step(self, member: Membership) -> None:
        self.told.append("step")

    def turns(self) -> tuple[list[TopicPartition], list[TopicPartition]]:
        return [], []

    def revoke(self, partitions: Sequence[TopicPartition], member: Membership) -> None:
        self.told.append("settle")
        self.drop(partitions, "revoke")

    def drop(self, partitions: Sequence[TopicPartition], kind: str) -> None:
        self.told.append(f"drop: {kind}")


class _Check:
    """Answers as it is told; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[CommittedPosition | None] = []
        self.answer: Answer | Exception = Answer.SOUND

    def check(
        self, table: TableName, partition: TopicPartition, position: CommittedPosition | None, anew: Anew | None
    ) -> Answer:
        assert (table, partition) == (TABLE, PARTITION)
        self.asked.append(position)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class _Logs:
    def of(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Log]:
        return {each: Log("life 1", 0, 9) for each in partitions}


class _LostRetries:
    def ask(self, partitions: Sequence[TablePartition]) -> None:
        """None is lost."""


class _Tasks:
    """Work is done at once."""

    error: BaseException | None = None

    def run(self, work: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work())
        return future


class World:
    """A member with everything about it made by hand."""

    def __init__(self) -> None:
        self.fetcher, self.check, self.tasks = _Fetcher(), _Check(), _Tasks()
        self.health = Health("file-fetcher")
        self.health.ready()
        fakes: Any = self
        self.member = GroupMember(
            KafkaSettings(),
            fakes.fetcher,
            OWN_TOPICS,
            catch_up=lambda partitions: None,
            logs=_Logs(),  # type: ignore[arg-type]
            results_id=lambda: None,
            questions=ReaderQuestions(fakes.check, _LostRetries()),  # type: ignore[arg-type]
            tasks=fakes.tasks,
            metrics=FetcherMetrics(Metrics("file-fetcher", "1"), "group"),
            health=self.health,
        )
        consumer: Any = self.member._consumer
        self.consumer: _Consumer = consumer
        self.consumer.assignments = self.member

    def own(self) -> TablePartition:
        """Take a partition over, and poll until it is ready."""
        self.member.on_assign([PARTITION])
        self.member.poll()
        self.member.poll()
        return self.fetcher.assigned[PARTITION]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    made.now = 1_000_000.0
    for module in ("group_member", "state_reads", "intake.reader_questions"):
        monkeypatch.setattr(f"file_fetcher.{module}.time", made)
    monkeypatch.setattr(members, "GroupConsumer", _Consumer)
    return made


@pytest.fixture
def world(clock: Clock) -> World:
    return World()


@pytest.mark.rule("V7")
def test_v7_partition_is_checked_before_it_is_ready(world: World, clock: Clock) -> None:
    world.check.answer = Unreachable("expected Kafka, got no answer")
    partition = world.own()
    assert (partition.ready, world.health.readiness()) == (False, (False, "kafka: expected Kafka, got no answer"))
    world.check.answer = Answer.SOUND
    clock.now += 1
    world.member.poll()
    world.member.poll()
    assert (partition.ready, world.health.readiness()[0]) == (True, True)
    assert world.check.asked == [CommittedPosition(5, 1_000_000)] * 2


@pytest.mark.rule("V7")
def test_v7_partition_that_waits_is_checked_again_each_hour(world: World, clock: Clock) -> None:
    partition = world.own()
    partition.block(RECORD, "its schema is not known")
    clock.now += HOUR_S - 1
    world.member.poll()
    assert len(world.check.asked) == 1
    clock.now += 30
    world.member.poll()
    assert world.check.asked[1:] == [CommittedPosition(5, 1_000_000)]


@pytest.mark.rule("V7")
def test_v7_what_was_asked_for_counts_from_there(world: World, clock: Clock) -> None:
    world.check.answer = Answer.ASKED
    world.own().paused = True
    clock.now += HOUR_S
    world.member.poll()
    assert world.check.asked[1:] == [CommittedPosition(5, 1_000_000_000)]


def test_check_that_fails_is_made_again(world: World, clock: Clock) -> None:
    world.own()
    world.check.answer = Unreachable("expected Kafka, got no answer")
    clock.now += HOUR_S
    world.member.poll()
    world.check.answer = Answer.SOUND
    clock.now += 30
    world.member.poll()
    world.member.poll()
    assert len(world.check.asked) == 3


def test_member_that_is_closed_takes_no_more_and_goes_on(world: World) -> None:
    world.own()
    world.fetcher.told.clear()
    world.member.close()
    world.member.poll()
    assert world.fetcher.told == ["step"]


@pytest.mark.rule("F1")
def test_f1_member_that_joins_settles_before_it_gives_its_partitions_back(world: World, clock: Clock) -> None:
    world.own()
    world.member.close()
    world.fetcher.told.clear()
    world.member.join(clock.now + 10)
    assert (world.fetcher.told, world.consumer.closed) == (["settle", "drop: revoke"], 1)


def test_member_that_joins_works_for_half_the_time_at_most(world: World, clock: Clock) -> None:
    world.own()
    world.member.close()
    world.fetcher.told.clear()
    world.fetcher.idle = False
    step = world.fetcher.step

    def slow(member: Membership) -> None:
        clock.now += 2
        step(member)

    world.fetcher.step = slow  # type: ignore[method-assign]
    world.member.join(clock.now + 10)
    assert world.fetcher.told == ["step"] * 3 + ["settle", "drop: revoke"]


@pytest.mark.rule("F1")
def test_f1_member_that_is_terminated_settles_nothing(world: World) -> None:
    world.own()
    world.fetcher.told.clear()
    world.member.terminate()
    assert (world.fetcher.told, world.consumer.closed) == (["drop: revoke"], 1)


def test_error_of_a_task_ends_the_member(world: World) -> None:
    world.tasks.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        world.member.poll()
