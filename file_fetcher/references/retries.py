"""
References that are tried again later: the records of `_retry.<group>`.

A record is the row's event as it was read (key and value), and headers that say which of its references waits, for
what, and until when. Leaves to others: when a retry is due, and whether its reference still waits for it (rule V9).

Keeps: V9.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cdc_runtime.consuming.records import Headers, Record
from schemas.errors import RecordError
from schemas.topics import Topics

FILE_ID = "rowferry.file_id"
RECORD_ID = "rowferry.record_id"
ATTEMPT = "rowferry.attempt"
NOT_BEFORE_MS = "rowferry.not_before_ms"
ROW_VERSION = "rowferry.row_version"
TOPIC = "rowferry.topic"
PARTITION = "rowferry.partition"
_MOST_DIGITS = 19
_MOST = 2**63 - 1  # what SQLite holds


@dataclass(frozen=True, slots=True)
class Retry:
    """
    One reference that is tried again at `due_ms`.

    `table`, `topic` and `partition` are those of the row, `key` and `value` those of its event; `row_version` and
    `attempt` are those of the `HeldFile` that waits for it.
    """

    file_id: str
    record_id: str
    table: str
    partition: int
    row_version: int
    attempt: int
    due_ms: int
    topic: str
    key: bytes = field(repr=False)
    value: bytes = field(repr=False)

    def headers(self) -> Headers:
        """The headers of its record; key and value are those of the event."""
        fields = {
            FILE_ID: self.file_id,
            RECORD_ID: self.record_id,
            ATTEMPT: str(self.attempt),
            NOT_BEFORE_MS: str(self.due_ms),
            ROW_VERSION: str(self.row_version),
            TOPIC: self.topic,
            PARTITION: str(self.partition),
        }
        return tuple((name, text.encode()) for name, text in fields.items())

    @classmethod
    def from_record(cls, record: Record, topics: Topics) -> Retry:
        """Read a record of the retry topic; raises `RecordError` when it is none."""
        if record.key is None or record.value is None:
            raise RecordError("expected a retry with the key and value of an event, got none")
        topic = _text(record, TOPIC)
        found = topics.parse_table(topic)
        if found is None:
            raise RecordError(f"expected the topic of a table in header {TOPIC}, got another")
        return cls(
            file_id=_text(record, FILE_ID),
            record_id=_text(record, RECORD_ID),
            table=str(found[0]),
            partition=_number(record, PARTITION),
            row_version=_number(record, ROW_VERSION),
            attempt=_number(record, ATTEMPT),
            due_ms=_number(record, NOT_BEFORE_MS),
            topic=topic,
            key=record.key,
            value=record.value,
        )


def _text(record: Record, name: str) -> str:
    raw = record.header(name)
    if not raw:
        raise RecordError(f"expected a retry with header {name}, got none")
    try:
        return raw.decode()
    except UnicodeDecodeError as exc:
        raise RecordError(f"expected text in header {name}, got other bytes") from exc


def _number(record: Record, name: str) -> int:
    text = _text(record, name)
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text) <= _MOST):
        raise RecordError(
            f"expected a whole number of {_MOST_DIGITS} digits at most in header {name}, got something else"
        )
    return int(text)
