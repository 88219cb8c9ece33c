"""What stands around a sink in its tests: topics as the reader writes them, the index, a process."""

from __future__ import annotations

import io
import json
import os
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from cdc_runtime.consuming.records import Record
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.errors import TopicMissing
from cdc_runtime.kafka.positions import read_to_end
from cdc_runtime.settings.models import KafkaSettings
from schemas.avro_types import ColumnType
from schemas.envelope import TableSchema, envelope_schema
from schemas.keys import FLOOR_KEY, partition_of, row_key
from schemas.names import TableName
from schemas.tables import Capture, Column, TableEntry
from schemas.topics import Topics, directory_topic, table_topic
from schemas.wire import fingerprint, frame
from tests.nursery import NURSERY, Child
from tests.waiting import eventually

COLUMNS = (
    ColumnType("id", "bigint", 20, "int8"),
    ColumnType("title", "text", 25, "text"),
    ColumnType("project_id", "bigint", 20, "int8"),
)


class Feeder:
    """Publishes tables and events as the reader does: plain records, an idempotent producer."""

    def __init__(self, kafka: KafkaSettings, partitions: int = 2) -> None:
        self.kafka = kafka
        self.topics = Topics(kafka.prefix)
        self.partitions = partitions
        self.version = time.time_ns() // 1000
        self._producer = self._new_producer()
        self._admin = KafkaAdmin(kafka)
        self._schemas: dict[TableName, tuple[bytes, Any]] = {}
        self._admin.ensure_topics(
            [directory_topic(topic) for topic in (self.topics.schemas, self.topics.tables, self.topics.control)]
        )

    def next_version(self) -> int:
        self.version = max(self.version + 1, time.time_ns() // 1000)
        return self.version

    def table(
        self, name: str, columns: tuple[ColumnType, ...] = COLUMNS, *, announce: bool = True, **more: Any
    ) -> TableName:
        """Create a table's topic, publish its schema and (unless told not to) its entry."""
        table = TableName("public", name)
        topic = self.topics.table(table)
        self._admin.ensure_topics([table_topic(topic, self.partitions)])
        schema = envelope_schema(TableSchema(self.kafka.prefix, "public", name, columns, ("id",)))
        mark = fingerprint(schema)
        self._schemas[table] = (mark, fastavro.parse_schema(schema))
        if announce:
            self.announce_schema(table, schema)
            self.announce(table, columns, **more)
        return table

    def make_again(self, *tables: TableName) -> None:
        """Delete the topics of tables and make them again; what was written to them before is gone."""
        topics = [self.topics.table(each) for each in tables]
        client = AdminClient({"bootstrap.servers": self.kafka.bootstrap_servers})
        for deleted in client.delete_topics(topics).values():
            deleted.result()
        eventually(lambda: not self._admin.topic_ids(topics), what="topics that are gone")
        self._admin.ensure_topics([table_topic(topic, self.partitions) for topic in topics])
        self._producer = self._new_producer()  # the old one remembers the old topics

    def _new_producer(self) -> Producer:
        return Producer({"bootstrap.servers": self.kafka.bootstrap_servers, "enable.idempotence": True, "linger.ms": 1})

    def schema_of(self, name: str, columns: tuple[ColumnType, ...] = COLUMNS) -> dict[str, Any]:
        return envelope_schema(TableSchema(self.kafka.prefix, "public", name, columns, ("id",)))

    def announce_schema(self, table: TableName, schema: dict[str, Any]) -> None:
        self._produce(self.topics.schemas, fingerprint(schema), json.dumps(schema).encode(), 0)

    def announce(self, table: TableName, columns: tuple[ColumnType, ...] = COLUMNS, **more: Any) -> TableEntry:
        entry = TableEntry(
            version=self.next_version(),
            source="rowferry",
            database="db",
            schema=table.schema,
            table=table.name,
            oid=1,
            topic=self.topics.table(table),
            partitions=self.partitions,
            columns=tuple(
                Column(each.name, each.type, each.type_oid, -1, nullable=True, ordinal=ordinal)
                for ordinal, each in enumerate(columns, 1)
            ),
            primary_key=("id",),
            capture=Capture("replication", "it has a primary key"),
        )
        entry = replace(entry, **more)
        self._produce(self.topics.tables, entry.record_key, entry.to_json(), 0)
        self.flush()
        return entry

    def put(
        self,
        table: TableName,
        row: dict[str, Any],
        *,
        version: int | None = None,
        op: str = "c",
        omitted: Sequence[str] = (),
    ) -> int:
        version = version or self.next_version()
        key = row_key([str(row["id"])])
        lacks = [{"column": name, "reason": "too_large"} for name in omitted]
        self._event(table, key, {"op": op, "version": version, "after": row, "omitted": lacks})
        return version

    def delete(self, table: TableName, row_id: object, *, version: int | None = None, tombstone: bool = True) -> int:
        version = version or self.next_version()
        key = row_key([str(row_id)])
        self._event(table, key, {"op": "d", "version": version, "before": ("Key", {"id": row_id})})
        if tombstone:
            self.tombstone(table, row_id, version)
        return version

    def tombstone(self, table: TableName, row_id: object, version: int) -> None:
        key = row_key([str(row_id)])
        headers = [("rowferry.version", str(version).encode()), ("rowferry.op", b"d")]
        self._produce(self.topics.table(table), key, None, partition_of(key, self.partitions), headers)

    def floor(self, table: TableName, below_version: int, op: str = "t") -> None:
        for partition in range(self.partitions):
            body = {"op": op, "version": self.next_version(), "below_version": below_version}
            self._event(table, FLOOR_KEY, body, partition)

    def raw(self, table: TableName, key: bytes | None, value: bytes | None) -> None:
        self._produce(self.topics.table(table), key, value, 0)

    def flush(self) -> None:
        assert self._producer.flush(20) == 0

    def _event(self, table: TableName, key: bytes, changed: dict[str, Any], partition: int | None = None) -> None:
        mark, schema = self._schemas[table]
        now_us = time.time_ns() // 1000
        source = {
            "mode": "stream",
            "db": "db",
            "schema": table.schema,
            "table": table.name,
            "name": "rowferry",
            "txId": 1,
            "commit_lsn": 1,
            "ts_us": now_us,
            "lsn": 1,
            "ordinal": 1,
        }
        event: dict[str, Any] = {
            "source": source,
            "ts_ms": now_us // 1000,
            "transaction": None,
            "below_version": None,
            "refetched": [],
            "omitted": [],
            "before": None,
            "after": None,
            **changed,
        }
        if isinstance(event["before"], tuple):
            name, row = event["before"]
            event["before"] = (f"{schema['namespace']}.{name}", row) if "namespace" in schema else row
        body = io.BytesIO()
        fastavro.schemaless_writer(body, schema, event)
        at = partition_of(key, self.partitions) if partition is None else partition
        self._produce(self.topics.table(table), key, frame(mark) + body.getvalue(), at)

    def _produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, partition, headers=dict(headers or ()))
                return
            except BufferError:
                self._producer.poll(0.1)

    def dead_letters(self, group: str) -> list[Record]:
        """What lies in the dead letters; nothing while the sink has not made their topic."""
        try:
            return list(read_to_end(self.kafka, self.topics.dead_letters(group), admin=self._admin))
        except TopicMissing:
            return []

    def commands(self) -> list[dict[str, Any]]:
        return [json.loads(each.value or b"{}") for each in read_to_end(self.kafka, self.topics.control)]

    def ends(self, table: TableName) -> dict[int, int]:
        topic = self.topics.table(table)
        found = self._admin.end_offsets(self._admin.topic_partitions(topic))
        return {place.partition: offset for place, offset in found.items()}

    def committed(self, group: str, table: TableName) -> dict[int, tuple[int, str | None]]:
        """Committed next offset and its text by partition; those without one are left out."""
        topic = self.topics.table(table)
        client = AdminClient({"bootstrap.servers": self.kafka.bootstrap_servers})
        asked = [TopicPartition(topic, partition) for partition in range(self.partitions)]
        future = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, asked)])[group]
        return {
            place.partition: (place.offset, place.metadata)
            for place in future.result().topic_partitions
            if place.offset >= 0
        }

    def commit(self, group: str, table: TableName, offsets: dict[int, int], metadata: str) -> None:
        """Commit for a group that has no members."""
        self.commit_topic(group, self.topics.table(table), offsets, metadata)

    def commit_topic(self, group: str, topic: str, offsets: dict[int, int], metadata: str) -> None:
        """The same for a topic by its name."""
        consumer = Consumer({"bootstrap.servers": self.kafka.bootstrap_servers, "group.id": group})
        places = [TopicPartition(topic, partition, offset, metadata) for partition, offset in offsets.items()]
        consumer.commit(offsets=places, asynchronous=False)
        consumer.close()


@dataclass
class Index:
    """The documents of one namespace, over plain HTTP."""

    url: str
    namespace: str
    type: str = "procore_record"
    id_field: str = "doc_id"

    def get(self, doc_id: str, document_type: str | None = None) -> dict[str, Any] | None:
        """The fields of a document; None when there is none."""
        kind = document_type or self.type
        path = f"{self.url}/document/v1/{self.namespace}/{kind}/docid/{urllib.parse.quote(doc_id, safe='')}"
        try:
            with urllib.request.urlopen(path, timeout=30) as response:
                return dict(json.load(response).get("fields", {}))
        except urllib.error.HTTPError as exc:
            if exc.code == 404:
                return None
            raise

    def version(self, doc_id: str) -> int | None:
        fields = self.get(doc_id)
        return None if fields is None else fields["version"]

    def search(self, where: str) -> set[str]:
        within = f'namespace contains "{self.namespace}" and {where}'
        body = {"yql": f"select {self.id_field} from {self.type} where {within} limit 400", "hits": 400}
        request = urllib.request.Request(
            f"{self.url}/search/", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            children = json.load(response)["root"].get("children", [])
        return {each["fields"][self.id_field] for each in children}

    def put(self, doc_id: str, fields: dict[str, Any], document_type: str | None = None) -> None:
        kind = document_type or self.type
        path = f"{self.url}/document/v1/{self.namespace}/{kind}/docid/{urllib.parse.quote(doc_id, safe='')}"
        body = json.dumps({"fields": fields}).encode()
        request = urllib.request.Request(path, body, {"Content-Type": "application/json"}, method="POST")
        urllib.request.urlopen(request, timeout=30).close()


@dataclass
class SinkProcess:
    """`vespa-sink run` as its users start it."""

    kafka: KafkaSettings
    vespa_url: str
    namespace: str
    log: Path
    group: str = "sink"
    options: dict[str, str] = field(default_factory=dict)
    process: Child | None = None

    def start(self) -> SinkProcess:
        settings = {
            "kafka.bootstrap-servers": self.kafka.bootstrap_servers,
            "kafka.prefix": self.kafka.prefix,
            "kafka.partitions": "1",
            "kafka.client": '{"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}',
            "vespa.url": self.vespa_url,
            "vespa.namespace": self.namespace,
            "group": self.group,
            "http.host": "127.0.0.1",
            "http.port": "0",
            "commit-interval-s": "0.1",
            "log.format": "json",
            "start-timeout-s": "60",
            **self.options,
        }
        flags = [part for name, value in settings.items() for part in (f"--{name}", value)]
        with self.log.open("ab") as out:
            environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
            self.process = NURSERY.start("vespa_sink", ["run", *flags], environment, out)
        return self

    def events(self, event: str) -> list[dict[str, Any]]:
        """Log lines of this event so far."""
        lines = self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []
        found = []
        for line in lines:
            if line.startswith("{"):
                parsed = json.loads(line)
                if parsed.get("event") == event:
                    found.append(parsed)
        return found

    @property
    def url(self) -> str:
        served = eventually(lambda: self.events("health and metrics served"), what="the health server")
        return f"http://127.0.0.1:{served[-1]['port']}"

    def ready(self) -> tuple[bool, str]:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=30) as response:
                return True, response.read().decode()
        except urllib.error.HTTPError as exc:
            return False, exc.read().decode()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as response:
            lines = response.read().decode().splitlines()
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        samples = [line for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rsplit(" ", 1)[1]) for line in samples if all(each in line for each in wanted))

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = 40) -> int:
        """Send a signal and give the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout_s)

    def wait(self, timeout_s: float = 150) -> int:
        assert self.process is not None
        return self.process.wait(timeout_s)
