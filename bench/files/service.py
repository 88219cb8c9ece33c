"""The whole service: rows in their topic, `file-fetcher` as a process, results in `_files`, offsets behind them."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from bench import processes
from bench.files.contestants import environment, fetcher_environment
from cdc_reader.pgoutput.messages import Relation, RelationColumn
from cdc_reader.tables.encoder_plans import plan_table
from cdc_reader.transcode import EventContext, make_encoder
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.settings.models import KafkaSettings
from devstack import ports
from devstack.kafka import KafkaServer
from schemas.file_references import file_column
from schemas.keys import partition_of
from schemas.tables import Capture, Column, TableEntry
from schemas.topics import Topics, directory_topic, table_topic

_GROUP = "rowferry-file-fetcher"
_PARTITIONS = 3
_OID = 16400
_BIGINT, _TEXT = 20, 25
_WAIT_S = 600.0
_READY_S = 60.0


def run(broker: KafkaServer, endpoint: str, keys: Sequence[str], folder: Path, prefix: str) -> dict[str, float]:
    """
    Have a new service with nothing in its folder and topics of its own fetch all objects.

    Returns seconds from the first row in Kafka to the last offset committed, processor seconds with and without the
    parsers' children, and the peak of its memory in MB.
    """
    settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, prefix=prefix)
    entry = _entry(prefix)
    _make_topics(settings, entry)
    rows = _describe(settings, entry, keys)
    with _service(settings, endpoint, folder) as process:
        before, own, began = processes.cpu_s(process.pid), processes.own_cpu_s(process.pid), time.monotonic()
        _produce(settings, entry.topic, rows)
        _wait_committed(settings, entry.topic, len(keys), process)
        took: dict[str, float] = {
            "seconds": time.monotonic() - began,
            "cpu_s": processes.cpu_s(process.pid) - before,
            "own_cpu_s": processes.own_cpu_s(process.pid) - own,
            "peak_mb": processes.peak_mb(process.pid),
        }
    _check(settings, len(keys))
    return took


def _entry(prefix: str) -> TableEntry:
    reference = file_column("s3_key", "text")
    if reference is None:
        raise SystemExit("bench: expected s3_key to be a column of references")
    return TableEntry(
        version=1,
        source="rowferry",
        database="bench",
        schema="public",
        table="drawings",
        oid=_OID,
        topic=f"{prefix}.public.drawings",
        partitions=_PARTITIONS,
        columns=(
            Column("id", "bigint", _BIGINT, -1, nullable=False, ordinal=1, primary_key=True),
            Column("title", "text", _TEXT, -1, nullable=True, ordinal=2),
            Column("s3_key", "text", _TEXT, -1, nullable=True, ordinal=3),
        ),
        primary_key=("id",),
        capture=Capture("replication", "it has a primary key"),
        file_columns=(reference,),
    )


def _make_topics(settings: KafkaSettings, entry: TableEntry) -> None:
    topics = Topics(settings.prefix)
    directories = [directory_topic(name) for name in (topics.schemas, topics.tables, topics.control)]
    KafkaAdmin(settings).ensure_topics([*directories, table_topic(entry.topic, entry.partitions)])


def _describe(settings: KafkaSettings, entry: TableEntry, keys: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """Write the table and its schema, as the reader does; returns its rows' records, not written yet."""
    sent = tuple(RelationColumn(column.primary_key, column.name, column.type_oid, -1) for column in entry.columns)
    plan = plan_table(entry, prefix=settings.prefix, relation=Relation(_OID, "public", "drawings", "d", sent))
    topics = Topics(settings.prefix)
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    producer.produce(topics.schemas, json.dumps(plan.avro_schema).encode(), plan.fingerprint)
    producer.produce(topics.tables, entry.to_json(), entry.record_key)
    producer.flush(_READY_S)
    encoder = make_encoder(plan)
    context = EventContext("stream", 755, 1_000, int(time.time() * 1e6), int(time.time() * 1e3))
    records = []
    for at, key in enumerate(keys):
        values = (struct.pack(">q", at), b"drawing %d" % at, key.encode())
        fields = b"".join(b"b" + struct.pack(">i", len(value)) + value for value in values)
        payload = b"I" + struct.pack(">I", _OID) + b"N" + struct.pack(">H", len(values)) + fields
        records.append(encoder.change(payload, context, 1_000 + at, 1_000, at)[:2])
    return records


@contextmanager
def _service(settings: KafkaSettings, endpoint: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The service, ready: its partitions are assigned."""
    port = ports.choose()
    own = environment() | fetcher_environment(endpoint, folder)
    own |= {
        "ROWFERRY_KAFKA__BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "ROWFERRY_KAFKA__PREFIX": settings.prefix,
        "ROWFERRY_FETCHER_GROUP": _GROUP,
        "ROWFERRY_HTTP__HOST": ports.HOST,
        "ROWFERRY_HTTP__PORT": str(port),
    }
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", "file_fetcher", "run"], env=own, stdout=file, stderr=file)
        try:
            _wait_assigned(port, process, log)
            yield process
        finally:
            process.terminate()
            process.wait(_READY_S)


def _wait_assigned(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    wanted = f"{float(_PARTITIONS)}"
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"bench: expected file-fetcher to get its partitions: {log.read_text()[-1000:]}")
        try:
            with urllib.request.urlopen(f"http://{ports.HOST}:{port}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
            if any("assigned" in line and line.endswith(f" {wanted}") for line in lines):
                return
        except OSError:
            pass
        time.sleep(0.05)


def _produce(settings: KafkaSettings, topic: str, rows: Sequence[tuple[bytes, bytes]]) -> None:
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    for key, value in rows:
        producer.produce(topic, value, key, partition_of(key, _PARTITIONS))
        producer.poll(0)
    producer.flush(_READY_S)


def _wait_committed(settings: KafkaSettings, topic: str, count: int, process: subprocess.Popen[bytes]) -> None:
    """Until the group has committed behind all rows: their results are in the same transactions, or in earlier ones."""
    partitions = [TopicPartition(topic, partition) for partition in range(_PARTITIONS)]
    deadline = time.monotonic() + _WAIT_S
    with closing(Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": _GROUP})) as consumer:
        while sum(max(0, each.offset) for each in consumer.committed(partitions, _READY_S)) < count:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"bench: expected file-fetcher to end {count} files within {_WAIT_S:g} s")
            time.sleep(0.02)


def _check(settings: KafkaSettings, count: int) -> None:
    """Each object has one result, fetched and read."""
    topic = Topics(settings.prefix).files
    config = {
        "bootstrap.servers": settings.bootstrap_servers,
        "group.id": f"bench-{os.getpid()}",
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    }
    found: list[tuple[str, str, str]] = []
    with closing(Consumer(config)) as consumer:
        partitions = [
            TopicPartition(topic, each, 0) for each in consumer.list_topics(topic, 10).topics[topic].partitions
        ]
        consumer.assign(partitions)
        ended = 0
        while ended < len(partitions):
            for message in consumer.consume(100, 10.0):
                if message.error() is not None:
                    ended += 1
                    continue
                value = json.loads(message.value() or b"")
                found.append((value["file_id"], value["status"], value["extraction"]["status"]))
    if len(found) != count or {each[1:] for each in found} != {("fetched", "ok")} or len(set(found)) != count:
        raise SystemExit(f"bench: expected {count} files fetched and read, each once, got {len(found)} results")
