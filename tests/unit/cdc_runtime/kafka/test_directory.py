"""What cannot be read of `_schemas` and `_tables` is told once and passed over (rule P14)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from cdc_runtime.consuming.followed_tables import FollowedTables
from cdc_runtime.consuming.records import Record
from cdc_runtime.kafka import directory
from cdc_runtime.settings.models import KafkaSettings
from cdc_runtime.unreadable import UnreadableRecords
from schemas.avro_types import ColumnType
from schemas.envelope import TableSchema, envelope_schema
from schemas.names import TableName
from schemas.tables import Capture, Column, TableEntry
from schemas.wire import fingerprint

SCHEMA = envelope_schema(TableSchema("cdc", "public", "photos", (ColumnType("id", "bigint", 20, "int8"),), ("id",)))
KEY = fingerprint(SCHEMA)
PHOTOS, FILMS = TableName("public", "photos"), TableName("public", "films")


def entry(table: TableName) -> TableEntry:
    columns = (Column("id", "bigint", 20, -1, nullable=False, ordinal=1, primary_key=True),)
    capture = Capture("replication", "primary key")
    named = {"schema": table.schema, "table": table.name, "topic": f"cdc.{table}"}
    return TableEntry(1, "s", "db", oid=1, partitions=3, columns=columns, primary_key=("id",), capture=capture, **named)


class Topics(dict[str, list[Record]]):
    """Records by topic, in the place of Kafka's."""

    def write(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        log = self.setdefault(topic, [])
        log.append(Record(topic, 0, len(log), key, value, 0))

    def tail(self, settings: object, topic: str, **_: object) -> _Tail:
        return _Tail(self, topic)


class _Tail:
    def __init__(self, topics: Topics, topic: str) -> None:
        self._topics, self._topic, self._next = topics, topic, 0

    def read_to_end(self, timeout_s: float) -> Iterator[Record]:
        yield from self.poll()

    def poll(self) -> list[Record]:
        found = self._topics.get(self._topic, [])[self._next :]
        self._next += len(found)
        return found

    def close(self) -> None:
        """It is no client."""


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> Topics:
    made = Topics()
    monkeypatch.setattr(directory, "Tail", made.tail)
    monkeypatch.setattr(directory, "UNREADABLE", UnreadableRecords())
    return made


def followed() -> FollowedTables:
    admin: Any = None
    return FollowedTables(KafkaSettings(), admin)


def _changed(value: bytes, **more: object) -> bytes:
    return json.dumps({**json.loads(value), **more}).encode()


EDGE = {"direction": "out", "column": "a", "target_column": "b", "type": "c", "declared": True}
NO_ENTRY: dict[str, bytes] = {
    "other bytes": b"\xff",
    "no object": b"[7]",
    "a newer format": b'{"format": 2, "other": 1}',
    "a column that is none": _changed(entry(PHOTOS).to_json(), columns=[5]),
    "a table of no name": _changed(entry(PHOTOS).to_json(), table=""),
    "an edge to no table": _changed(
        entry(PHOTOS).to_json(),
        relationships=[
            {
                "direction": "out",
                "column": "a",
                "target_table": "x",
                "target_column": "b",
                "type": "c",
                "declared": True,
            }
        ],
    ),
    "another table's": entry(FILMS).to_json(),
}


@pytest.mark.rule("P14")
@pytest.mark.parametrize("value", NO_ENTRY.values(), ids=NO_ENTRY)
def test_p14_entry_that_cannot_be_read_has_its_table_alone_wait(topics: Topics, value: bytes) -> None:
    for table in (PHOTOS, FILMS):
        topics.write("cdc._tables", str(table).encode(), entry(table).to_json())
    tables = followed()
    topics.write("cdc._tables", b"public.photos", value)
    with capture_logs() as logs:
        tables.poll()
        tables.refresh()
        again = followed()
    assert (tables.entry(PHOTOS), tables.entry(FILMS)) == (None, entry(FILMS))
    assert (again.entry(PHOTOS), again.entry(FILMS)) == (None, entry(FILMS))
    assert [(each["topic"], each["partition"], each["offset"]) for each in logs] == [("cdc._tables", 0, 2)]
    topics.write("cdc._tables", b"public.photos", entry(PHOTOS).to_json())
    tables.poll()
    assert tables.entry(PHOTOS) == entry(PHOTOS)


NO_SCHEMA: dict[str, bytes] = {
    "other bytes": b"not json",
    "another type": b'{"type": "string"}',
    "no fields": json.dumps({**SCHEMA, "fields": []}).encode(),
    "a newer envelope": json.dumps({**SCHEMA, "envelope_version": 2}).encode(),
    "the schema of another table": json.dumps({**SCHEMA, "pg_table": "films"}).encode(),
    "a version that is text": json.dumps({**SCHEMA, "envelope_version": "1"}).encode(),
}


@pytest.mark.rule("P14")
@pytest.mark.parametrize("value", NO_SCHEMA.values(), ids=NO_SCHEMA)
def test_p14_schema_that_cannot_be_read_is_not_known_and_takes_the_place_of_none(topics: Topics, value: bytes) -> None:
    topics.write("cdc._schemas", KEY, value)
    topics.write("cdc._schemas", b"ghost", value)
    with capture_logs() as logs:
        tables = followed()
        tables.refresh()
    assert tables.schema(KEY) is None
    assert [each["offset"] for each in logs] == [0, 1]
    for written in (json.dumps(SCHEMA).encode(), value):
        topics.write("cdc._schemas", KEY, written)
    tables.refresh()
    assert tables.schema(KEY) == SCHEMA


@pytest.mark.rule("P14")
def test_p14_remedy_of_a_newer_format_is_to_update(topics: Topics) -> None:
    topics.write("cdc._tables", b"public.photos", NO_ENTRY["a newer format"])
    topics.write("cdc._schemas", KEY, NO_SCHEMA["a newer envelope"])
    with capture_logs() as logs:
        followed()
    assert [each["remedy"] for each in logs] == ["update this service first"] * 2
