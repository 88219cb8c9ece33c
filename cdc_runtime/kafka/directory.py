"""
The schemas and tables that the reader publishes, as maps that can be brought up to date.

Both read their topic to its true end when they are made, and again at `refresh`; lookups may come from any thread.
P10: a schema is there before its first event, so an unknown fingerprint after a refresh is an error of the source.
P14: what cannot be read is told and passed over; what needs it (the events of one schema, the rows of one table) waits.

Keeps: P10, P14.
"""

from __future__ import annotations

import threading
from typing import Any

from cdc_runtime.consuming.records import Record
from cdc_runtime.kafka.admin import KafkaAdmin
from cdc_runtime.kafka.tail import Tail
from cdc_runtime.settings.models import KafkaSettings
from cdc_runtime.unreadable import UNREADABLE
from schemas.errors import RecordError
from schemas.names import TableName
from schemas.tables import TableEntry, table_entry
from schemas.topics import Topics
from schemas.wire import event_schema

_REFRESH_TIMEOUT_S = 90.0


class _FollowedTopic:
    """Reads one compacted topic; subclasses keep what they need of each record."""

    def __init__(self, settings: KafkaSettings, topic: str, admin: KafkaAdmin | None) -> None:
        self._lock = threading.Lock()
        self._tail = Tail(settings, topic, admin=admin)
        try:
            self.refresh()
        except BaseException:
            self._tail.close()
            raise

    def refresh(self, timeout_s: float = _REFRESH_TIMEOUT_S) -> bool:
        """Read to the end of now; True when something new was read. Raises the errors of `Tail.read_to_end`."""
        with self._lock:
            return self._took(list(self._tail.read_to_end(timeout_s)))

    def poll(self) -> bool:
        """Take what has arrived, without waiting; True when there was something."""
        with self._lock:
            return self._took(self._tail.poll())

    def _took(self, records: list[Record]) -> bool:
        for record in records:
            if record.key is None:
                continue
            try:
                self._take(record.key, record)
            except RecordError as exc:
                self._pass_over(record.key, record, exc)
        return bool(records)

    def _take(self, key: bytes, record: Record) -> None:
        """Raises `RecordError`."""
        raise NotImplementedError

    def _pass_over(self, key: bytes, record: Record, problem: RecordError) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Free the client."""
        with self._lock:
            self._tail.close()


class SchemaDirectory(_FollowedTopic):
    """Avro schemas by their 8-byte fingerprint, from `_schemas`."""

    def __init__(self, settings: KafkaSettings, topics: Topics, *, admin: KafkaAdmin | None = None) -> None:
        self._schemas: dict[bytes, dict[str, Any]] = {}
        super().__init__(settings, topics.schemas, admin)

    def _take(self, key: bytes, record: Record) -> None:
        if record.value is not None:
            self._schemas[key] = event_schema(key, record.value)

    def _pass_over(self, key: bytes, record: Record, problem: RecordError) -> None:
        UNREADABLE.passed_over(record, problem, "events that were written by this schema wait, and their partitions")

    def get(self, fingerprint: bytes) -> dict[str, Any] | None:
        """The schema, if it is known; reads nothing."""
        return self._schemas.get(fingerprint)

    def find(self, fingerprint: bytes) -> dict[str, Any] | None:
        """The schema; an unknown fingerprint makes it read the topic to its end once."""
        if fingerprint not in self._schemas:
            self.refresh()
        return self._schemas.get(fingerprint)

    def __len__(self) -> int:
        return len(self._schemas)


class TableDirectory(_FollowedTopic):
    """What discovery knows of each table, from `_tables`."""

    def __init__(self, settings: KafkaSettings, topics: Topics, *, admin: KafkaAdmin | None = None) -> None:
        self._entries: dict[bytes, TableEntry] = {}
        super().__init__(settings, topics.tables, admin)

    def _take(self, key: bytes, record: Record) -> None:
        self._keep(key, None if record.value is None else table_entry(key, record.value))

    def _pass_over(self, key: bytes, record: Record, problem: RecordError) -> None:
        # What was known before is older than what cannot be read: rows would be made into wrong documents by it.
        self._keep(key, None)
        UNREADABLE.passed_over(
            record, problem, "the rows of this table wait until the reader, at its next start, has written it again"
        )

    def _keep(self, key: bytes, entry: TableEntry | None) -> None:
        # A new map at each change: lookups from other threads see the old one or the new one, whole.
        entries = {known: each for known, each in self._entries.items() if known != key}
        self._entries = entries if entry is None else {**entries, key: entry}

    def entries(self) -> dict[TableName, TableEntry]:
        """All tables, deleted ones included."""
        return {entry.name: entry for entry in self._entries.values()}

    def get(self, name: TableName) -> TableEntry | None:
        """One table."""
        return self._entries.get(str(name).encode())

    def by_topic(self, topic: str) -> TableEntry | None:
        """The table whose events are in a topic now."""
        return next((entry for entry in self._entries.values() if entry.topic == topic), None)
