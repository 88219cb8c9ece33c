from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from devstack import kafka
from devstack.errors import DevstackError
from devstack.kafka import KafkaServer
from tests.integration.devstack.sockets import listening_addresses
from tests.servers import tell
from tests.waiting import eventually


@pytest.fixture(scope="module")
def _node() -> Iterator[KafkaServer]:
    with kafka.start(say=tell) as server:
        yield server


@pytest.fixture
def node(_node: KafkaServer) -> KafkaServer:
    """One for all of these tests: they end with it in service again, and each has topics of its own."""
    return _node


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
    while (message := consumer.poll(20)) is not None:
        error = message.error()
        if error is None:
            found.append(message.value())
        elif error.code() == KafkaError._PARTITION_EOF:
            break
    consumer.close()
    return found


def test_killed_node_comes_back_with_its_address_and_records(node: KafkaServer) -> None:
    before = node.bootstrap_servers
    create_topic(node, "kept")
    produce(node, "kept", b"1", b"2")
    node.kill()
    assert not node.healthy()
    node.restart()
    assert node.bootstrap_servers == before
    assert consume(node, "kept") == [b"1", b"2"]


def test_aborted_transaction_is_hidden_from_read_committed_after_a_kill_too(node: KafkaServer) -> None:
    create_topic(node, "facts")
    client = Producer({"bootstrap.servers": node.bootstrap_servers, "transactional.id": "t", "log_level": 0})
    client.init_transactions(30)
    for value, commit in ((b"aborted", False), (b"committed", True)):
        client.begin_transaction()
        client.produce("facts", value=value)
        client.flush(30)
        client.commit_transaction(30) if commit else client.abort_transaction(30)
    del client

    def committed() -> bool:
        found = consume(node, "facts")
        assert b"aborted" not in found
        return found == [b"committed"]

    # The commit is answered before its marker stands in the partition; the kill is to come behind that.
    eventually(committed, 150, "the committed record to be seen")
    node.kill()
    node.restart()
    eventually(committed, 150, "the committed record to be seen after the restart")
    assert consume(node, "facts", "read_uncommitted") == [b"aborted", b"committed"]


def test_paused_node_does_not_answer_until_it_is_resumed(node: KafkaServer) -> None:
    node.pause()
    assert node.alive
    assert not node.healthy()
    node.resume()
    # Its session ended meanwhile: it is let in again.
    eventually(node.healthy, what="a node in service")
    create_topic(node, "after")


def test_compaction_is_fast_enough_for_tests(node: KafkaServer) -> None:
    config = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01"}
    create_topic(node, "compacted", **config)

    def only_the_latest() -> bool:
        produce(node, "compacted", b"again")
        return b"first" not in consume(node, "compacted")

    produce(node, "compacted", b"first")
    eventually(only_the_latest, 150, "the first value of the key compacted away")


def test_topics_are_not_made_by_asking_for_them(node: KafkaServer) -> None:
    client = AdminClient({"bootstrap.servers": node.bootstrap_servers, "allow.auto.create.topics": True})
    client.list_topics("asked-for", timeout=60)
    assert "asked-for" not in client.list_topics(timeout=60).topics


def test_it_listens_on_loopback_only(node: KafkaServer) -> None:
    for port in node.record.ports:
        assert listening_addresses(port) == {"127.0.0.1"}


def test_restart_takes_settings(node: KafkaServer) -> None:
    node.restart({"auto.create.topics.enable": "true"})
    produce(node, "made-by-producing", b"x")
    assert consume(node, "made-by-producing") == [b"x"]
    node.restart({"auto.create.topics.enable": "false"})


def test_it_starts_from_the_archive_of_its_classes(node: KafkaServer) -> None:
    assert node.record.process is not None
    arguments = Path(f"/proc/{node.record.process.pid}/cmdline").read_text().split("\0")
    (archive,) = [argument for argument in arguments if argument.startswith("-XX:SharedArchiveFile=")]
    assert archive.partition("=")[2] in Path(f"/proc/{node.record.process.pid}/maps").read_text()


def test_wrong_setting_is_one_line() -> None:
    with pytest.raises(DevstackError, match=r"^kafka did not start: [^\n]+nonsense[^\n]+ \(all: \S+\)$"):
        kafka.start(settings={"num.io.threads": "nonsense"})
