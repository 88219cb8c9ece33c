"""The JSON records of `_tables`, `_control` and `_offsets`: each reads back what it wrote, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from schemas.control import Command, Kind, State
from schemas.errors import RecordError
from schemas.offsets import (
    OpenTransaction,
    Position,
    PublicationMark,
    SnapshotProgress,
    TransactionMark,
    mapping_from_json,
    mapping_to_json,
)
from schemas.tables import Capture, Column, FileColumn, Relationship, TableEntry
from schemas.tombstones import peek_version

POSITION = Position(
    incarnation="one",
    version=9,
    start_lsn=50,
    system_id="7",
    timeline=1,
    database="app",
    slot="rowferry",
    last=TransactionMark(100, 110, 7, 1_000),
    open=OpenTransaction(200, 8, 5),
)
ENTRY = TableEntry(
    version=3,
    source="rowferry",
    database="app",
    schema="public",
    table="items",
    oid=1,
    topic="cdc.public.items",
    partitions=3,
    columns=(Column("id", "bigint", 20, -1, nullable=False, ordinal=1, primary_key=True),),
    primary_key=("id",),
    capture=Capture("replication", "primary key is the replica identity"),
    relationships=(Relationship("out", "project_id", "public.projects", "id", "belongs_to", declared=True),),
    file_columns=(FileColumn("s3_key", "s3_key", "s3_key"),),
    key_kinds=("integer",),
)
COMMAND = Command("c-1", Kind.REREAD, ("public.items",), "test", 1, keys=("7",))
PROGRESS = SnapshotProgress("public.items", "running", "new", "one", 5, 1, "f", last_key=("7", "a"), rows=3)
RECORDS: dict[str, tuple[object, bytes, Callable[[bytes], object]]] = {
    "position": (POSITION, POSITION.to_json(), Position.from_json),
    "entry": (ENTRY, ENTRY.to_json(), TableEntry.from_json),
    "command": (COMMAND, COMMAND.to_json(), Command.from_json),
    "snapshot": (PROGRESS, PROGRESS.to_json(), SnapshotProgress.from_json),
    "publication": (
        PublicationMark("16:1:f", {"public.items": "1:2:3:*:"}),
        PublicationMark("16:1:f", {"public.items": "1:2:3:*:"}).to_json(),
        PublicationMark.from_json,
    ),
    "floors": (
        {"public.items": 5},
        mapping_to_json("floors", {"public.items": 5}),
        lambda v: mapping_from_json("floors", v),
    ),
}


@pytest.mark.parametrize(("record", "value", "read"), RECORDS.values(), ids=RECORDS)
def test_record_reads_back_what_it_wrote(record: object, value: bytes, read: Callable[[bytes], object]) -> None:
    assert read(value) == record
    assert json.loads(value)["format"] == 1


@pytest.mark.parametrize(("record", "value", "read"), RECORDS.values(), ids=RECORDS)
def test_other_bytes_and_newer_formats_are_refused(
    record: object, value: bytes, read: Callable[[bytes], object]
) -> None:
    newer = json.dumps({**json.loads(value), "format": 2}).encode()
    for wrong in (b"", b"{}", b"[]", b"not json", newer):
        with pytest.raises(RecordError):
            read(wrong)


def test_command_keeps_what_was_asked_in_every_state() -> None:
    done = COMMAND.in_state(State.DONE, "1 row")
    assert (done.state, done.detail, done.keys) == (State.DONE, "1 row", ("7",))


def test_version_is_read_without_a_schema() -> None:
    frame = bytes.fromhex("c301 0011223344556677")
    assert peek_version(frame + b"\x02c" + bytes.fromhex("ac02") + b"rest") == 150
    for cut in (b"", frame, frame + b"\x02c", frame + b"\x02c\x80"):
        with pytest.raises(RecordError):
            peek_version(cut)
