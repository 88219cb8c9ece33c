"""
A reader in a world of fakes: the service as it is, between a PostgreSQL and a Kafka in memory.

`service.Reader` runs in a thread of its own, in step with the test: it stands still where it would read from the slot
or wait, until the test says `turn`. So between two turns everything can be looked at, and nothing depends on time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import create_autospec

import pytest

from cdc_reader.discovery.catalog import read_catalog
from cdc_reader.discovery.selection import Selection
from cdc_reader.postgres.connections import connect
from cdc_reader.postgres.replication import ReplicationStream as RealStream
from cdc_reader.postgres.workers import SideWork as RealSideWork
from cdc_reader.reset import reset
from cdc_reader.service import Reader
from cdc_reader.settings import CommitSettings, ReaderSettings, SnapshotSettings
from cdc_runtime.consuming.records import Record
from cdc_runtime.health import Health
from cdc_runtime.kafka import admin, positions, producer, tail
from cdc_runtime.metric_definitions import MetricDef
from cdc_runtime.metrics import Metrics
from cdc_runtime.neighbours import Neighbours
from schemas.control import Command, Kind
from schemas.envelope import Event
from schemas.offsets import POSITION_KEY, Position, SnapshotProgress
from schemas.topics import Topics
from schemas.wire import EventDecoder
from tests.unit.cdc_reader import broker as kafka
from tests.unit.cdc_reader.clock import Clock
from tests.unit.cdc_reader.connections import Connection, ReplicationStream
from tests.unit.cdc_reader.side_work import SideWork
from tests.unit.cdc_reader.source import Source
from tests.unit.cdc_reader.turns import Killed, Turns

TOPICS = Topics("cdc")
SOURCE_NAME = "rowferry"


class World:
    """One reader at a time (`start`, `stop`, `kill`), whose source and Kafka stay."""

    def __init__(self, patch: pytest.MonkeyPatch, **settings: Any) -> None:
        self._patch = patch
        self.clock = Clock()
        self.source, self.broker = Source(self.clock), kafka.Broker()
        self.settings = settings
        self.turns = Turns(self.clock)
        self.streams: list[ReplicationStream] = []
        self.sides: list[SideWork] = []

        self.lead_there()

    def lead_there(self) -> None:
        """Lead the constructors of readers that start from now on into this world."""
        self.turns.clock = self.clock
        self._patch.undo()
        put_into(self._patch, self)

    @property
    def stream(self) -> ReplicationStream:
        return self.streams[-1]

    @property
    def side(self) -> SideWork:
        return self.sides[-1]

    def start(self) -> World:
        """Begin a reader and let it come to its first read from the slot."""
        snapshot, commit = self.settings.pop("snapshot", {}), self.settings.pop("commit", {})
        made = ReaderSettings(
            database_url="postgresql://reader@source/shop",
            snapshot=SnapshotSettings(**snapshot),
            commit=CommitSettings(**commit),
            **{"heartbeat_interval_s": 1_000, **self.settings},
        )
        self.settings = {**self.settings, "snapshot": snapshot, "commit": commit}
        drain: Any = self.turns.drain
        self.metrics, health = Metrics("reader", "1"), Health("reader")
        neighbours = create_autospec(Neighbours, instance=True)
        reader = Reader(made, drain=drain, metrics=self.metrics, health=health, neighbours=neighbours)
        self.turns.start(reader.run)
        return self

    def turn(self, times: int = 1, seconds: float = 0.001) -> World:
        """Let the reader go round its loop; raises what ends it."""
        for _ in range(times):
            self.clock.seconds += seconds
            self.turns.next()
        return self

    def settle(self) -> World:
        """Go round until scans are over and nothing is left to read, for an idle reader."""
        return self.turn(16)

    def settle_until(self, seen: Callable[[], bool]) -> World:
        """Go round until something has happened."""
        for _ in range(50):
            if seen():
                return self
            self.turn()
        raise AssertionError("it did not happen")

    def stop(self) -> None:
        """Let the reader end as a signal does."""
        self.turns.end()

    def kill(self) -> None:
        """End it here and now."""
        self.turns.end(Killed())

    def reset(self, *flags: str) -> str:
        """`cdc-reader reset`, with these flags."""
        settings = ReaderSettings(database_url="postgresql://reader@source/shop", source=SOURCE_NAME)
        return reset(settings, execute="--execute" in flags, moved="--source-moved" in flags)

    def forget_position(self) -> None:
        """What `cdc-reader reset` does, or the loss of slot and position."""
        self.source.slots.clear()
        self.broker.write([Record(TOPICS.offsets(SOURCE_NAME), 0, 0, POSITION_KEY, None, 0)])

    def rewrite_position(self, **changes: object) -> None:
        """Let the position be stored as another reader would have; a field that is None is left out."""
        stored = self.position()
        assert stored is not None
        raw = json.loads(stored.to_json()) | changes
        value = json.dumps({name: each for name, each in raw.items() if each is not None}).encode()
        self.broker.write([Record(TOPICS.offsets(SOURCE_NAME), 0, 0, POSITION_KEY, value, 0)])

    def counted(self, metric: MetricDef, **labels: str) -> float:
        """A metric of the reader that was started last."""
        return self.metrics.registry.get_sample_value(metric.name, labels) or 0

    # Where the reader's constructors lead to

    def connect(self, dsn: str, *, application_name: str, autocommit: bool = True) -> Connection:
        return Connection(self.source)

    def transactional(self, settings: object, name: str, *, names_topics: bool = False, **more: Any) -> Any:
        return kafka.TransactionalProducer(self.broker, name, names_topics=names_topics)

    def open_stream(self, dsn: str, **more: Any) -> ReplicationStream:
        self.streams.append(ReplicationStream(self.source, turn=self.turns.pause, confirming=self._confirmed))
        return self.streams[-1]

    def open_side(self, connection: object, *, workers: int) -> SideWork:
        self.sides.append(SideWork(self.source))
        return self.sides[-1]

    def read_catalog(self, connection: object, selection: Selection, *, publication: str = "") -> Any:
        catalog = self.source.catalog()
        selection.require([table.name for table in catalog.tables])
        wanted = tuple(table for table in catalog.tables if selection.wants(table.name))
        return replace(catalog, tables=wanted)

    def _confirmed(self, lsn: int) -> None:
        """P3, in whatever a test does: nothing is confirmed that Kafka has not committed."""
        stored = self.position()
        assert stored is not None, "a confirmation before any position was committed"
        assert lsn <= stored.restart_lsn, "a confirmation beyond the position that is committed"

    # What was published

    def decode(self, value: bytes) -> Event:
        schemas = {record.key or b"": json.loads(record.value or b"") for record in self.broker.records(TOPICS.schemas)}
        return EventDecoder(schemas.__getitem__).decode(value)

    def records(self, table: str = "items") -> list[Record]:
        return self.broker.records(f"cdc.public.{table}")

    def events(self, table: str = "items") -> list[Event]:
        """All committed events of a table, in the order of their versions."""
        found = [self.decode(record.value) for record in self.records(table) if record.value is not None]
        return sorted(found, key=lambda event: event.version)

    def told(self, table: str = "items", mode: str = "") -> list[tuple[str, Any]]:
        """Operation and row of all events; of a delete its key, where it has one, of a floor event nothing."""
        seen: dict[int, tuple[str, Any]] = {}
        for event in self.events(table):
            if mode not in ("", event.source.mode):
                continue
            row = event.after or event.before
            seen[event.version] = (event.op, None if row is None else tuple(row.values()))
        return list(seen.values())

    def streamed(self, table: str = "items") -> list[tuple[str, Any]]:
        """The same of what the stream said, without scans and sweeps."""
        return self.told(table, mode="stream")

    def holds(self, table: str = "items", *, compacted: bool = False) -> dict[str, tuple[Any, ...]]:
        """The rows of a consumer that has read all, by versions, deletes and floors; `compacted`: as little as may be.

        Compaction keeps the last record of each key of a partition.
        """
        rows: dict[str, tuple[Any, ...]] = {}
        for partition in self.broker.partitions(f"cdc.public.{table}"):
            log = self.broker.log[partition]
            last = {record.key: record.offset for record in log}
            kept = [record for record in log if not compacted or last[record.key] == record.offset]
            rows.update({key: row for key, row in self._consumed(kept).items() if row is not None})
        return dict(sorted(rows.items()))

    def _consumed(self, records: list[Record]) -> dict[str, tuple[Any, ...] | None]:
        rows: dict[str, tuple[int, Any]] = {}
        for record in records:
            key = (record.key or b"").decode()
            if record.value is None:
                event, version, row = None, int(record.header("rowferry.version") or 0), None
            else:
                event = self.decode(record.value)
                version, row = event.version, None if event.after is None else tuple(event.after.values())
            if event is not None and event.below_version is not None:
                rows = {key: held for key, held in rows.items() if held[0] >= event.below_version}
            elif version >= rows.get(key, (0, None))[0]:
                rows[key] = (version, row)
        return {key: row for key, (_, row) in rows.items()}

    def offsets(self) -> dict[bytes, bytes | None]:
        topic = TOPICS.offsets(self.settings.get("source", SOURCE_NAME))
        return {record.key or b"": record.value for record in self.broker.records(topic)}

    def position(self) -> Position | None:
        value = self.offsets().get(POSITION_KEY)
        return None if value is None else Position.from_json(value)

    def progress(self, table: str = "items") -> SnapshotProgress | None:
        value = self.offsets().get(f"snapshot:public.{table}".encode())
        return None if value is None else SnapshotProgress.from_json(value)

    def commands(self) -> dict[str, Command]:
        records = self.broker.records(TOPICS.control)
        return {(each.key or b"").decode(): Command.from_json(each.value) for each in records if each.value}

    def ask(self, kind: Kind, table: str = "public.items", *others: str, **more: Any) -> str:
        """Write a command as an operator's tool does."""
        self.clock.seconds += 1
        command = Command(f"c{len(self.broker.added)}", kind, (table, *others), "operator", 0, **more)
        self.broker.write([Record(TOPICS.control, 0, 0, command.id.encode(), command.to_json(), 0)])
        return command.id


def replace_everywhere(patch: pytest.MonkeyPatch, original: object, fake: object) -> None:
    """Wherever the reader has this name, it finds the fake."""
    for name, module in list(sys.modules.items()):
        if name.startswith("cdc_reader"):
            for attribute in [each for each, value in vars(module).items() if value is original]:
                patch.setattr(module, attribute, fake)


def put_into(patch: pytest.MonkeyPatch, world: World) -> None:
    """Lead the reader's edges into a world."""
    broker = world.broker
    fakes: list[tuple[object, object]] = [
        (connect, world.connect),
        (RealStream, world.open_stream),
        (RealSideWork, world.open_side),
        (read_catalog, world.read_catalog),
        (producer.TransactionalProducer, world.transactional),
        (producer.IdempotentProducer, lambda settings: kafka.IdempotentProducer(broker)),
        (admin.KafkaAdmin, lambda settings: kafka.Admin(broker)),
        (tail.Tail, lambda settings, topic, start, **more: kafka.Tail(broker, topic, start)),
        (positions.read_to_end, lambda settings, topic, **more: kafka.read_to_end(broker, topic)),
        (positions.read_committed, lambda settings, topic, **more: kafka.read_committed(broker, topic)),
        (positions.last_records, lambda settings, topic, **more: kafka.last_records(broker, topic)),
        (sys.modules["time"], world.clock),
    ]
    for original, fake in fakes:
        replace_everywhere(patch, original, fake)
