"""Topics and offsets on a real broker."""

from __future__ import annotations

import time

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, but not in an __all__
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from cdc_runtime.consuming.records import TopicPartition
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.errors import TopicMissing
from cdc_runtime.kafka.producer import IdempotentProducer
from cdc_runtime.settings.models import KafkaSettings
from schemas.errors import NeighbourMissing, ServerSetting, Unreachable
from schemas.topics import TopicSpec, directory_topic, failure_topic, offsets_topic, table_topic
from tests.waiting import eventually

# Each is a record of the controller; none changes what a topic does in these tests.
SETTINGS_OF_A_TOPIC = {
    "cleanup.policy": "compact",
    "compression.type": "producer",
    "delete.retention.ms": "86400000",
    "file.delete.delay.ms": "60000",
    "flush.messages": "1000000",
    "flush.ms": "1000000",
    "index.interval.bytes": "4096",
    "local.retention.bytes": "-2",
    "local.retention.ms": "-2",
    "max.compaction.lag.ms": "86400000",
    "max.message.bytes": "1048588",
    "message.timestamp.type": "CreateTime",
    "min.cleanable.dirty.ratio": "0.5",
    "min.compaction.lag.ms": "0",
    "min.insync.replicas": "1",
    "preallocate": "false",
    "retention.bytes": "-1",
    "retention.ms": "604800000",
    "segment.bytes": "16777216",
    "segment.index.bytes": "1048576",
    "segment.jitter.ms": "0",
    "segment.ms": "604800000",
    "unclean.leader.election.enable": "false",
    "message.timestamp.after.max.ms": "3600000",
    "message.timestamp.before.max.ms": "9223372036854775807",
}


@pytest.fixture
def alter(settings, admin):
    """Does what kafka-configs.sh does, and waits until the broker has taken it in."""

    def change(topic, name, value):
        set_config(settings, topic, name, value)
        eventually(lambda: admin.describe(topic).config[name] == value, what=f"{name}={value}")

    return change


def set_config(settings, topic, name, value):
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    client = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    for future in client.incremental_alter_configs([resource]).values():
        future.result(20)


def test_a_broker_that_answers_is_reachable(admin):
    assert admin.wait_until_reachable(20) is True


@pytest.mark.remedy("check kafka.bootstrap_servers, and that the brokers are up")
def test_brokers_that_were_stopped_are_unreachable_until_they_are_up(own_kafka):
    admin = KafkaAdmin(KafkaSettings(bootstrap_servers=own_kafka.bootstrap_servers))
    admin.ensure_topics([directory_topic("t")])
    wrong = KafkaAdmin(KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    with pytest.raises(Unreachable) as caught:
        wrong.ask(2)
    assert caught.value.remedy == "check kafka.bootstrap_servers, and that the brokers are up"
    admin.ask(20)
    own_kafka.stop()
    with pytest.raises(Unreachable) as caught:
        admin.ask(2)
    assert caught.value.remedy == "check kafka.bootstrap_servers, and that the brokers are up"
    own_kafka.restart()

    admin.wait_until_reachable(60)
    admin.ask(20)


def test_a_broker_that_does_not_answer_is_waited_for_and_then_missing():
    admin = KafkaAdmin(KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    begun = time.monotonic()
    with pytest.raises(NeighbourMissing, match=r"expected Kafka at 127.0.0.1:1 to answer within 1.5 s") as caught:
        admin.wait_until_reachable(1.5)
    assert 1.4 < time.monotonic() - begun < 60
    assert caught.value.exit_code == 69


def test_waiting_ends_when_the_service_is_told_to_stop():
    admin = KafkaAdmin(KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    assert admin.wait_until_reachable(60, stopping=lambda: True) is False


def test_topics_are_created_with_their_explicit_settings(settings, admin):
    specs = [
        table_topic(f"{settings.prefix}.public.photos", 3),
        directory_topic(f"{settings.prefix}._tables"),
        offsets_topic(f"{settings.prefix}._offsets.rowferry"),
        failure_topic(f"{settings.prefix}._dlq.group", 2),
    ]
    assert admin.ensure_topics(specs) == [spec.name for spec in specs]
    for spec in specs:
        facts = admin.describe(spec.name)
        assert facts is not None
        assert facts.partitions == spec.partitions
        assert {name: facts.config[name] for name in spec.config} == dict(spec.config)
    assert admin.ensure_topics(specs) == []
    assert admin.topic_differences(specs) == []


def test_more_topics_than_a_controller_creates_at_once_are_created(settings, admin):
    """It writes a record for each topic, partition and setting, 10,000 for one request at most."""
    own = SETTINGS_OF_A_TOPIC
    specs = [TopicSpec(f"{settings.prefix}.t{number}", 1, own) for number in range(10_000 // len(own))]
    names = [spec.name for spec in specs]
    assert admin.ensure_topics(specs) == names
    assert admin.ensure_topics(specs) == []
    assert admin.topic_differences(specs) == []
    assert list(admin.topic_ids(names)) == names
    places = [TopicPartition(name, 0) for name in names]
    assert admin.end_offsets(places) == dict.fromkeys(places, 0)


def test_a_topic_that_differs_is_refused_until_its_remedy_is_applied(settings, admin, alter):
    spec = table_topic(f"{settings.prefix}.public.photos", 3)
    admin.ensure_topics([spec])
    alter(spec.name, "delete.retention.ms", "1000")
    with pytest.raises(ServerSetting) as caught:
        admin.ensure_topics([spec])
    assert str(caught.value) == f"topic {spec.name}: expected delete.retention.ms=604800000, got 1000"
    assert caught.value.remedy is not None
    assert caught.value.remedy.endswith(f"--entity-name {spec.name} --add-config delete.retention.ms=604800000")
    name, value = caught.value.remedy.rsplit(" ", 1)[1].split("=")
    alter(spec.name, name, value)
    assert admin.ensure_topics([spec]) == []


def test_a_topic_with_another_partition_count_is_refused(settings, admin):
    name = f"{settings.prefix}.public.photos"
    admin.ensure_topics([table_topic(name, 2)])
    with pytest.raises(ServerSetting, match=f"topic {name}: expected partitions=3, got 2"):
        admin.ensure_topics([table_topic(name, 3)])


def test_a_setting_that_the_broker_does_not_know_is_a_server_setting(settings, admin):
    with pytest.raises(ServerSetting, match="to create topic"):
        admin.ensure_topics([TopicSpec(f"{settings.prefix}.x", 1, {"no.such.setting": "1"})])


def test_the_id_of_a_topic_changes_when_it_is_made_again(settings, admin, make_topic):
    topic = make_topic()
    first = admin.topic_id(topic)
    assert admin.topic_id(topic) == first
    client = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    client.delete_topics([topic])[topic].result(20)
    eventually(lambda: admin.topic_id(topic) is None, what="the topic to be gone")
    make_topic()
    assert admin.topic_id(topic) not in (first, None)


def test_a_missing_topic_is_none_or_an_error(settings, admin):
    topic = f"{settings.prefix}.none"
    assert admin.describe(topic) is None
    assert admin.topic_ids([topic]) == {}
    with pytest.raises(TopicMissing):
        admin.topic_partitions(topic)
    with pytest.raises(TopicMissing):
        admin.end_offsets([TopicPartition(topic, 0)])


def test_topics_are_waited_for(settings, admin, make_topic):
    topic = f"{settings.prefix}.rows"
    with pytest.raises(TopicMissing, match=f"expected topics {topic} within 0.5 s"):
        admin.wait_for_topics([topic], 0.5)
    assert admin.wait_for_topics([topic], 60, stopping=lambda: True) is False
    make_topic()
    assert admin.wait_for_topics([topic], 20) is True
    assert topic in admin.topics()


def test_offsets_at_both_ends_are_given_by_partition(settings, admin, make_topic):
    topic = make_topic(partitions=2)
    producer = IdempotentProducer(settings)
    for _ in range(3):
        producer.send(topic, b"k", b"v", partition=1)
    producer.flush_or_raise()
    producer.close()
    places = admin.topic_partitions(topic)
    assert places == [TopicPartition(topic, 0), TopicPartition(topic, 1)]
    assert admin.end_offsets(places) == {TopicPartition(topic, 0): 0, TopicPartition(topic, 1): 3}
    assert admin.begin_offsets(places) == {TopicPartition(topic, 0): 0, TopicPartition(topic, 1): 0}


def test_a_leader_that_was_frozen_is_asked_again(own_kafka):
    own_kafka.restart({"broker.session.timeout.ms": 1000, "broker.heartbeat.interval.ms": 300})
    admin = KafkaAdmin(KafkaSettings(bootstrap_servers=own_kafka.bootstrap_servers))
    admin.ensure_topics([directory_topic("t")])
    places = admin.topic_partitions("t")
    assert set(admin.end_offsets(places).values()) == {0}
    own_kafka.pause()
    frozen = time.monotonic()
    eventually(lambda: time.monotonic() - frozen > 4, what="a pause longer than the patience")
    own_kafka.resume()
    resumed = time.monotonic()
    # The controller gives the leader up soon after; it comes back under a new epoch, of which the client is not told.
    eventually(lambda: admin.end_offsets(places) and time.monotonic() - resumed > 4, what="answers")


def test_topics_have_the_copies_of_the_broker_unless_the_settings_say_how_many(own_kafka):
    own_kafka.restart({"default.replication.factor": 3})
    address = own_kafka.bootstrap_servers
    with pytest.raises(ServerSetting, match=r"(?i)unable to replicate the partition 3 time"):
        KafkaAdmin(KafkaSettings(bootstrap_servers=address)).ensure_topics([directory_topic("t")])
    one = KafkaAdmin(KafkaSettings(bootstrap_servers=address, replication_factor=1))
    assert one.ensure_topics([directory_topic("t")]) == ["t"]
