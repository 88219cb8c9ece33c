"""What a member of the group tells the fetcher of the partitions that it holds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.health import Health
from cdc_runtime.settings.models import KafkaSettings
from file_fetcher import group_member as members
from file_fetcher.group_member import GroupMember
from file_fetcher.intake.partitions import AssignedPartition
from file_fetcher.settling.kafka_transactions import Membership
from schemas.names import TableName
from tests.unit.file_fetcher.rows import TOPICS

TABLE = TableName("public", "photos")


class _Consumer:
    """The Kafka client: nothing comes, and every partition ended at 9 when it was fetched last."""

    def __init__(self, *_: object) -> None:
        self.group = "group"

    def poll_batch(self, most: int, wait_s: float) -> list[Record]:
        return []

    def group_metadata(self) -> str:
        return "generation 7"

    def known_end(self, topic_partition: TopicPartition) -> int:
        return 9

    def pause(self, partitions: object) -> None:
        """Nothing is fetched anyway."""

    resume = pause


class _Fetcher:
    """Notes where it was told that partitions end."""

    def __init__(self, held: list[AssignedPartition]) -> None:
        self.held = {each.topic_partition: each for each in held}
        self.own_topics = SimpleNamespace(partitions=3, group="group", topics=TOPICS)
        self.health = Health("file-fetcher")
        self.idle = True
        self.ends: list[int | None] = []

    def take(self, records: list[Record]) -> None:
        assert records == []

    def step(self, member: Membership) -> None:
        self.ends = [
            member.end_of(topic_partition) for topic_partition in (*self.held, TopicPartition("cdc.public.other", 0))
        ]

    def turns(self) -> tuple[list[TopicPartition], list[TopicPartition]]:
        return [], []


class _Drain:
    """Asks for the end after one round."""

    def __init__(self) -> None:
        self._asked = 0

    @property
    def stopping(self) -> bool:
        self._asked += 1
        return self._asked > 1

    def remaining_s(self) -> float:
        return 0.0


def ends_of(*held: AssignedPartition) -> list[int | None]:
    fetcher: Any = _Fetcher(list(held))
    nothing: Any = None
    GroupMember(KafkaSettings(), fetcher, catch_up=lambda _: None, examination=nothing).run(_Drain())  # type: ignore[arg-type]
    ends: list[int | None] = fetcher.ends
    return ends


def held(partition: int, **how: Any) -> AssignedPartition:
    made = AssignedPartition(TopicPartition("cdc.public.photos", partition), TABLE, ready=True)
    for name, value in how.items():
        setattr(made, name, value)
    return made


@pytest.mark.rule("V7")
def test_v7_of_a_partition_that_waits_no_end_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "GroupConsumer", _Consumer)
    waiting = held(1, blocked="its schema is not known"), held(2, paused=True), held(3, ready=False)
    assert ends_of(held(0), *waiting) == [9, None, None, None, None]
