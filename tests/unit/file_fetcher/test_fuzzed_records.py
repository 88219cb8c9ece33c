"""Records of every topic that the fetcher reads, changed by chance: it goes on, and whole rows are settled (P14)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import fastavro
import pytest

from cdc_runtime.consuming.records import Record, TopicPartition
from file_fetcher.intake.file_columns import FileColumns
from file_fetcher.intake.lost_retries import LostRetries
from file_fetcher.intake.record_reader import RecordReader
from file_fetcher.references import rebuild
from file_fetcher.references.rebuild import bring_up_to_date
from schemas.avro_types import ColumnType
from schemas.envelope import TableSchema, envelope_schema
from schemas.file_references import file_column
from schemas.file_state import State
from schemas.keys import FLOOR_KEY, row_key
from schemas.names import TableName
from schemas.tables import Capture, Column, TableEntry
from schemas.wire import EventDecoder, fingerprint, frame
from tests.unit.file_fetcher.members import World
from tests.unit.file_fetcher.references.holdings import held, held_file, retry
from tests.unit.file_fetcher.rows import OWN_TOPICS, PARTITION, TOPICS
from tests.unit.mutations import mutants

PHOTOS = TableName("public", "photos")
COLUMNS = (
    ColumnType("id", "bigint", 20, "int8"),
    ColumnType("image_s3_key", "text", 25, "text"),
    ColumnType("pages_s3_keys", "jsonb", 3802, "jsonb"),
    ColumnType("project_id", "bigint", 20, "int8"),
)
SCHEMA = envelope_schema(TableSchema("cdc", "public", "photos", COLUMNS, ("id",)))
FINGERPRINT = fingerprint(SCHEMA)
PARSED = fastavro.parse_schema(dict(SCHEMA))
ENTRY = TableEntry(
    *(1, "rowferry", "db", "public", "photos", 1, "cdc.public.photos", 5),
    tuple(Column(each.name, each.type, 25, -1, nullable=True, ordinal=at) for at, each in enumerate(COLUMNS)),
    ("id",),
    Capture("replication", "it has a primary key"),
    file_columns=tuple(found for each in COLUMNS if (found := file_column(each.name, each.type)) is not None),
    schema_fingerprint=FINGERPRINT.hex(),
)
COUNT = 80


def _event(op: str, version: int, **more: Any) -> bytes:
    source = {"mode": "stream", "db": "db", "schema": "public", "table": "photos", "name": "rowferry", "txId": 1}
    source |= {"commit_lsn": 1, "ts_us": 1, "lsn": 1, "ordinal": 1}
    event = {"op": op, "version": version, "source": source, "ts_ms": 1, "transaction": None, "below_version": None}
    body = io.BytesIO()
    fastavro.schemaless_writer(
        body, PARSED, {**event, "refetched": [], "omitted": [], "before": None, "after": None, **more}
    )
    return frame(FINGERPRINT) + body.getvalue()


def put(number: int, version: int, key: str = "a.pdf", pages: str | None = '{"1": "b.pdf"}') -> bytes:
    row = {"id": number, "image_s3_key": key, "pages_s3_keys": pages, "project_id": 3}
    return _event("c", version, after=row)


@pytest.fixture
def reading(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A member that reads records as they are."""
    plans = FileColumns({PHOTOS: ENTRY}.get, {FINGERPRINT: SCHEMA}.get)
    real = RecordReader(plans, EventDecoder({FINGERPRINT: SCHEMA}.__getitem__).decode, ("project_id",))
    monkeypatch.setattr(world.reading, "read", real.read, raising=False)
    monkeypatch.setattr(world.reading, "knows", real.knows, raising=False)
    return world


def _settled(world: World) -> None:
    for _ in range(400):
        world.work()
        for assigned in world.fetcher.assigned.values():
            world.fetcher.go_on(assigned)
        if world.fetcher.idle and not any(each.backlog for each in world.fetcher.assigned.values()):
            return
    raise AssertionError("expected everything to be settled")


@pytest.mark.rule("P14")
@pytest.mark.parametrize("seed", range(6))
def test_p14_record_that_is_none_stops_no_row(reading: World, seed: int) -> None:
    world = reading
    world.own()
    reals = [
        Record(*PARTITION, 0, row_key(["1"]), put(1, 10), 0),
        Record(*PARTITION, 0, row_key(["2"]), _event("d", 11), 0),
        Record(*PARTITION, 0, row_key(["3"]), None, 0, (("rowferry.version", b"12"),)),
        Record(*PARTITION, 0, FLOOR_KEY, _event("t", 5, below_version=5), 0),
    ]
    offset = 5
    for wrong in (each for real in reals for each in mutants(real, seed, COUNT)):
        world.take(wrong._replace(offset=offset))
        offset += 1
    world.take(Record(*PARTITION, offset, row_key(["7"]), put(7, 2**49), 0))
    _settled(world)
    assert ("photos/7/image_s3_key", "fetched") in world.results()
    assert world.letters.written
    assert world.fetcher.assigned[PARTITION].tracker.next_offset == offset + 1


class _Admin:
    def __init__(self, log: Mapping[TopicPartition, list[Record]]) -> None:
        self._log = log

    def end_offsets(self, places: list[TopicPartition], isolation: str) -> dict[TopicPartition, int]:
        return {each: len(self._log.get(each, [])) for each in places}

    def begin_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    def topic_partitions(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, partition) for partition in range(3)]

    def topic_id(self, topic: str) -> str:
        return f"{topic} 1"


class _Tail:
    def __init__(self, log: Mapping[TopicPartition, list[Record]], topic: str, starts: Mapping[int, int]) -> None:
        self._records = [each for at, start in starts.items() for each in log.get(TopicPartition(topic, at), [])]
        self.next_offsets = {at: len(log.get(TopicPartition(topic, at), [])) for at in starts}

    def read_to_end(self, timeout_s: float) -> Iterator[Record]:
        return iter(self._records)

    def close(self) -> None:
        """It is no client."""


class _Requests:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def reread(self, table: TableName, keys: list[str], reason: str) -> None:
        self.asked += [key.encode("ascii", "replace").decode() for key in keys]


@pytest.mark.rule("P14")
@pytest.mark.parametrize("seed", range(6))
def test_p14_memory_that_is_none_stops_no_row(reading: World, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world = reading
    waiting = held_file("photos/8/image_s3_key", State.RETRYING, column="image_s3_key", kind="s3_key", attempt=1)
    waits = retry(waiting.file_id, record_id="photos/8", key=row_key(["8"]), value=put(8, 10))
    file = replace(held_file("photos/9/image_s3_key"), rows=(("S", 1, 3),))
    refs = TopicPartition(TOPICS.file_refs, 1)
    retries = TopicPartition(TOPICS.retry(OWN_TOPICS.group), 1)
    reals = [
        Record(*refs, 0, b"photos/8", held("photos/8", 10, waiting).to_json(), 0),
        Record(*refs, 0, b"photos/9", held("photos/9", 10, file).to_json(), 0),
        Record(*refs, 0, b"photos/9", None, 0, (("rowferry.version", b"9"),)),
        Record(*retries, 0, waits.key, waits.value, 0, waits.headers()),
    ]
    log: dict[TopicPartition, list[Record]] = {refs: [], retries: []}
    for real in reals:
        for wrong in [real, *mutants(real, seed, COUNT)]:
            log[real.topic_partition].append(wrong._replace(offset=len(log[real.topic_partition])))
    monkeypatch.setattr(rebuild, "Tail", lambda settings, topic, starts, **_: _Tail(log, topic, starts))
    admin: Any = _Admin(log)
    settings: Any = None
    bring_up_to_date(world.store, settings, TOPICS, OWN_TOPICS.group, [1], of=3, admin=admin)
    world.clock.now = 10.0**7
    world.own()
    requests: Any = _Requests()
    LostRetries(world.store, requests).ask(list(world.fetcher.assigned.values()))
    events = [put(number, 2**50, "new.pdf", None) for number in (7, 8, 9)]
    for at, value in enumerate(events):
        world.take(Record(*PARTITION, 5 + at, row_key([str(7 + at)]), value, 0))
    world.take(Record(*PARTITION, 8, FLOOR_KEY, _event("t", 2**51, below_version=2**51), 0))
    world.take(Record(*PARTITION, 9, row_key(["7"]), put(7, 2**52), 0))
    _settled(world)
    assert ("photos/7/image_s3_key", "fetched") in world.results()
