"""Messages of pgoutput, protocol 1, as the bytes that a walsender sends."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tests.unit.cdc_reader.transcode.tables import Value, wire_tuple

EPOCH_US = 946_684_800_000_000  # 2000-01-01, where PostgreSQL counts from
COMMIT_US = 1_704_067_200_000_000


def begin(xid: int, final_lsn: int, commit_us: int = COMMIT_US) -> bytes:
    return struct.pack(">cQqI", b"B", final_lsn, commit_us - EPOCH_US, xid)


def commit(commit_lsn: int, commit_us: int = COMMIT_US) -> bytes:
    return struct.pack(">cBQQq", b"C", 0, commit_lsn, commit_lsn + 8, commit_us - EPOCH_US)


def relation(oid: int, name: str, columns: Sequence[tuple[str, int]], *, identity: str = "d") -> bytes:
    """A table of `public` whose first column is its key; an index that is its identity (`i`) is on the second."""
    head = struct.pack(">cI", b"R", oid) + b"public\0" + name.encode() + b"\0" + identity.encode()
    described = [
        struct.pack(">B", identity == "f" or at == (identity == "i"))
        + column.encode()
        + b"\0"
        + struct.pack(">Ii", type_oid, -1)
        for at, (column, type_oid) in enumerate(columns)
    ]
    return head + struct.pack(">H", len(columns)) + b"".join(described)


def truncate(*oids: int) -> bytes:
    return struct.pack(">cIB", b"T", len(oids), 0) + b"".join(struct.pack(">I", oid) for oid in oids)


def wal_message(content: str, lsn: int = 0, *, prefix: str = "rowferry", transactional: bool = True) -> bytes:
    text = content.encode()
    head = struct.pack(">cBQ", b"M", transactional, lsn) + prefix.encode() + b"\0"
    return head + struct.pack(">i", len(text)) + text


def origin(name: str) -> bytes:
    return struct.pack(">cQ", b"O", 0) + name.encode() + b"\0"


def type_name(oid: int, name: str) -> bytes:
    return struct.pack(">cI", b"Y", oid) + b"public\0" + name.encode() + b"\0"


def insert(oid: int, new: Sequence[Value]) -> bytes:
    return struct.pack(">cI", b"I", oid) + b"N" + wire_tuple(new)


def update(oid: int, new: Sequence[Value], *, key: Sequence[Value] = (), row: Sequence[Value] = ()) -> bytes:
    old = b"K" + wire_tuple(key) if key else b"O" + wire_tuple(row) if row else b""
    return struct.pack(">cI", b"U", oid) + old + b"N" + wire_tuple(new)


def delete(oid: int, *, key: Sequence[Value] = (), row: Sequence[Value] = ()) -> bytes:
    old = b"K" + wire_tuple(key) if key else b"O" + wire_tuple(row)
    return struct.pack(">cI", b"D", oid) + old
