"""The schemas and tables that the reader publishes, read back."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from cdc_runtime.kafka.directory import SchemaDirectory, TableDirectory
from cdc_runtime.kafka.producer import IdempotentProducer
from schemas.avro_types import ColumnType
from schemas.envelope import TableSchema, envelope_schema
from schemas.names import TableName
from schemas.tables import Capture, Column, TableEntry
from schemas.topics import Topics, directory_topic
from schemas.wire import fingerprint
from tests.waiting import eventually

SCHEMA = envelope_schema(TableSchema("cdc", "public", "photos", (ColumnType("id", "bigint", 20, "int8"),), ("id",)))
KEY = fingerprint(SCHEMA)


@pytest.fixture
def topics(settings, admin):
    topics = Topics(settings.prefix)
    admin.ensure_topics([directory_topic(topics.schemas), directory_topic(topics.tables)])
    return topics


@pytest.fixture
def write(settings):
    producer = IdempotentProducer(settings)

    def send(topic, key, value):
        producer.send(topic, key, value)
        producer.flush_or_raise()

    yield send
    producer.close()


def entry(table, version, **more) -> TableEntry:
    return TableEntry(
        version=version,
        source="rowferry",
        database="procore",
        schema="public",
        table=table,
        oid=16_400,
        topic=f"cdc.public.{table}",
        partitions=3,
        columns=(Column("id", "bigint", 20, -1, nullable=False, ordinal=1, primary_key=True),),
        primary_key=("id",),
        capture=Capture("replication", "primary key"),
        **more,
    )


def test_a_schema_is_found_by_its_fingerprint(settings, topics, write):
    write(topics.schemas, KEY, json.dumps(SCHEMA).encode())
    with closing(SchemaDirectory(settings, topics)) as schemas:
        assert schemas.get(KEY) == SCHEMA
        assert len(schemas) == 1


def test_an_unknown_fingerprint_makes_the_directory_read_on(settings, topics, write):
    with closing(SchemaDirectory(settings, topics)) as schemas:
        write(topics.schemas, KEY, json.dumps(SCHEMA).encode())
        assert schemas.get(KEY) is None
        assert schemas.find(KEY) == SCHEMA
        assert schemas.find(b"zzzzzzzz") is None


def test_tables_are_those_of_the_last_record_each(settings, topics, write):
    first, second = entry("photos", 1), entry("photos", 2, row_estimate=7)
    write(topics.tables, first.record_key, first.to_json())
    with closing(TableDirectory(settings, topics)) as tables:
        assert tables.get(TableName("public", "photos")) == first
        write(topics.tables, second.record_key, second.to_json())
        projects = entry("projects", 3)
        write(topics.tables, projects.record_key, projects.to_json())
        assert tables.refresh() is True
        assert tables.entries() == {TableName("public", "photos"): second, TableName("public", "projects"): projects}
        assert tables.by_topic("cdc.public.projects") == projects
        assert tables.by_topic("cdc.public.none") is None
        assert tables.refresh() is False


def test_a_tombstone_takes_a_table_out(settings, topics, write):
    photos = entry("photos", 1)
    write(topics.tables, photos.record_key, photos.to_json())
    with closing(TableDirectory(settings, topics)) as tables:
        write(topics.tables, photos.record_key, None)
        eventually(tables.poll, what="the tombstone")
        assert tables.get(TableName("public", "photos")) is None
