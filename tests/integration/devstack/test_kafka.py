from __future__ import annotations

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from devstack import kafka
from devstack.errors import DevstackError
from devstack.kafka import KafkaServer
from tests.integration.devstack.sockets import listening_addresses
from tests.waiting import eventually


def create_topic(server: KafkaServer, name: str, **config: str) -> None:
    client = AdminClient({"bootstrap.servers": server.bootstrap_servers, "log_level": 0})
    client.create_topics([NewTopic(name, 1, 1, config=config)])[name].result()


def produce(server: KafkaServer, topic: str, *values: bytes) -> None:
    client = Producer({"bootstrap.servers": server.bootstrap_servers, "enable.idempotence": True, "log_level": 0})
    for value in values:
        client.produce(topic, value=value, key=b"k")
    assert client.flush(30) == 0


def consume(server: KafkaServer, topic: str, isolation: str = "read_committed") -> list[bytes | None]:
    settings = {
        "bootstrap.servers": server.bootstrap_servers,
        "group.id": "unused",
        "isolation.level": isolation,
        "enable.partition.eof": True,
        "enable.auto.commit": False,
        "log_level": 0,
    }
    consumer = Consumer(settings)
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = []
    while (message := consumer.poll(20)) is not None and not message.error():
        found.append(message.value())
    consumer.close()
    return found


def test_killed_node_comes_back_with_its_address_and_records(own_kafka: KafkaServer) -> None:
    before = own_kafka.bootstrap_servers
    create_topic(own_kafka, "kept")
    produce(own_kafka, "kept", b"1", b"2")
    own_kafka.kill()
    assert not own_kafka.healthy()
    own_kafka.restart()
    assert own_kafka.bootstrap_servers == before
    assert consume(own_kafka, "kept") == [b"1", b"2"]


def test_aborted_transaction_is_hidden_from_read_committed_after_a_kill_too(own_kafka: KafkaServer) -> None:
    create_topic(own_kafka, "facts")
    client = Producer({"bootstrap.servers": own_kafka.bootstrap_servers, "transactional.id": "t", "log_level": 0})
    client.init_transactions(30)
    for value, commit in ((b"aborted", False), (b"committed", True)):
        client.begin_transaction()
        client.produce("facts", value=value)
        client.flush(30)
        client.commit_transaction(30) if commit else client.abort_transaction(30)
    del client
    own_kafka.kill()
    own_kafka.restart()
    assert consume(own_kafka, "facts") == [b"committed"]
    assert consume(own_kafka, "facts", "read_uncommitted") == [b"aborted", b"committed"]


def test_paused_node_does_not_answer_until_it_is_resumed(own_kafka: KafkaServer) -> None:
    own_kafka.pause()
    assert own_kafka.alive
    assert not own_kafka.healthy()
    own_kafka.resume()
    create_topic(own_kafka, "after")
    assert own_kafka.healthy()


def test_compaction_is_fast_enough_for_tests(own_kafka: KafkaServer) -> None:
    config = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01"}
    create_topic(own_kafka, "compacted", **config)

    def only_the_latest() -> bool:
        produce(own_kafka, "compacted", b"again")
        return b"first" not in consume(own_kafka, "compacted")

    produce(own_kafka, "compacted", b"first")
    eventually(only_the_latest, 30, "the first value of the key compacted away")


def test_topics_are_not_made_by_asking_for_them(own_kafka: KafkaServer) -> None:
    client = AdminClient({"bootstrap.servers": own_kafka.bootstrap_servers})
    client.list_topics("asked-for", timeout=10)
    assert "asked-for" not in client.list_topics(timeout=10).topics


def test_it_listens_on_loopback_only(own_kafka: KafkaServer) -> None:
    for port in own_kafka.record.ports:
        assert listening_addresses(port) == {"127.0.0.1"}


def test_restart_takes_settings(own_kafka: KafkaServer) -> None:
    own_kafka.restart({"auto.create.topics.enable": "true"})
    produce(own_kafka, "made-by-producing", b"x")
    assert consume(own_kafka, "made-by-producing") == [b"x"]


def test_wrong_setting_is_one_line() -> None:
    with pytest.raises(DevstackError, match=r"^kafka did not start: [^\n]+nonsense[^\n]+ \(all: \S+\)$"):
        kafka.start(settings={"num.io.threads": "nonsense"})
