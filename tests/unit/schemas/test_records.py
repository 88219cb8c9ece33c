"""The JSON records of `_tables`, `_control` and `_offsets`: each reads back what it wrote, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from schemas.control import Command, Kind, State
from schemas.errors import NewerFormat, RecordError
from schemas.offsets import (
    OpenTransaction,
    Position,
    PublicationMark,
    SnapshotProgress,
    SourceMark,
    TransactionMark,
    Unseen,
    floors_from_json,
    mapping_to_json,
    topics_from_json,
)
from schemas.tables import Capture, Column, FileColumn, Relationship, TableEntry
from schemas.tombstones import deleting_version, peek_version

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
    unseen=Unseen((1 << 32 | 5, 1 << 32 | 7), (1 << 32 | 9, 1 << 32 | 12)),
)
LISTED = replace(POSITION, unseen=Unseen((5,)))
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
SOURCE = SourceMark("7", "app", "rowferry")
PROGRESS = SnapshotProgress("public.items", "running", "new", "one", 5, 1, "f", last_key=("7", "a"), rows=3)
BYTES = replace(PROGRESS, last_key=("7", "M\udcfcller"))
RECORDS: dict[str, tuple[object, bytes, Callable[[bytes], object]]] = {
    "position": (POSITION, POSITION.to_json(), Position.from_json),
    "position without a range": (LISTED, LISTED.to_json(), Position.from_json),
    "entry": (ENTRY, ENTRY.to_json(), TableEntry.from_json),
    "command": (COMMAND, COMMAND.to_json(), Command.from_json),
    "snapshot": (PROGRESS, PROGRESS.to_json(), SnapshotProgress.from_json),
    "snapshot behind a key that is not UTF-8": (BYTES, BYTES.to_json(), SnapshotProgress.from_json),
    "publication": (
        PublicationMark("16:1:f", {"public.items": "1:2:3:*:"}),
        PublicationMark("16:1:f", {"public.items": "1:2:3:*:"}).to_json(),
        PublicationMark.from_json,
    ),
    "floors": (
        {"public.items": 5},
        mapping_to_json("floors", {"public.items": 5}),
        floors_from_json,
    ),
    "topics": ({"cdc.public.items": "id-1"}, mapping_to_json("topics", {"cdc.public.items": "id-1"}), topics_from_json),
    "source": (SOURCE, SOURCE.to_json(), SourceMark.from_json),
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


@pytest.mark.rule("P14")
@pytest.mark.parametrize(("record", "value", "read"), RECORDS.values(), ids=RECORDS)
def test_p14_newer_release_may_add_fields_and_a_newer_format_is_told_apart(
    record: object, value: bytes, read: Callable[[bytes], object]
) -> None:
    raw = json.loads(value)
    assert read(json.dumps({**raw, "added": {"later": 1}}).encode()) == record
    with pytest.raises(NewerFormat) as raised:
        read(json.dumps({"format": 2, "something": "else"}).encode())
    assert raised.value.remedy == "update this service first"


@pytest.mark.rule("P14")
def test_p14_entry_of_before_knows_no_types_under_domains() -> None:
    before = json.loads(ENTRY.to_json())
    for column in before["columns"]:
        del column["base_type"], column["base_type_oid"]
    assert TableEntry.from_json(json.dumps(before).encode()) == ENTRY


@pytest.mark.rule("P14")
@pytest.mark.parametrize("header", [None, b"", b"1.5", b"-1", b"\xc2\xb2", b"1" + b"0" * 20, b"9" * 5_000, b"9" * 19])
def test_p14_version_of_a_tombstone_fits_into_a_long(header: bytes | None) -> None:
    with pytest.raises(RecordError):
        deleting_version(header)
    assert deleting_version(str(2**63 - 1).encode()) == 2**63 - 1


@pytest.mark.rule("P8")
def test_p8_reader_of_before_begins_a_scan_again_whose_key_it_cannot_tell() -> None:
    raw = json.loads(BYTES.to_json())
    assert (raw["last_key"], raw.pop("last_row_key")) == (None, "7,M%FCller")
    assert SnapshotProgress.from_json(json.dumps(raw).encode()) == replace(BYTES, last_key=None)


@pytest.mark.rule("S1")
def test_s1_position_of_before_does_not_know_what_is_unseen() -> None:
    before = json.loads(POSITION.to_json())
    del before["unseen"]
    assert Position.from_json(json.dumps(before).encode()) == replace(POSITION, unseen=None)


WRONG: dict[str, object] = {
    "no object": [5],
    "other fields": {"xmin": 5},
    "a range without an end": {"xids": [], "between": [5]},
}


@pytest.mark.parametrize("unseen", WRONG.values(), ids=WRONG)
def test_position_with_other_unseen_transactions_is_refused(unseen: object) -> None:
    wrong = json.dumps({**json.loads(POSITION.to_json()), "unseen": unseen}).encode()
    with pytest.raises(RecordError):
        Position.from_json(wrong)


def test_command_keeps_what_was_asked_in_every_state() -> None:
    done = COMMAND.in_state(State.DONE, "1 row")
    assert (done.state, done.detail, done.keys) == (State.DONE, "1 row", ("7",))


def test_version_is_read_without_a_schema() -> None:
    frame = bytes.fromhex("c301 0011223344556677")
    assert peek_version(frame + b"\x02c" + bytes.fromhex("ac02") + b"rest") == 150
    for cut in (b"", frame, frame + b"\x02c", frame + b"\x02c\x80"):
        with pytest.raises(RecordError):
            peek_version(cut)
