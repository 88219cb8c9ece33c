"""The reader's fakes and what they stand for, by the same tests: connections, the replication stream, producers."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cdc_reader.pgoutput import Begin, Commit, Message, Relation, decode
from cdc_reader.postgres.connections import connect
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.postgres.replication import ReplicationStream
from cdc_reader.postgres.row_queries import ReadPlan, confirmed
from cdc_reader.postgres.visible_reads import copy_rows, current_snapshot
from cdc_reader.postgres.wal_messages import emit_message
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.errors import Fenced
from cdc_runtime.kafka.positions import last_records, read_to_end
from cdc_runtime.kafka.producer import IdempotentProducer, TransactionalProducer
from cdc_runtime.settings.models import KafkaSettings
from schemas.topics import TopicSpec
from tests.databases import Database
from tests.unit.cdc_reader import broker as memory
from tests.unit.cdc_reader import connections
from tests.unit.cdc_reader.clock import Clock
from tests.unit.cdc_reader.discovery.catalogs import key_column
from tests.unit.cdc_reader.source import Source, deleted, inserted, truncated, updated
from tests.waiting import eventually

ITEMS = 1
LARGE = "x" * 3_000
PLAN = ReadPlan('ONLY "public"."items"', ('"id"', '"name"', '"note"'), (key_column("id", "bigint"),))


class _Memory:
    """The source in memory."""

    def __init__(self) -> None:
        self.source = Source(Clock())
        self.source.create("items", ITEMS)

    def connect(self) -> Any:
        return connections.Connection(self.source)

    def fill(self) -> None:
        self.source.transact(
            inserted(ITEMS, "1", "a", None), inserted(ITEMS, "2", "é", "n"), inserted(ITEMS, "7", "", "n")
        )

    def change(self) -> None:
        one, moved = ("1", "a", LARGE), ("1", "b", LARGE)
        self.source.transact(inserted(ITEMS, *one), updated(ITEMS, one, moved), updated(ITEMS, moved, ("5", "b", "n")))
        self.source.transact(deleted(ITEMS, "5", "b", "n"), truncated(ITEMS))
        self.source.emit("content")

    def stream(self) -> Any:
        stream = connections.ReplicationStream(self.source, turn=lambda: None, confirming=lambda lsn: None)
        stream.execute('CREATE_REPLICATION_SLOT "contract" LOGICAL pgoutput NOEXPORT_SNAPSHOT')
        stream.start("contract", Lsn(0), {})
        return stream


class _Real:
    """A PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self.database = database
        database.execute("CREATE TABLE items (id bigint PRIMARY KEY, name text, note text)")
        database.execute(
            "ALTER TABLE items ALTER note SET STORAGE EXTERNAL; CREATE PUBLICATION contract FOR TABLE items"
        )

    def connect(self) -> Any:
        return connect(self.database.dsn, application_name="contract")

    def fill(self) -> None:
        self.database.execute("INSERT INTO items VALUES (1, 'a', NULL), (2, 'é', 'n'), (7, '', 'n')")

    def change(self) -> None:
        self.database.execute(
            f"INSERT INTO items VALUES (1, 'a', '{LARGE}'); UPDATE items SET name = 'b';"
            "UPDATE items SET id = 5, note = 'n'"
        )
        self.database.execute("DELETE FROM items; TRUNCATE items")
        self.database.execute("SELECT pg_logical_emit_message(true, 'rowferry', 'content')")

    def stream(self) -> Any:
        stream = ReplicationStream(self.database.dsn, application_name="contract", status_interval_s=5)
        slot = f"contract_{secrets.token_hex(4)}"
        stream.execute(f'CREATE_REPLICATION_SLOT "{slot}" TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT')
        options = {"proto_version": "1", "publication_names": "contract", "messages": "true", "binary": "false"}
        stream.start(slot, Lsn(0), options)
        return stream


@pytest.fixture(params=["memory", "real"])
def source(request: pytest.FixtureRequest) -> _Memory | _Real:
    return _Memory() if request.param == "memory" else _Real(request.getfixturevalue("database"))


def rows(connection: Any, query: str) -> list[bytes]:
    found = copy_rows(connection, query)[0]
    ordered = confirmed(found) if "LIMIT" in query else found
    assert ordered is not None
    return ordered


def test_range_and_keys_give_the_same_bytes(source: _Memory | _Real) -> None:
    source.fill()
    with source.connect() as connection:
        one, two, seven = rows(connection, PLAN.range_query(None, 10))
        assert one == bytes.fromhex("0003 00000008 0000000000000001 00000001 61 ffffffff")
        assert two == bytes.fromhex("0003 00000008 0000000000000002 00000002 c3a9 00000001 6e")
        assert seven == bytes.fromhex("0003 00000008 0000000000000007 00000000 00000001 6e")
        assert rows(connection, PLAN.range_query(("1",), 1)) == [two]
        assert rows(connection, PLAN.keys_query([("7",), ("9",)])) == [seven]
        assert rows(connection, PLAN.range_query(("7",), 10)) == []


def test_snapshot_is_that_of_the_first_read(source: _Memory | _Real) -> None:
    with source.connect() as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SET LOCAL lock_timeout = '5s'")
        seen = current_snapshot(connection)
        source.fill()
        assert rows(connection, PLAN.range_query(None, 10)) == []
        assert current_snapshot(connection) == seen
        connection.execute("ROLLBACK")
        assert len(rows(connection, PLAN.range_query(None, 10))) == 3
        assert current_snapshot(connection).xmax > seen.xmax


def test_message_is_in_the_log_and_flushed(source: _Memory | _Real) -> None:
    with source.connect() as connection:

        def lsn(function: str) -> int:
            [text] = connection.execute(f"SELECT pg_catalog.{function}()::text").fetchone()
            return Lsn.parse(text).value

        before = lsn("pg_current_wal_insert_lsn")
        emit_message(connection, "content")
        assert lsn("pg_current_wal_flush_lsn") > before


def test_stream_sends_the_same_messages(source: _Memory | _Real) -> None:
    """All but what a server numbers (LSNs, xids, OIDs, times), and how often it repeats a Relation."""
    stream = source.stream()
    wake, _ = os.pipe()
    try:
        source.change()
        received: list[Message] = []

        def whole() -> bool:
            received.extend(decode(data) for _, data in stream.receive(most=100, wait_s=0.1, wake_fd=wake)[0])
            return sum(isinstance(each, Commit) for each in received) == 3

        eventually(whole, 150, "three transactions")
    finally:
        stream.close()
    reference = _Memory()
    other = reference.stream()
    reference.change()
    expected = [decode(data) for _, data in other.receive(most=100, wait_s=0, wake_fd=wake)[0]]
    assert _told(received) == _told(expected)


def _told(messages: list[Message]) -> list[Message]:
    told: list[Message] = []
    for message in map(_plain, messages):
        if not (isinstance(message, Relation) and message in told):
            told.append(message)
    return told


def _plain(message: Message) -> Message:
    match message:
        case Begin():
            return Begin(Lsn(0), 0, 0)
        case Commit():
            return Commit(message.flags, Lsn(0), Lsn(0), 0)
        case Relation():
            return replace(message, oid=0)
    changed: dict[str, Any] = {"oid": 0} if hasattr(message, "oid") else {}
    changed |= {"relation_oids": (0,)} if hasattr(message, "relation_oids") else {}
    changed |= {"lsn": Lsn(0)} if hasattr(message, "lsn") else {}
    return replace(message, **changed)


class _Kafka:
    """Producers of one cluster, in memory or real, by the same names."""

    def __init__(self, kafka: str | None, prefix: str) -> None:
        self.topic, self.name = f"{prefix}.contract", f"{prefix}.writer"
        if kafka is None:
            cluster = memory.Broker()
            cluster.create(self.topic, 3)
            self.transactional: Callable[[], Any] = lambda: memory.TransactionalProducer(cluster, self.name)
            self.idempotent: Callable[[], Any] = lambda: memory.IdempotentProducer(cluster)
            self.read: Callable[[], list[Any]] = lambda: list(memory.read_to_end(cluster, self.topic))
            self.last: Callable[[], dict[int, Any]] = lambda: memory.last_records(cluster, self.topic)
            return
        settings = KafkaSettings(bootstrap_servers=kafka, prefix=prefix)
        # Records of 1970 are older than any retention, which the broker looks at now and then.
        KafkaAdmin(settings).ensure_topics([TopicSpec(self.topic, 3, {"retention.ms": "-1"})])
        self.transactional = lambda: TransactionalProducer(settings, self.name)
        self.idempotent = lambda: IdempotentProducer(settings)
        self.read = lambda: list(read_to_end(settings, self.topic))
        self.last = lambda: last_records(settings, self.topic)


@pytest.fixture(params=["memory", "real"])
def cluster(request: pytest.FixtureRequest, topic_prefix: str) -> _Kafka:
    return _Kafka(request.getfixturevalue("kafka") if request.param == "real" else None, topic_prefix)


def test_transaction_is_read_when_it_is_committed(cluster: _Kafka) -> None:
    producer = cluster.transactional()
    producer.init(30)
    producer.begin()
    producer.raw_produce(cluster.topic, b"value", b"key 1", timestamp=5)
    producer.produce(cluster.topic, b"key 2", None, partition=1, headers=(("h", b"x"),), timestamp_ms=6)
    producer.commit()
    producer.begin()
    producer.produce(cluster.topic, b"key 3", b"dropped", timestamp_ms=7)
    producer.close()
    read = {
        record.key: (record.partition, record.value, record.timestamp_ms, record.headers) for record in cluster.read()
    }
    assert read == {b"key 1": (2, b"value", 5, ()), b"key 2": (1, None, 6, (("h", b"x"),))}
    assert {partition: record.key for partition, record in cluster.last().items()} == {2: b"key 1", 1: b"key 2"}


def test_second_producer_of_an_id_fences_the_first(cluster: _Kafka) -> None:
    first, second = cluster.transactional(), cluster.transactional()
    first.init(30)
    second.init(30)

    def publish() -> None:
        first.begin()
        first.produce(cluster.topic, b"key", b"value", timestamp_ms=5)
        first.commit()

    with pytest.raises(Fenced):
        publish()
    first.close()
    second.close()
    assert cluster.read() == []


def test_record_that_stands_alone_is_read_when_it_is_flushed(cluster: _Kafka) -> None:
    producer = cluster.idempotent()
    producer.send(cluster.topic, b"key 1", b"value")
    producer.flush_or_raise()
    producer.close()
    assert [(record.key, record.value) for record in cluster.read()] == [(b"key 1", b"value")]
