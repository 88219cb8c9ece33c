"""A topic that takes no records, goes away or changes while the reader runs is its table's trouble (rules D6, D8)."""

from __future__ import annotations

from typing import Any

import pytest

from cdc_runtime import metrics
from cdc_runtime.consuming.records import TopicPartition
from schemas.errors import AccessDenied, ServerSetting
from tests.unit.cdc_reader.source import inserted
from tests.unit.cdc_reader.test_changed_keys import entry, excluded
from tests.unit.cdc_reader.world import World

ITEMS, OTHERS = 1, 2
ONE, TWO, THREE = ("1", "a", None), ("2", "b", None), ("3", "c", None)
TOPIC = "cdc.public.items"
DENIED = AccessDenied(
    expected=f"Kafka to write to topic {TOPIC}", found="TOPIC_AUTHORIZATION_FAILED", remedy="allow it"
)
LOOK_S = 16


def written(world: World, *row: Any) -> World:
    """A transaction of both tables."""
    world.source.transact(inserted(ITEMS, *row), inserted(OTHERS, *row))
    return world.turn(12, seconds=0.1)


def set_aside(world: World) -> str:
    assert entry(world).capture.mode == "none"
    assert world.counted(metrics.READER_NOT_STREAMED, table="public.items") == 1
    return entry(world).capture.reason


@pytest.mark.rule("D8")
def test_d8_topic_that_takes_no_records_sets_its_table_aside_alone(streaming: World) -> None:
    """Red without `_refused`, or where the session after it does not ask for the topic's name."""
    streaming.broker.refusing = {TOPIC}
    written(streaming, *TWO)
    assert list(streaming.holds("others")) == ["1", "2"]
    assert list(streaming.holds()) == ["1"]
    assert set_aside(streaming) == "its topic takes no records: MSG_SIZE_TOO_LARGE: too large"
    streaming.broker.refusing = set()
    streaming.turn(2, seconds=11).settle()
    written(streaming, *THREE)
    assert list(streaming.holds()) == ["1", "2", "3"], "read again, and nothing is lost"
    assert list(streaming.holds("others")) == ["1", "2", "3"]
    assert entry(streaming).capture.mode == "replication"


@pytest.mark.rule("D8")
def test_d8_topic_that_goes_on_to_take_no_records_is_tried_after_growing_pauses(streaming: World) -> None:
    """Red where to be captured tells that it has passed: all tables would rewind every ten seconds."""
    streaming.broker.refusing = {TOPIC}
    written(streaming, *TWO)
    begun = len(streaming.streams)
    streaming.turn(1_000, seconds=1)
    tries = len(streaming.streams) - begun
    assert 8 <= tries <= 30, "each takes a session to name the topic, and one without the table"
    written(streaming, *THREE)
    assert list(streaming.holds("others")) == ["1", "2", "3"]


@pytest.mark.rule("D8")
def test_d8_removed_table_whose_topic_takes_no_records_stops_nothing(streaming: World) -> None:
    """Red where its last sweep is published again and again: no other table would come to its commit."""
    streaming.broker.refusing = {TOPIC}
    excluded(streaming, "items").turn(12, seconds=0.1)
    streaming.source.transact(inserted(OTHERS, *TWO))
    streaming.turn(3)
    assert list(streaming.holds("others")) == ["1", "2"]
    assert list(streaming.holds()) == ["1"]
    begun = len(streaming.streams)
    streaming.turn(50, seconds=0.1)
    assert len(streaming.streams) == begun, "it is left alone for a while"
    streaming.broker.refusing = set()
    streaming.turn(700, seconds=1)
    assert (streaming.holds(), entry(streaming).deleted) == ({}, True)
    begun = len(streaming.streams)
    streaming.turn(100, seconds=1)
    assert len(streaming.streams) == begun


@pytest.mark.rule("D8")
def test_d8_topic_that_we_may_not_write_to_any_more_sets_its_table_aside_alone(streaming: World) -> None:
    """Red without `denied` in the start: a refusal of a whole transaction names no topic."""
    streaming.broker.denied = {TOPIC: DENIED}
    streaming.broker.refusing = {TOPIC}
    written(streaming, *TWO)
    assert list(streaming.holds("others")) == ["1", "2"]
    assert set_aside(streaming) == f"its topic cannot be used: {DENIED}"
    streaming.kill()
    streaming.start().settle()
    assert set_aside(streaming) == f"its topic cannot be used: {DENIED}"
    streaming.broker.denied, streaming.broker.refusing = {}, set()
    streaming.turn(40, seconds=1).settle()
    assert list(streaming.holds()) == ["1", "2"]


@pytest.mark.rule("D8")
def test_d8_all_topics_that_we_may_not_look_at_are_no_other_kafka(streaming: World) -> None:
    """Red where they count as lost: the remedy of that would be to read everything again."""
    streaming.kill()
    streaming.broker.denied = {TOPIC: DENIED, "cdc.public.others": DENIED}
    streaming.start().settle()
    set_aside(streaming)
    streaming.broker.denied = {}
    streaming.turn(40, seconds=1).settle()
    assert list(streaming.holds()) == ["1"]
    assert entry(streaming).capture.mode == "replication"


@pytest.mark.rule("D8")
@pytest.mark.parametrize("busy", [False, True], ids=["no row comes", "a row comes"])
def test_d8_topic_that_is_deleted_while_the_reader_runs_is_made_and_filled_again(streaming: World, busy: bool) -> None:
    """Red without `TopicWatch`: a quiet table would be missing from Kafka until the next start."""
    streaming.broker.delete(TOPIC)
    streaming.turn(2, seconds=LOOK_S)
    if busy:
        written(streaming, *TWO)
    streaming.settle()
    assert list(streaming.holds()) == (["1", "2"] if busy else ["1"])
    assert list(streaming.holds("others")) == (["1", "2"] if busy else ["1"])


@pytest.mark.rule("D6", "D8")
def test_d6_partitions_that_are_added_while_the_reader_runs_set_the_table_aside(streaming: World) -> None:
    """Red without `TopicWatch`: keys would lie in other partitions than their older events."""
    streaming.broker.log[TopicPartition(TOPIC, 3)] = []
    streaming.turn(2, seconds=LOOK_S).settle()
    assert set_aside(streaming) == "its topic had 3 partitions, and has 4 now"
    written(streaming, *TWO)
    assert list(streaming.holds("others")) == ["1", "2"]
    assert list(streaming.holds()) == ["1"]


@pytest.mark.rule("D8")
def test_d8_setting_that_changes_while_the_reader_runs_sets_the_table_aside(streaming: World) -> None:
    streaming.broker.refused = {TOPIC: ServerSetting("expected cleanup.policy compact, got delete", remedy="set it")}
    streaming.turn(60, seconds=LOOK_S)
    assert set_aside(streaming) == "its topic cannot be used: expected cleanup.policy compact, got delete"


@pytest.mark.rule("D8")
def test_d8_kafka_that_does_not_answer_for_a_while_changes_nothing(streaming: World) -> None:
    begun = len(streaming.streams)
    streaming.broker.down = True
    streaming.turn(2, seconds=LOOK_S)
    streaming.broker.down = False
    streaming.turn(3, seconds=LOOK_S)
    assert len(streaming.streams) == begun
