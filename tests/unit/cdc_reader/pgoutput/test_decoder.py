"""The messages of pgoutput, byte by byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc_reader.pgoutput import (
    Begin,
    Binary,
    Commit,
    Delete,
    Insert,
    LogicalMessage,
    Message,
    Null,
    Origin,
    Relation,
    RelationColumn,
    Text,
    Truncate,
    TypeName,
    Unchanged,
    Update,
    decode,
)
from cdc_reader.postgres.lsn import Lsn
from schemas.errors import ProtocolError

# 0x0002B0D5D4E94000 microseconds after 2000-01-01 are 757,382,400 s: 2024-01-01 00:00 UTC.
TIME = "0002B0D5D4E94000"
TIME_US = 1_704_067_200_000_000

VECTORS: dict[str, tuple[str, Message]] = {
    "begin": (
        f"42 00000016B374D848 {TIME} 000002F1",
        Begin(Lsn.parse("16/B374D848"), TIME_US, xid=753),
    ),
    "commit": (
        f"43 00 00000016B374D848 00000016B374D880 {TIME}",
        Commit(0, Lsn.parse("16/B374D848"), Lsn.parse("16/B374D880"), TIME_US),
    ),
    "origin": ("4F 00000016B374D848 6E6F6465 00", Origin(Lsn.parse("16/B374D848"), "node")),
    "relation": (
        "52 00004010 7075626C696300 6974656D7300 64 0002 01 696400 00000014 FFFFFFFF 00 6E616D6500 00000413 00000044",
        Relation(
            16400,
            "public",
            "items",
            "d",
            (RelationColumn(True, "id", 20, -1), RelationColumn(False, "name", 1043, 68)),
        ),
    ),
    "relation of pg_catalog, no columns": (
        "52 00004010 00 6974656D7300 66 0000",
        Relation(16400, "pg_catalog", "items", "f", ()),
    ),
    "names of a database that checks no encoding": (
        "52 00004010 7000 FF6900 64 0001 00 6CE46E676500 00000014 FFFFFFFF",
        Relation(16400, "p", "\ufffdi", "d", (RelationColumn(False, "l\ufffdnge", 20, -1),)),
    ),
    "type": ("59 00004011 7075626C696300 6D6F6F6400", TypeName(16401, "public", "mood")),
    "insert with every format": (
        "49 00004010 4E 0004 6E 75 74 00000002 3432 62 00000004 0000002A",
        Insert(16400, (Null(), Unchanged(), Text(b"42"), Binary(b"\x00\x00\x00\x2a"))),
    ),
    "insert of an empty text": ("49 00004010 4E 0001 74 00000000", Insert(16400, (Text(b""),))),
    "update without old tuple": (
        "55 00004010 4E 0001 74 00000001 31",
        Update(16400, None, None, (Text(b"1"),)),
    ),
    "update with old key": (
        "55 00004010 4B 0001 74 00000001 30 4E 0001 74 00000001 31",
        Update(16400, "K", (Text(b"0"),), (Text(b"1"),)),
    ),
    "update with old row": (
        "55 00004010 4F 0001 74 00000001 30 4E 0001 75",
        Update(16400, "O", (Text(b"0"),), (Unchanged(),)),
    ),
    "delete by key": ("44 00004010 4B 0001 74 00000001 30", Delete(16400, "K", (Text(b"0"),))),
    "delete of a full row": ("44 00004010 4F 0001 6E", Delete(16400, "O", (Null(),))),
    "truncate": (
        "54 00000002 03 00004010 00004011",
        Truncate((16400, 16401), cascade=True, restart_identity=True),
    ),
    "plain truncate": ("54 00000001 00 00004010", Truncate((16400,), cascade=False, restart_identity=False)),
    "message": (
        "4D 01 00000016B374D848 726F7766657272790000000003 61FF62",
        LogicalMessage(True, Lsn.parse("16/B374D848"), "rowferry", b"a\xffb"),
    ),
}


@pytest.mark.parametrize(("wire", "message"), VECTORS.values(), ids=VECTORS)
def test_message_decodes_to_its_value(wire: str, message: Message) -> None:
    assert decode(bytes.fromhex(wire)) == message


@pytest.mark.parametrize("wire", [wire for wire, _ in VECTORS.values()], ids=VECTORS)
def test_every_truncation_is_a_protocol_error(wire: str) -> None:
    data = bytes.fromhex(wire)
    for size in range(len(data)):
        with pytest.raises(ProtocolError):
            decode(data[:size])


@pytest.mark.parametrize("wire", [wire for wire, _ in VECTORS.values()], ids=VECTORS)
def test_bytes_left_over_are_a_protocol_error(wire: str) -> None:
    with pytest.raises(ProtocolError, match="got 1 more bytes"):
        decode(bytes.fromhex(wire) + b"\0")


GARBAGE = {
    "nothing": "",
    "message of protocol 2": "53 00000000 01",
    "column format": "49 00004010 4E 0001 78",
    "value of negative size": "49 00004010 4E 0001 74 FFFFFFFF",
    "value larger than the message": "49 00004010 4E 0001 74 7FFFFFFF 31",
    "old tuple in an insert": "49 00004010 4B 0001 6E",
    "new tuple in a delete": "44 00004010 4E 0001 6E",
    "no new tuple behind the old": "55 00004010 4F 0001 6E 4F 0001 6E",
    "replica identity": "52 00004010 7000 6900 78 0000",
    "column flags": "52 00004010 7000 6900 64 0001 02 696400 00000014 FFFFFFFF",
    "name without end": "59 00004011 7075626C6963",
    "message flags": "4D 02 00000016B374D848 7200 00000000",
    "message of negative size": "4D 01 00000016B374D848 7200 FFFFFFFF",
}


@pytest.mark.parametrize("wire", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_a_protocol_error(wire: str) -> None:
    with pytest.raises(ProtocolError):
        decode(bytes.fromhex(wire))


@given(st.sampled_from([bytes.fromhex(wire) for wire, _ in VECTORS.values()]), st.data())
def test_a_changed_byte_gives_a_message_or_a_protocol_error(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data) - 1))
    changed = data[:at] + bytes([draw.draw(st.integers(0, 255))]) + data[at + 1 :]
    try:
        decode(changed)
    except ProtocolError:
        return
