"""Setting a group's positions back: each keeps the age that it had (rule V7)."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as KafkaTopicPartition

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka.group_offsets import set_back
from tests.waiting import eventually


@pytest.fixture
def client(settings):
    consumer = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": f"{settings.prefix}-group"})
    with closing(consumer):
        yield consumer


def committed(client: Consumer, *partitions: TopicPartition) -> list[tuple[int, str | None]]:
    found = client.committed([KafkaTopicPartition(*each) for each in partitions], timeout=20)
    return [(each.offset, each.metadata) for each in found]


@pytest.mark.rule("V7")
def test_v7_position_that_is_set_back_keeps_its_age(settings, make_topic, client):
    rows, others = TopicPartition(make_topic("rows", 2), 1), TopicPartition(make_topic("others"), 0)
    client.commit(
        offsets=[
            KafkaTopicPartition(*rows, 7, "as_of_ms=1700000000000"),
            KafkaTopicPartition(*others, 9, "as_of_ms=1"),
        ],
        asynchronous=False,
    )
    assert set_back(settings, f"{settings.prefix}-group", lambda each: each.topic == rows.topic) == [rows]
    assert committed(client, rows, others) == [(0, "as_of_ms=1700000000000"), (9, "as_of_ms=1")]
    assert sorted(set_back(settings, f"{settings.prefix}-group")) == sorted([rows, others])
    assert committed(client, others) == [(0, "as_of_ms=1")]


def run_program_of_the_page(settings, group: str) -> subprocess.CompletedProcess[str]:
    """As it stands in `replay.md`, for this broker and this group."""
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "replay.md").read_text()
    program = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert program is not None
    text = textwrap.dedent(program[1]).replace("localhost:9092", settings.bootstrap_servers)
    text = text.replace("rowferry-vespa-sink", group)
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.remedy("stop every service of this group, then try again")
def test_group_with_a_member_is_set_back_once_that_is_stopped(settings, make_topic, client):
    """Red where Kafka is believed: it takes the position, and the member goes on from where it is."""
    rows, free = TopicPartition(make_topic("rows", 2), 1), TopicPartition(make_topic("others"), 0)
    group = f"{settings.prefix}-group"
    client.commit(offsets=[KafkaTopicPartition(*each, 7, "as_of_ms=1") for each in (rows, free)], asynchronous=False)
    client.subscribe([rows.topic])
    eventually(lambda: client.poll(0.1) or client.assignment(), what="a member")

    refused = run_program_of_the_page(settings, group)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"expected group '{group}' without members, got 1 (at 127.0.0.1); stop every service of this group, then try "
        "again (one that was killed is a member for 45 s more)\n"
    )
    assert committed(client, rows, free) == [(7, "as_of_ms=1")] * 2
    client.unsubscribe()
    eventually(lambda: client.poll(0.1) or not client.assignment(), what="no member")
    done = eventually(
        lambda: (ran := run_program_of_the_page(settings, group)).returncode == 0 and ran, what="no member"
    )

    assert done.stdout == "2 partitions set to their start\n"
    assert committed(client, rows, free) == [(0, "as_of_ms=1")] * 2


def test_group_without_positions_has_none_to_set_back(settings):
    assert set_back(settings, f"{settings.prefix}-nobody") == []
