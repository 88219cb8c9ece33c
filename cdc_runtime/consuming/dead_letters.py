"""
Dead letters: the original record, with headers that say what went wrong, named as Kafka Connect names them.

Pure. The message comes from a `RecordError`, which never holds row values. The time of a dead letter is the time of
writing (rule P9), so the producer sets it. Leaves writing to `kafka.producer.DeadLetterWriter`.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdc_runtime.consuming.records import Headers, Record
from schemas.errors import RowferryError

PREFIX = "__connect.errors."
TOPIC = PREFIX + "topic"
PARTITION = PREFIX + "partition"
OFFSET = PREFIX + "offset"
CONNECTOR = PREFIX + "connector.name"
TASK = PREFIX + "task.id"
STAGE = PREFIX + "stage"
CLASS = PREFIX + "class.name"
EXCEPTION = PREFIX + "exception.class.name"
MESSAGE = PREFIX + "exception.message"
# Connect's last header of the set. A trace could quote a row, so it stays empty.
STACKTRACE = PREFIX + "exception.stacktrace"
# Not Connect's: how often the record was tried, and its own time, which the time of writing replaces.
ATTEMPT = "rowferry.attempt"
ORIGINAL_TIMESTAMP = "rowferry.original_timestamp_ms"
# The field that the index lacked (empty: which is not known), where that is why a row was given up.
LACKS = "rowferry.lacks"
_LONGEST_MESSAGE = 2000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record for the dead-letter topic."""

    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Failure:
    """Where and how a record failed: `stage` (`decode`, `write` ...) and the class or module that carried it out."""

    error: Exception
    stage: str
    executed_by: str = ""
    attempt: int = 1
    lacks: str | None = None


def dead_letter(record: Record, failure: Failure, *, group: str, task: str) -> DeadLetter:
    """
    Build the dead letter of a record: original key, value and headers, then the headers of the failure.

    `group` is the consumer group, `task` tells its members apart. A record that is redriven and fails again carries
    the headers of its last failure only.
    """
    kept = tuple((name, value) for name, value in record.headers if not _ours(name))
    error = type(failure.error)
    # Where a redriven record says where it first stood, that stays true.
    original = {name: value for name, value in record.headers if name == ORIGINAL_TIMESTAMP}
    fields = {
        TOPIC: record.topic,
        PARTITION: str(record.partition),
        OFFSET: str(record.offset),
        CONNECTOR: group,
        TASK: task,
        STAGE: failure.stage,
        CLASS: failure.executed_by,
        EXCEPTION: f"{error.__module__}.{error.__qualname__}",
        MESSAGE: _message(failure.error),
        STACKTRACE: "",
        ATTEMPT: str(failure.attempt),
    }
    if failure.lacks is not None:
        fields[LACKS] = failure.lacks
    added: Headers = tuple((name, value.encode()) for name, value in fields.items())
    time = original.get(ORIGINAL_TIMESTAMP, str(record.timestamp_ms).encode())
    return DeadLetter(record.key, record.value, (*kept, *added, (ORIGINAL_TIMESTAMP, time)))


def _message(error: Exception) -> str:
    """Only our own errors promise to hold no row values."""
    return str(error)[:_LONGEST_MESSAGE] if isinstance(error, RowferryError) else type(error).__name__


def _ours(name: str) -> bool:
    return name.startswith(PREFIX) or name in (ATTEMPT, ORIGINAL_TIMESTAMP, LACKS)
