"""How what is remembered of new partitions is read before anything of them is handled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pytest

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.consuming.tasks import ThreadTasks
from cdc_runtime.consuming.topic_lives import Anew, Log, Start
from cdc_runtime.health import Health
from file_fetcher import state_reads
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.state_reads import StateReads
from schemas.errors import Unreachable
from schemas.names import TableName
from tests.unit.file_fetcher.members import Clock
from tests.unit.file_fetcher.rows import PARTITION
from tests.waiting import eventually

PHOTOS = TableName("public", "photos")
OTHER = TopicPartition(PARTITION.topic, 8)
AWAY = Unreachable("expected Kafka, got no answer")


class World:
    """A fetcher, Kafka and the reader that note what is asked of them; `story` is all of it in order."""

    def __init__(self) -> None:
        self.story: list[str] = []
        self.assigned: dict[TopicPartition, TablePartition] = {}
        self.troubles: dict[str, Exception] = {}
        self.life = 1
        self.committed = 7, "as_of_ms=5;topic_id=life 1"
        self.health = Health("file-fetcher")
        self.health.ready()
        fakes: Any = self
        self.tasks = ThreadTasks()
        self.reads = StateReads(
            fakes, fakes, 3, catch_up=self.catch_up, logs=fakes, questions=fakes, tasks=self.tasks, health=self.health
        )

    def own(self, *partitions: TopicPartition) -> None:
        new = [TablePartition(each, PHOTOS) for each in partitions]
        self.assigned |= {each.topic_partition: each for each in new}
        self.reads.add(new)

    def committed_with_metadata(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, tuple[int, str | None]]:
        self.note("committed")
        return {PARTITION: self.committed}

    def of(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Log]:
        return {each: Log(f"life {self.life}", 2, 9) for each in partitions if self.life}

    def begin_again(self, partition: TopicPartition, next_offset: int) -> None:
        self.note(f"begins again at {next_offset}")

    def renew(self, assigned: TablePartition, anew: Anew) -> list[TablePartition]:
        self.note(f"renewed, since {anew.reason}")
        self.assigned[assigned.topic_partition] = renewed = TablePartition(assigned.topic_partition, PHOTOS)
        return [renewed]

    def known_end(self, topic_partition: TopicPartition) -> int | None:
        return None

    def catch_up(self, partitions: Sequence[int]) -> None:
        self.note(f"read {list(partitions)}")

    def begin(self, new: Sequence[TablePartition], starts: Mapping[TopicPartition, Start]) -> None:
        self.note(f"examined {len(new)}")

    def again(self, partitions: Sequence[TablePartition], positions: object) -> None:
        self.note(f"asked for lost of {len(partitions)}")

    def reading(self, *, begins: bool) -> None:
        self.note("stands still" if begins else "goes on")

    def ready(self, assigned: TablePartition, start: Start) -> None:
        assigned.ready = True
        self.note(f"ready at {start.position.next_offset if start.position else None}")

    def note(self, what: str) -> None:
        self.story.append(what)
        trouble = self.troubles.pop(what.partition(" ")[0], None)
        if trouble is not None:
            raise trouble

    def until(self, done: Callable[[], bool]) -> None:
        def stepped() -> bool:
            self.reads.step()
            return done()

        eventually(stepped, what="the end of a read")

    def all_ready(self) -> bool:
        return all(each.ready for each in self.assigned.values())


@pytest.fixture
def world(clock: Clock) -> World:
    return World()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(state_reads, "time", made)
    return made


@pytest.mark.rule("F2")
def test_f2_partition_is_ready_when_its_state_has_been_read_behind_its_committed_offset(world: World) -> None:
    """Red when `_read_state` does not catch up, or is begun before the committed offset is known."""
    world.own(PARTITION, OTHER)
    world.until(world.all_ready)
    assert world.story == [
        *("committed", "stands still", "read [1, 2]", "examined 2", "goes on"),
        *("ready at 7", "ready at None"),
    ]


@pytest.mark.rule("F2")
@pytest.mark.parametrize(
    ("step", "before"),
    {
        "committed": ["committed"],
        "read": ["committed", "stands still", "read [1]"],
        "examined": ["committed", "stands still", "read [1]", "examined 1"],
    }.items(),
)
def test_f2_state_that_was_not_read_to_its_end_is_read_again_before_anything_goes_on(
    world: World, clock: Clock, step: str, before: list[str]
) -> None:
    """Red when a read that failed ends like one that did not."""
    world.own(PARTITION)
    world.troubles = {step: AWAY}
    world.until(lambda: not world.health.readiness()[0])
    assert world.story == before
    world.reads.step()
    assert world.story == before, "expected a pause before the next try"
    clock.now += 1.0
    world.until(world.all_ready)
    again = ["committed", "stands still", "read [1]", "examined 1", "goes on", "ready at 7"]
    assert world.story == [*before, *again]
    assert world.health.readiness()[0]


def test_partition_that_was_taken_away_meanwhile_is_not_made_ready(world: World) -> None:
    world.own(PARTITION, OTHER)
    world.reads.step()
    gone = world.assigned.pop(PARTITION)
    world.until(world.all_ready)
    assert not gone.ready


def test_lost_retries_are_asked_for_now_and_then_and_never_while_state_is_read(world: World, clock: Clock) -> None:
    clock.now += 30.0
    world.own(PARTITION)
    world.until(world.all_ready)
    world.until(lambda: "asked for lost of 1" in world.story)
    assert world.story.index("asked for lost of 1") > world.story.index("ready at 7")


def test_reader_that_cannot_be_asked_stops_nothing_and_a_bug_does(world: World, clock: Clock) -> None:
    for trouble in (AWAY, ZeroDivisionError()):
        clock.now += 30.0
        world.troubles = {"asked": trouble}
        world.until(lambda: not world.troubles)
    eventually(lambda: isinstance(world.tasks.error, ZeroDivisionError), what="an error that ends the service")


@pytest.mark.rule("V11")
@pytest.mark.parametrize(
    ("committed", "life", "reason"),
    {
        "another topic": [(7, "topic_id=life 1"), 2, "the topic was made again: its id was life 1, now life 2"],
        "a shorter log": [(11, "topic_id=life 1"), 1, "the log ends at offset 9, before the position 11"],
    }.values(),
    ids=["another topic", "a shorter log"],
)
def test_v11_partition_whose_log_is_another_one_begins_anew_at_its_first_offset(
    world: World, committed: tuple[int, str], life: int, reason: str
) -> None:
    """Red when the id, or the end, is not compared."""
    world.committed, world.life = committed, life
    world.own(PARTITION)
    world.until(world.all_ready)
    assert world.story[-3:] == ["begins again at 2", f"renewed, since {reason}", "ready at None"]


def test_partition_whose_topic_is_not_there_is_looked_up_again(world: World, clock: Clock) -> None:
    world.life = 0
    world.own(PARTITION)
    world.until(lambda: "goes on" in world.story)
    assert not world.all_ready()
    world.life = 1
    clock.now += 1.0
    world.until(world.all_ready)
