"""A consumer group on a real broker: assignment, commits, pausing, bounded batches."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.kafka.consumer import GroupConsumer
from cdc_runtime.kafka.producer import IdempotentProducer, TransactionalProducer
from tests.waiting import eventually


class Seen:
    """Records what the group tells a member."""

    def __init__(self) -> None:
        self.held: set[TopicPartition] = set()
        self.revoked: list[TopicPartition] = []
        self.lost: list[TopicPartition] = []
        self.before_revoke = lambda places: None

    def on_assign(self, places):
        self.held.update(places)

    def on_revoke(self, places):
        self.before_revoke(places)
        self.revoked.extend(places)
        self.held.difference_update(places)

    def on_lost(self, places):
        self.lost.extend(places)
        self.held.difference_update(places)


@pytest.fixture
def member(settings):
    made = []

    def join(topics, seen=None, **more):
        consumer = GroupConsumer(settings, f"{settings.prefix}-group", topics, seen or Seen(), **more)
        made.append(consumer)
        return consumer

    yield join
    for consumer in made:
        consumer.close()


@pytest.fixture
def write(settings):
    producer = IdempotentProducer(settings)

    def send(topic, *values, partition=0):
        for value in values:
            producer.send(topic, b"k", value, partition=partition)
        producer.flush_or_raise()

    yield send
    producer.close()


def collect(consumer, count, timeout_s=60):
    deadline = time.monotonic() + timeout_s
    records: list[Record] = []
    while len(records) < count:
        assert time.monotonic() < deadline, f"expected {count} records, got {len(records)}"
        records += consumer.poll_batch(500, 0.1)
    return records


def values(records):
    return [record.value for record in records]


def test_a_group_without_offsets_begins_at_the_earliest_record(make_topic, write, member):
    topic = make_topic()
    write(topic, b"1", b"2")
    assert values(collect(member([topic]), 2)) == [b"1", b"2"]


def test_a_group_goes_on_behind_what_it_committed(make_topic, write, member):
    topic = make_topic()
    place = TopicPartition(topic, 0)
    write(topic, b"1", b"2", b"3")
    first = member([topic])
    collect(first, 3)
    first.commit({place: 2})
    assert first.committed([place]) == {place: 2}
    first.close()
    assert values(collect(member([topic]), 1)) == [b"3"]


def test_nothing_is_committed_by_itself(make_topic, write, member):
    topic = make_topic()
    write(topic, b"1")
    first = member([topic])
    collect(first, 1)
    first.close()
    assert values(collect(member([topic]), 1)) == [b"1"]


def test_an_asynchronous_commit_arrives(make_topic, write, member):
    topic = make_topic()
    place = TopicPartition(topic, 0)
    write(topic, b"1")
    consumer = member([topic])
    collect(consumer, 1)
    consumer.commit({place: 1}, synchronous=False)
    consumer.poll_batch(1, 0)
    eventually(lambda: consumer.committed([place]) == {place: 1}, what="the commit")


def test_aborted_records_are_not_handed_out(settings, make_topic, write, member):
    topic = make_topic()
    producer = TransactionalProducer(settings, settings.prefix)
    producer.init(20)
    producer.begin()
    producer.produce(topic, b"k", b"aborted")
    producer._producer.flush(20)
    producer.abort()
    producer.close()
    write(topic, b"seen")
    assert values(collect(member([topic]), 1)) == [b"seen"]


def test_a_batch_does_not_wait_to_be_full(make_topic, write, member):
    topic = make_topic()
    consumer = member([topic])
    write(topic, b"0")
    collect(consumer, 1)
    write(topic, b"1")
    begun = time.monotonic()
    assert values(consumer.poll_batch(500, 120)) == [b"1"]
    assert time.monotonic() - begun < 60


def test_a_batch_is_bounded(make_topic, write, member):
    topic = make_topic()
    write(topic, *[b"%d" % number for number in range(100)])
    consumer = member([topic])
    sizes: list[int] = []
    while sum(sizes) < 100:
        sizes.append(len(consumer.poll_batch(7, 1)))
    assert max(sizes) == 7


def test_a_paused_partition_is_silent_until_it_is_resumed(make_topic, write, member):
    topic = make_topic(partitions=2)
    place = TopicPartition(topic, 0)
    consumer = member([topic])
    write(topic, b"0")
    collect(consumer, 1)
    consumer.pause([place])
    write(topic, b"1")
    write(topic, b"other", partition=1)
    assert values(collect(consumer, 1)) == [b"other"]
    assert consumer.poll_batch(10, 0.5) == []
    assert place in consumer.assignment()
    consumer.resume([place])
    assert values(collect(consumer, 1)) == [b"1"]


@pytest.mark.rule("V12")
def test_v12_a_partition_that_was_paused_and_comes_back_is_read(make_topic, write, member):
    """Taken out: the client keeps the pause over revoke and assign, and nobody knows of it any more."""
    topic = make_topic(partitions=2)
    for partition in range(2):
        write(topic, b"0", partition=partition)
    seen, other = Seen(), Seen()
    first = member([topic], seen)
    collect(first, 2)
    first.pause([TopicPartition(topic, partition) for partition in range(2)])
    second = member([topic], other)
    deadline = time.monotonic() + 60
    while not other.held:
        assert time.monotonic() < deadline
        first.poll_batch(10, 0.05)
        second.poll_batch(10, 0.05)
    (moved,) = other.held
    second.close()
    for partition in range(2):
        write(topic, b"1", partition=partition)
    # Nothing was committed, so it begins at its first record; the other stays paused.
    records = collect(first, 2)
    assert [(record.partition, record.value) for record in records] == [
        (moved.partition, b"0"),
        (moved.partition, b"1"),
    ]
    assert first.poll_batch(10, 0.5) == []


@pytest.mark.rule("V12")
def test_v12_a_member_that_holds_nothing_leaves_and_is_not_waited_for(settings, kafka, make_topic, member):
    """Taken out: it is a member until its session times out, and no rebalance ends before that."""
    topic = make_topic(partitions=1)
    members = {seen: member([topic], seen) for seen in (Seen(), Seen())}
    admin = AdminClient({"bootstrap.servers": kafka})

    def shares():
        (described,) = admin.describe_consumer_groups([f"{settings.prefix}-group"]).values()
        try:
            group = described.result()
        except KafkaException:
            return []  # the coordinator of a new broker is not there yet
        return sorted(len(each.assignment.topic_partitions) for each in group.members)

    deadline = time.monotonic() + 60
    while not any(seen.held for seen in members) or shares() != [0, 1]:
        assert time.monotonic() < deadline
        for consumer in members.values():
            consumer.poll_batch(10, 0.05)
    (empty,) = [consumer for seen, consumer in members.items() if not seen.held]
    empty.close()
    assert len(shares()) == 1


def test_a_seek_hands_records_out_again(make_topic, write, member):
    topic = make_topic()
    write(topic, b"0", b"1", b"2")
    consumer = member([topic])
    collect(consumer, 3)
    consumer.seek(TopicPartition(topic, 0), 1)
    assert values(collect(consumer, 2)) == [b"1", b"2"]


def test_a_second_member_takes_only_a_part_and_the_first_commits_it_before(make_topic, write, member):
    topic = make_topic(partitions=4)
    for partition in range(4):
        write(topic, b"%d" % partition, partition=partition)
    seen, other = Seen(), Seen()
    first = member([topic], seen)
    seen.before_revoke = lambda places: first.commit(dict.fromkeys(places, 1))
    collect(first, 4)
    assert len(seen.held) == 4
    second = member([topic], other)
    deadline = time.monotonic() + 60
    while len(other.held) < 2:
        assert time.monotonic() < deadline
        assert first.poll_batch(10, 0.05) == []
        assert second.poll_batch(10, 0.05) == [], "a committed record came again"
    assert len(seen.held) == 2
    assert len(seen.revoked) == 2
    assert seen.lost == []
    assert seen.held.isdisjoint(other.held)


def test_closing_gives_the_partitions_back(make_topic, write, member):
    topic = make_topic()
    write(topic, b"1")
    seen = Seen()
    consumer = member([topic], seen)
    collect(consumer, 1)
    seen.before_revoke = lambda places: consumer.commit(dict.fromkeys(places, 1))
    consumer.close()
    assert seen.revoked == [TopicPartition(topic, 0)]
    assert seen.held == set()
    consumer.close()
    write(topic, b"2")
    assert values(collect(member([topic]), 1)) == [b"2"]


def test_a_pattern_finds_topics_that_come_later(settings, make_topic, write, member):
    make_topic("public.photos")
    consumer = member([f"^{settings.prefix}\\.public\\..*"])
    write(f"{settings.prefix}.public.photos", b"early")
    assert values(collect(consumer, 1)) == [b"early"]
    make_topic("public.projects")
    write(f"{settings.prefix}.public.projects", b"late")
    assert values(collect(consumer, 1)) == [b"late"]


def test_a_topic_that_is_not_there_yet_is_waited_for(settings, make_topic, write, member):
    consumer = member([f"{settings.prefix}.rows"])
    assert consumer.poll_batch(10, 1) == []
    make_topic()
    write(f"{settings.prefix}.rows", b"1")
    assert values(collect(consumer, 1)) == [b"1"]
