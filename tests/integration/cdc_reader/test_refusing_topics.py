"""A topic that takes no records, goes away or changes while the reader runs is its table's trouble (rules D6, D8)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)

from devstack import kafka as devstack_kafka
from devstack.kafka import KafkaServer
from schemas.names import TableName
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.integration.cdc_reader.tables import rows_in_database
from tests.servers import tell
from tests.waiting import eventually

pytestmark = pytest.mark.rule("D8")
ITEMS = TableName("public", "items")
TABLES = """
    CREATE TABLE items (id bigint PRIMARY KEY, name text);
    INSERT INTO items SELECT n, 'row ' || n FROM generate_series(1, 20) n;
    CREATE TABLE others (id bigint PRIMARY KEY, name text);
    INSERT INTO others VALUES (1, 'one'), (2, 'two');
"""
# Of both tables in one transaction; not to be compressed.
WRITES = """
    INSERT INTO items
    SELECT (SELECT max(id) + 1 FROM items), string_agg(md5(random()::text), '') FROM generate_series(1, 200);
    INSERT INTO others VALUES ((SELECT max(id) + 1 FROM others), 'later')
"""
# Allowed for everybody where no rule is about a topic.
AUTHORIZED = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}


def same(database: Database, consumer: Consumer, table: str) -> None:
    assert consumer.published(table).rows(table) == rows_in_database(database, table)


def set_aside(reader: Reader) -> str:
    reader.wait_for("table_not_streamed", table="public.items", timeout_s=120)
    return str(reader.said("table_not_streamed", table="public.items")[-1]["why"])


def goes_on(database: Database, reader: Reader, consumer: Consumer) -> None:
    """The other table, in the one process."""
    database.execute("INSERT INTO others VALUES ((SELECT max(id) + 1 FROM others), 'later')")
    reader.caught_up(120)
    same(database, consumer, "others")


def comes_back(database: Database, reader: Reader, consumer: Consumer) -> None:
    """The table, with all that was written meanwhile."""
    reader.wait_for("table_streamed_again", table="public.items", timeout_s=180)
    reader.wait_for("snapshot_over", count=2, table="public.items", timeout_s=120).caught_up(120)
    same(database, consumer, "items")
    same(database, consumer, "others")
    assert reader.stop() == 0


def configure(kafka: str, topic: str, value: str) -> None:
    entry = ConfigEntry("max.message.bytes", value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    client = AdminClient({"bootstrap.servers": kafka})  # a future of one that is gone fails
    for future in client.incremental_alter_configs([resource]).values():
        future.result(30)


def test_d8_topic_that_takes_smaller_records(
    database: Database, make_reader: MakeReader, consumer: Consumer, kafka: str
) -> None:
    database.execute(TABLES)
    reader = make_reader(database).start().snapshots_over(2, 120)
    topic = consumer.topics.table(ITEMS)
    before = consumer.admin().describe(topic)
    assert before is not None
    configure(kafka, topic, "1000")
    database.execute(WRITES)
    assert set_aside(reader).startswith("its topic ")
    goes_on(database, reader, consumer)
    configure(kafka, topic, before.config["max.message.bytes"])
    comes_back(database, reader, consumer)


@pytest.fixture
def authorized() -> Iterator[KafkaServer]:
    """A Kafka that looks whether one may."""
    with devstack_kafka.start(settings=AUTHORIZED, say=tell) as server:
        yield server


@pytest.mark.parametrize("describes", [True, False], ids=["may look at it still", "may not look at it either"])
def test_d8_right_to_write_to_a_topic_that_is_revoked(
    database: Database, make_reader: MakeReader, topic_prefix: str, authorized: KafkaServer, describes: bool
) -> None:
    database.execute(TABLES)
    consumer = Consumer(authorized.address, topic_prefix)
    reader = make_reader(database, kafka=authorized.address).start().snapshots_over(2, 120)
    topic = consumer.topics.table(ITEMS)
    operations = [AclOperation.READ, AclOperation.DESCRIBE_CONFIGS] if describes else [AclOperation.DELETE]
    allowed = [
        AclBinding(
            ResourceType.TOPIC,
            topic,
            ResourcePatternType.LITERAL,
            "User:ANONYMOUS",
            "*",
            operation,
            AclPermissionType.ALLOW,
        )
        for operation in operations
    ]
    admin = AdminClient({"bootstrap.servers": authorized.address})
    for future in admin.create_acls(allowed).values():
        future.result(30)
    database.execute(WRITES)
    assert "TOPIC_AUTHORIZATION_FAILED" in set_aside(reader)
    goes_on(database, reader, consumer)
    assert len(reader.said("table_not_streamed")) == 1, "told once"
    revoked = AclBindingFilter(
        ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, None, None, AclOperation.ANY, AclPermissionType.ANY
    )
    for future in admin.delete_acls([revoked]).values():
        future.result(30)
    comes_back(database, reader, consumer)


def test_d8_topic_that_is_deleted_is_made_and_filled_again(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    """Though no row of it comes."""
    database.execute(TABLES)
    reader = make_reader(database).start().snapshots_over(2, 120)
    consumer.delete_topic(consumer.topics.table(ITEMS))
    reader.wait_for("snapshot_over", count=2, table="public.items", timeout_s=120)
    goes_on(database, reader, consumer)
    same(database, consumer, "items")
    assert len(reader.said("snapshot_over", table="public.others")) == 1
    assert reader.stop() == 0


@pytest.mark.rule("D6")
def test_d6_partitions_that_are_added_set_the_table_aside(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(TABLES)
    reader = make_reader(database).start().snapshots_over(2, 120)
    count = consumer.entries()["public.items"].partitions
    consumer.add_partitions(consumer.topics.table(ITEMS), count + 1)
    assert set_aside(reader) == f"its topic had {count} partitions, and has {count + 1} now"
    goes_on(database, reader, consumer)
    assert reader.stop() == 0


def test_d8_topic_that_is_deleted_under_load(database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    """Its records are refused before anybody looks at the topic."""
    database.execute(TABLES)
    reader = make_reader(database).start().snapshots_over(2, 120)
    consumer.delete_topic(consumer.topics.table(ITEMS))
    database.execute(WRITES)
    reader.wait_for("snapshot_over", count=2, table="public.items", timeout_s=180)
    goes_on(database, reader, consumer)
    eventually(lambda: len(consumer.published("items").rows("items")) == 21, 150, "all rows in the new topic")
    same(database, consumer, "items")
