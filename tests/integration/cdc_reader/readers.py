"""A reader as a process of its own, and what it has published, read back as a consumer would."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, KafkaError, TopicPartition
from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka.admin import AdminClient, NewPartitions

from cdc_runtime.consuming.records import Record
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.client import record_of
from cdc_runtime.kafka.directory import TableDirectory
from cdc_runtime.kafka.positions import read_to_end
from cdc_runtime.kafka.producer import IdempotentProducer
from cdc_runtime.settings.models import KafkaSettings
from schemas.control import Command
from schemas.envelope import Event
from schemas.keys import FLOOR_KEY, document_id
from schemas.names import TableName
from schemas.tombstones import HEADER_VERSION
from schemas.topics import Topics
from schemas.wire import EventDecoder
from tests.databases import Database
from tests.nursery import NURSERY, Child
from tests.waiting import eventually

EXIT_S = 40.0  # below stop_timeout_s: an end that takes all of it is a fault


@dataclass
class Reader:
    """One reader process; `settings` are environment variables without the prefix."""

    database: Database
    kafka: str
    prefix: str
    directory: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    name: str = "reader"
    dsn: str | None = None
    process: Child | None = None

    @property
    def slot(self) -> str:
        return self.settings.get("SLOT", f"slot_{self.prefix}")

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "DATABASE_URL": self.dsn or self.database.dsn,
            "KAFKA__BOOTSTRAP_SERVERS": self.kafka,
            "KAFKA__PREFIX": self.prefix,
            "SLOT": self.slot,
            "PUBLICATION": "rowferry",
            "HTTP__HOST": "127.0.0.1",
            "HTTP__PORT": "0",
            "HEARTBEAT_INTERVAL_S": "1",
            **self.settings,
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ROWFERRY_")}
        return kept | {f"ROWFERRY_{name}": value for name, value in own.items()}

    @property
    def log_file(self) -> Path:
        return self.directory / f"{self.name}.log"

    def start(self, *arguments: str) -> Reader:
        with self.log_file.open("ab") as log:
            self.process = NURSERY.start("cdc_reader", arguments or ("run",), self.environment, log)
        return self

    def log(self) -> list[dict[str, Any]]:
        """The events of the log; lines that are not JSON have only `event`."""
        lines = self.log_file.read_text().splitlines() if self.log_file.exists() else []
        return [json.loads(line) if line.startswith("{") else {"event": line} for line in lines]

    def said(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        return [
            line
            for line in self.log()
            if line["event"] == event and all(line.get(name) == value for name, value in fields.items())
        ]

    def wait_for(self, event: str, *, count: int = 1, timeout_s: float = 150.0, **fields: Any) -> Reader:
        def there() -> bool:
            assert self.running() or len(self.said(event, **fields)) >= count, self.tail()
            return len(self.said(event, **fields)) >= count

        eventually(there, timeout_s, f"{event} in the log of {self.name}: {self.tail()}")
        return self

    def tail(self) -> str:
        return self.log_file.read_text()[-3000:] if self.log_file.exists() else "no log"

    def answer(self, path: str) -> str:
        """What it serves there now, whatever the code."""
        [served] = self.said("health and metrics served")[-1:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{served['port']}{path}", timeout=30) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as exc:
            with exc:
                return exc.read().decode()

    def status(self) -> dict[str, Any]:
        """`/statusz`."""
        return dict(json.loads(self.answer("/statusz")))

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(EXIT_S)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(EXIT_S)

    def exit_code(self, timeout_s: float = EXIT_S) -> int:
        assert self.process is not None
        return self.process.wait(timeout_s)

    def close(self) -> None:
        if self.running():
            self.kill()

    def caught_up(self, timeout_s: float = 150.0) -> Reader:
        """Wait until everything committed so far is published and confirmed."""
        [(lsn,)] = self.database.execute("SELECT pg_logical_emit_message(true, 'test', 'here')::text")

        def confirmed() -> bool:
            assert self.running(), self.tail()
            rows = self.database.execute(
                "SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = %s",
                (lsn, self.slot),
            )
            return bool(rows and rows[0][0])

        eventually(confirmed, timeout_s, f"{lsn} to be confirmed; log: {self.tail()}")
        return self

    def snapshots_over(self, tables: int, timeout_s: float = 150.0) -> Reader:
        """Wait until that many snapshots are over, counted over the whole log."""
        return self.wait_for("snapshot_over", count=tables, timeout_s=timeout_s)


@dataclass(frozen=True)
class Published:
    """What a read_committed consumer sees: records in order per partition, decoded."""

    records: list[tuple[Record, Event | None]]

    @property
    def events(self) -> list[Event]:
        return [event for _, event in self.records if event is not None]

    def streamed(self, *ops: str) -> list[Event]:
        return [event for event in self.events if event.source.mode == "stream" and (not ops or event.op in ops)]

    def ops(self) -> list[str]:
        """Operations in the order of their versions; a tombstone is `-`."""
        return [op for _, op in sorted((version(record, event), op_of(event)) for record, event in self.records)]

    def rows(self, document_table: str) -> dict[str, dict[str, str]]:
        """
        The table as the topic tells it: document id -> column -> text.

        Between partitions there is no order: where partitions were added, a key may be in two, and its newest counts.
        """
        rows: dict[bytes, tuple[int, dict[str, str] | None]] = {}
        latest: dict[tuple[bytes, int], int] = {}
        for record, event in self.records:
            assert record.key is not None
            if record.key == FLOOR_KEY:
                assert event is not None
                assert event.below_version is not None
                gone = [
                    key
                    for key, (known, _) in rows.items()
                    if known < event.below_version and self._partition[key] == record.partition
                ]
                for key in gone:
                    del rows[key]
                continue
            now = version(record, event)
            place = (record.key, record.partition)
            assert latest.get(place, 0) <= now, "a version ran back"
            latest[place] = now
            if rows.get(record.key, (0, None))[0] <= now:
                self._partition[record.key] = record.partition
                rows[record.key] = (now, None if event is None or event.op == "d" else event.after_text())
        return {document_id(document_table, key): row for key, (_, row) in rows.items() if row is not None}

    @property
    def _partition(self) -> dict[bytes, int]:
        found: dict[bytes, int] = self.__dict__.setdefault("_partitions", {})
        return found


def version(record: Record, event: Event | None) -> int:
    if event is not None:
        return event.version
    header = record.header(HEADER_VERSION)
    assert header is not None
    return int(header)


def op_of(event: Event | None) -> str:
    return "-" if event is None else event.op


@dataclass
class Consumer:
    """Reads topics of one pipeline from the beginning."""

    kafka: str
    prefix: str

    @property
    def settings(self) -> KafkaSettings:
        return KafkaSettings(bootstrap_servers=self.kafka, prefix=self.prefix)

    @property
    def topics(self) -> Topics:
        return Topics(self.prefix)

    def published(self, table: str, schema: str = "public") -> Published:
        return self.all_published([TableName(schema, table)])[TableName(schema, table)]

    def all_published(self, tables: Sequence[TableName]) -> dict[TableName, Published]:
        """Everything in the topics of these tables, read by one client."""
        topics = {self.topics.table(table): table for table in tables}
        schemas = {record.key: json.loads(record.value or b"") for record in self._read([self.topics.schemas])}
        decoder = EventDecoder(lambda fingerprint: schemas[fingerprint])
        found: dict[TableName, list[tuple[Record, Event | None]]] = {table: [] for table in tables}
        for record in self._read(list(topics)):
            event = None if record.value is None else decoder.decode(record.value)
            found[topics[record.topic]].append((record, event))
        return {table: Published(records) for table, records in found.items()}

    def _read(self, topics: list[str]) -> list[Record]:
        """All committed records of all partitions, up to the ends of now."""
        client = KafkaConsumer(
            {
                "bootstrap.servers": self.kafka,
                "group.id": f"{self.prefix}-reads",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        try:
            known = client.list_topics(timeout=60).topics
            places = [
                TopicPartition(topic, partition, OFFSET_BEGINNING)
                for topic in topics
                for partition in known[topic].partitions
            ]
            client.assign(places)
            return list(self._until_ended(client, len(places)))
        finally:
            client.close()

    def _until_ended(self, client: KafkaConsumer, places: int) -> Iterator[Record]:
        """A partition that is written to meanwhile ends more than once."""
        deadline = time.monotonic() + EXIT_S
        ended: set[tuple[str | None, int | None]] = set()
        while len(ended) < places:
            assert time.monotonic() < deadline, f"{places - len(ended)} partitions were not read to their end"
            for message in client.consume(1000, 0.1):
                error = message.error()
                if error is None:
                    yield record_of(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add((message.topic(), message.partition()))

    def raw(self, topic: str) -> list[Record]:
        return list(read_to_end(self.settings, topic))

    def offsets(self, source: str = "rowferry") -> dict[str, dict[str, Any] | None]:
        """The last record of each key of `_offsets`."""
        return {
            (record.key or b"").decode(): None if record.value is None else json.loads(record.value)
            for record in self.raw(self.topics.offsets(source))
        }

    def entries(self) -> dict[str, Any]:
        directory = TableDirectory(self.settings, self.topics)
        try:
            return {str(name): entry for name, entry in directory.entries().items()}
        finally:
            directory.close()

    def commands(self) -> dict[str, Command]:
        return {
            (record.key or b"").decode(): Command.from_json(record.value)
            for record in self.raw(self.topics.control)
            if record.value is not None
        }

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        """Write one record, as an operator's tool would."""
        producer = IdempotentProducer(self.settings)
        try:
            producer.send(topic, key, value)
            producer.flush_or_raise()
        finally:
            producer.close()

    def readable_commands(self) -> list[Command]:
        """Every state of every command that can be read."""
        records = self.raw(self.topics.control)
        return [Command.from_json(each.value) for each in records if each.value and each.value.startswith(b'{"')]

    def delete_topic(self, topic: str) -> None:
        """Delete a topic, and wait until the broker no longer knows it."""
        client = AdminClient({"bootstrap.servers": self.kafka})
        for deletion in client.delete_topics([topic], operation_timeout=60).values():
            deletion.result()
        eventually(lambda: self.admin().topic_id(topic) is None, 150, f"{topic} to be gone")

    def add_partitions(self, topic: str, count: int) -> None:
        """Give a topic more partitions, and wait until the broker tells so."""
        client = AdminClient({"bootstrap.servers": self.kafka})
        for creation in client.create_partitions([NewPartitions(topic, count)]).values():
            creation.result()
        eventually(lambda: self.admin().partition_counts([topic]) == {topic: count}, 150, f"{count} partitions")

    def admin(self) -> KafkaAdmin:
        return KafkaAdmin(self.settings)
