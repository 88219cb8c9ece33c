"""What changes while a reader starts, between what it looked at first and what it records (P, D)."""

from __future__ import annotations

import pytest

from schemas.errors import GapFound
from schemas.names import TableName
from tests.unit.cdc_reader.source import inserted
from tests.unit.cdc_reader.world import TOPICS, World

ITEMS = 1
TOPIC = TOPICS.table(TableName("public", "items"))
TWO = ("2", "b", None)
LAST_LOOK = "pg_current_snapshot()"  # the statement before it


@pytest.mark.rule("P5")
@pytest.mark.parametrize("made_again", [True, False], ids=["made again", "gone"])
def test_p5_topic_that_goes_while_the_reader_starts_has_its_table_read_again(
    streaming: World, made_again: bool
) -> None:
    """Red where only the first look at the topics tells what was lost: the ids of the last one are recorded."""
    streaming.kill()

    def delete() -> None:
        streaming.broker.delete(TOPIC)
        if made_again:
            streaming.broker.create(TOPIC, 3)

    streaming.source.before(LAST_LOOK, delete)
    streaming.start()
    streaming.kill()
    streaming.start().settle()
    assert streaming.holds() == {"1": (1, "a", None)}
    assert streaming.told()[-1] == ("s", None), "what left the table meanwhile leaves the index"


@pytest.mark.rule("P5")
def test_p5_another_kafka_is_refused_before_anything_is_changed(streaming: World) -> None:
    """Red where the topics are compared by the last look alone: they have been made by then."""
    streaming.kill()
    topics = (TOPIC, TOPICS.table(TableName("public", "others")))
    for topic in topics:
        streaming.broker.delete(topic)
    with pytest.raises(GapFound, match="none of them"):
        streaming.start()
    assert not streaming.broker.ids.keys() & set(topics)


@pytest.mark.rule("D6", "D8")
def test_d6_topic_that_comes_back_with_other_partitions_while_the_reader_starts_is_met(streaming: World) -> None:
    """Red where topics are watched for what the start saw last, and not for what it compared."""
    streaming.kill()

    def make_again() -> None:
        streaming.broker.delete(TOPIC)
        streaming.broker.create(TOPIC, 5)

    streaming.source.before(LAST_LOOK, make_again)
    streaming.start().turn(30, seconds=1).settle()
    streaming.source.transact(inserted(ITEMS, *TWO))
    streaming.settle()
    assert ("c", (2, "b", None)) not in streaming.streamed()


def with_a_table_to_publish(world: World) -> World:
    """A reader that has ended, and a table that the next one will publish: it reads the catalog once more then."""
    world.kill()
    world.source.unpublished.add(world.source.create("more", 3))
    return world


@pytest.mark.rule("D2", "D8")
def test_d2_table_that_leaves_the_publication_for_a_time_while_the_reader_starts_is_read_again(
    streaming: World,
) -> None:
    """Red where only the first catalog is compared: the publication of the second one is recorded."""
    with_a_table_to_publish(streaming)
    streaming.source.before("ALTER PUBLICATION", lambda: streaming.source.remembered.update({ITEMS: "951"}))
    streaming.start().settle()
    assert streaming.told()[-1] == ("s", None)
    assert streaming.told("others")[-1] == ("c", (1, "a", None)), "alone"


@pytest.mark.rule("D2")
def test_d2_publication_that_is_recreated_while_the_reader_starts_is_a_gap(streaming: World) -> None:
    """Red where only the first catalog is compared."""
    with_a_table_to_publish(streaming)
    streaming.source.before("ALTER PUBLICATION", lambda: setattr(streaming.source, "identity", "901:760"))
    with pytest.raises(GapFound, match="altered or recreated"):
        streaming.start()
