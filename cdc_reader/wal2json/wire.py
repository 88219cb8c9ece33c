"""
The bytes of pgoutput's messages, protocol 1, with values in text: what `cdc_reader.pgoutput` reads.

https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cdc_reader.pgoutput.cursor import POSTGRES_EPOCH_US

NULL = b"n"
UNCHANGED = b"u"
_BEGIN = struct.Struct(">cQqI")
_COMMIT = struct.Struct(">cBQQq")
_SIZE = struct.Struct(">i")
_COUNT = struct.Struct(">H")
_TYPE = struct.Struct(">Ii")
_ESCAPED = "surrogateescape"


@dataclass(frozen=True, slots=True)
class ShapeColumn:
    """A column as a Relation message tells it."""

    name: str
    type_oid: int
    typmod: int = -1


def begin(final_lsn: int, commit_ts_us: int, xid: int) -> bytes:
    """A transaction begins; the time counts from the Unix epoch."""
    return _BEGIN.pack(b"B", final_lsn, commit_ts_us - POSTGRES_EPOCH_US, xid)


def commit(commit_lsn: int, end_lsn: int, commit_ts_us: int) -> bytes:
    """The transaction is whole."""
    return _COMMIT.pack(b"C", 0, commit_lsn, end_lsn, commit_ts_us - POSTGRES_EPOCH_US)


def message(content: str, *, prefix: str, lsn: int, transactional: bool) -> bytes:
    """A logical message."""
    data = content.encode(errors=_ESCAPED)
    head = b"M" + bytes([transactional]) + lsn.to_bytes(8, "big") + _name(prefix)
    return head + _SIZE.pack(len(data)) + data


def truncate(oid: int) -> bytes:
    """One table was emptied."""
    return b"T\0\0\0\x01\0" + oid.to_bytes(4, "big")


def relation(
    oid: int, schema: str, name: str, *, identity: str, columns: Sequence[ShapeColumn], key: Iterable[str]
) -> bytes:
    """A table as the next changes use it; `key` are the columns of its replica identity."""
    flagged = set(key)
    parts = [b"R", oid.to_bytes(4, "big"), _name(schema), _name(name), identity.encode(), _COUNT.pack(len(columns))]
    for column in columns:
        parts.append(bytes([column.name in flagged]))
        parts.append(_name(column.name))
        parts.append(_TYPE.pack(column.type_oid, column.typmod))
    return b"".join(parts)


def text(data: bytes) -> bytes:
    """A field with a value in text."""
    return b"t" + _SIZE.pack(len(data)) + data


def row(kind: bytes, fields: Sequence[bytes]) -> bytes:
    """A tuple: `N` new, `K` old key, `O` old row."""
    return kind + _COUNT.pack(len(fields)) + b"".join(fields)


def change(tag: bytes, oid: int, *rows: bytes) -> bytes:
    """An insert, update or delete."""
    return tag + oid.to_bytes(4, "big") + b"".join(rows)


def _name(name: str) -> bytes:
    return name.encode(errors=_ESCAPED) + b"\0"
