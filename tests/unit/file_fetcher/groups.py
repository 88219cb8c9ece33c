"""A member in a consumer group: the fetcher of `members`, and a group whose partitions come and go as the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pytest

from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.consuming.tasks import ThreadTasks
from cdc_runtime.consuming.topic_lives import Log
from cdc_runtime.settings.models import KafkaSettings
from file_fetcher import group_member, state_reads
from file_fetcher.group_member import GroupMember
from file_fetcher.intake.partitions import TablePartition
from tests.unit.file_fetcher.members import World
from tests.unit.file_fetcher.rows import OWN_TOPICS
from tests.waiting import eventually


class _Consumer:
    """The Kafka client: rebalances and records come with the next poll, as librdkafka hands them over."""

    def __init__(self, group: Group) -> None:
        self._group = group

    def poll_batch(self, most: int, wait_s: float) -> list[Record]:
        group = self._group
        while group.rebalances:
            group.rebalances.pop(0)()
        records, group.records = group.records, []
        return records

    def committed_with_metadata(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, tuple[int, str]]:
        self._group.asked.append("offsets")
        broker = self._group.world.broker
        return {
            each: (broker.committed[each], broker.texts.get(each, ""))
            for each in partitions
            if each in broker.committed
        }

    def group_metadata(self) -> str:
        return "generation 7"

    def known_end(self, partition: TopicPartition) -> int | None:
        return None

    def pause(self, partitions: object) -> None:
        """Records come when the test says so."""

    resume = pause

    def begin_again(self, partition: TopicPartition, next_offset: int) -> None:
        self._group.asked.append(f"begin again at {next_offset}")


class Group:
    """
    One member, driven round by round.

    `state_can_be_read` holds up the thread that reads what is remembered; `problems` are raised there, one a call;
    `behind_state` is called when the state was read.
    """

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.rebalances: list[Callable[[], None]] = []
        self.records: list[Record] = []
        self.asked: list[object] = []
        self.problems: list[Exception] = []
        self.life, self.first_offset = 1, 0
        self.results_id: str | None = "files 1"
        self.behind_state: Callable[[], None] = lambda: None
        self.state_can_be_read = threading.Event()
        monkeypatch.setattr(group_member, "GroupConsumer", lambda *_: _Consumer(self))
        monkeypatch.setattr(state_reads, "_AGAIN_S", 0.0)
        positions: Any = self
        self.member = GroupMember(
            KafkaSettings(),
            world.fetcher,
            OWN_TOPICS,
            catch_up=self._catch_up,
            logs=positions,
            results_id=lambda: self.results_id,
            questions=positions,
            tasks=ThreadTasks(),
            metrics=world.metrics,
            health=world.health,
        )

    def assign(self, *partitions: TopicPartition) -> None:
        self.rebalances.append(lambda: self.member.on_assign(partitions))

    def revoke(self, *partitions: TopicPartition) -> None:
        self.rebalances.append(lambda: self.member.on_revoke(partitions))

    def lose(self, *partitions: TopicPartition) -> None:
        self.rebalances.append(lambda: self.member.on_lost(partitions))

    def round(self, *records: Record, seconds: float = 1.0) -> None:
        """Let the member poll once, and fetch what it has started."""
        self.records += records
        self.world.clock.now += seconds
        self.member.poll()
        self.world.downloads.run()

    def until(self, condition: Callable[[], Any]) -> None:
        """Go round until something is so."""
        eventually(lambda: (self.round(), condition())[1])

    def of(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Log]:
        """The logs that partitions have."""
        return {each: Log(f"life {self.life}", self.first_offset, self.world.next_offset[each]) for each in partitions}

    def unread(self, next_offsets: Mapping[TopicPartition, int]) -> list[TopicPartition]:
        """Whatever the client does not hand out can be read."""
        return list(next_offsets)

    def begin(self, partitions: Sequence[TablePartition], starts: object) -> None:
        """Positions are sound, and nothing is lost."""

    def again(self, partitions: Sequence[TablePartition], positions: object) -> None:
        """They still are."""

    def _catch_up(self, partitions: Sequence[int]) -> None:
        """In the thread that reads state."""
        if not self.state_can_be_read.wait(20):
            raise AssertionError("expected the test to let state be read")
        self.asked.append(list(partitions))
        if self.problems:
            raise self.problems.pop(0)
        self.world.catch_up(partitions)
        self.behind_state()
