"""Whatever lies in a topic of ours is read as a whole record, or as a `RecordError` without any value of it (P14)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from schemas.catalog_marks import catalog_mark
from schemas.control import Command
from schemas.errors import RecordError
from schemas.file_results import FileResult, FileRow
from schemas.file_state import HeldRecord
from schemas.names import TableName
from schemas.offsets import Position, PublicationMark, SnapshotProgress, SourceMark
from schemas.tables import TableEntry, table_entry
from schemas.wire import EventDecoder, event_schema
from tests.unit.mutations import values
from tests.unit.schemas.test_file_results import RESULT, ROW
from tests.unit.schemas.test_file_state import RECORD
from tests.unit.schemas.test_records import ENTRY, RECORDS
from tests.unit.schemas.test_wire import FINGERPRINT, SCHEMA, encoded

SEEDS = range(6)
EVENT = encoded()
SCHEMA_VALUE = json.dumps(SCHEMA).encode()


def _entry(value: bytes) -> TableEntry:
    """With what consumers do to an entry that they have read."""
    entry = table_entry(ENTRY.record_key, value)
    catalog_mark(entry, {TableName("public", "projects"): ("id",)}.get)
    assert TableEntry.from_json(entry.to_json()) == entry
    return entry


def _event(value: bytes, *, compiled: bool = True) -> tuple[dict[str, str], dict[str, str]]:
    event = EventDecoder({FINGERPRINT: SCHEMA}.__getitem__, compiled=compiled).decode(value)
    return event.after_text(), event.before_text()


READ: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    **{name: (value, read) for name, (_, value, read) in RECORDS.items()},
    "entry": (ENTRY.to_json(), _entry),
    "result": (RESULT.to_json(), FileResult.from_json),
    "row": (ROW.to_json(), FileRow.from_json),
    "references": (RECORD.to_json(), HeldRecord.from_json),
    "schema": (SCHEMA_VALUE, lambda value: event_schema(FINGERPRINT, value)),
    "event": (EVENT, _event),
    "event by fastavro": (EVENT, lambda value: _event(value, compiled=False)),
}
WRITTEN: tuple[type[Any], ...] = (Command, Position, PublicationMark, SnapshotProgress, SourceMark, FileResult, FileRow)


@pytest.mark.rule("P14")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("value", "read"), READ.values(), ids=READ)
def test_p14_whatever_a_record_holds_it_is_read_or_refused(
    value: bytes, read: Callable[[bytes], object], seed: int
) -> None:
    read(value)
    told: list[str] = []
    for wrong in values(value, seed, 150):
        try:
            found = read(wrong)
        except RecordError as exc:
            told.append(str(exc))
        else:
            if isinstance(found, WRITTEN):
                assert type(found).from_json(found.to_json()) == found
    assert not [each for each in told if "x" * 30 in each or "999999" in each]
