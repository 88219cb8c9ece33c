"""
Decodes a pgoutput message of protocol 1 to its value.

This is the general way. Insert, update and delete of the stream go through `cdc_reader.transcode` instead, which
makes no object for a column; it uses this one for the rare shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cdc_reader.pgoutput.cursor import Cursor
from cdc_reader.pgoutput.messages import (
    Begin,
    Binary,
    Commit,
    Delete,
    Field,
    Insert,
    LogicalMessage,
    Message,
    Null,
    Origin,
    Relation,
    RelationColumn,
    Text,
    Truncate,
    Tuple,
    TypeName,
    Unchanged,
    Update,
)
from schemas.errors import ProtocolError

_NULL = Null()
_UNCHANGED = Unchanged()


def decode(data: bytes) -> Message:
    """The message in `data`, whole; raises `ProtocolError` for anything else."""
    cursor = Cursor(data)
    tag = cursor.take(1, "message type")
    read = _READERS.get(tag)
    if read is None:
        raise ProtocolError(f"expected a pgoutput message of protocol 1, got type {tag!r}")
    message = read(cursor)
    cursor.finish(type(message).__name__)
    return message


def _begin(cursor: Cursor) -> Begin:
    return Begin(cursor.lsn("final lsn"), cursor.time_us("commit time"), cursor.unsigned(4, "xid"))


def _commit(cursor: Cursor) -> Commit:
    return Commit(
        cursor.unsigned(1, "flags"),
        cursor.lsn("commit lsn"),
        cursor.lsn("end lsn"),
        cursor.time_us("commit time"),
    )


def _origin(cursor: Cursor) -> Origin:
    return Origin(cursor.lsn("commit lsn"), cursor.text("origin name"))


def _relation(cursor: Cursor) -> Relation:
    oid, schema, name = cursor.unsigned(4, "relation oid"), cursor.text("schema"), cursor.text("table")
    identity = cursor.letter("replica identity", "dnfi")
    count = cursor.unsigned(2, "column count")
    # An empty schema stands for pg_catalog.
    return Relation(oid, schema or "pg_catalog", name, identity, tuple(_column(cursor) for _ in range(count)))


def _column(cursor: Cursor) -> RelationColumn:
    return RelationColumn(
        cursor.flag("column flags"),
        cursor.text("column name"),
        cursor.unsigned(4, "type oid"),
        cursor.signed(4, "typmod"),
    )


def _type(cursor: Cursor) -> TypeName:
    return TypeName(cursor.unsigned(4, "type oid"), cursor.text("schema") or "pg_catalog", cursor.text("type name"))


def _insert(cursor: Cursor) -> Insert:
    oid = cursor.unsigned(4, "relation oid")
    cursor.letter("tuple kind", "N")
    return Insert(oid, _tuple(cursor))


def _update(cursor: Cursor) -> Update:
    oid = cursor.unsigned(4, "relation oid")
    kind = cursor.letter("tuple kind", "KON")
    if kind == "N":
        return Update(oid, None, None, _tuple(cursor))
    old = _tuple(cursor)
    cursor.letter("tuple kind", "N")
    return Update(oid, kind, old, _tuple(cursor))


def _delete(cursor: Cursor) -> Delete:
    oid = cursor.unsigned(4, "relation oid")
    return Delete(oid, cursor.letter("tuple kind", "KO"), _tuple(cursor))


def _tuple(cursor: Cursor) -> Tuple:
    return tuple(_field(cursor) for _ in range(cursor.unsigned(2, "column count")))


def _field(cursor: Cursor) -> Field:
    kind = cursor.letter("column format", "nutb")
    if kind == "n":
        return _NULL
    if kind == "u":
        return _UNCHANGED
    data = cursor.take(cursor.signed(4, "value size"), "value")
    return Text(data) if kind == "t" else Binary(data)


def _truncate(cursor: Cursor) -> Truncate:
    count = cursor.unsigned(4, "relation count")
    options = cursor.unsigned(1, "options")
    oids = tuple(cursor.unsigned(4, "relation oid") for _ in range(count))
    return Truncate(oids, cascade=bool(options & 1), restart_identity=bool(options & 2))


def _message(cursor: Cursor) -> LogicalMessage:
    transactional, lsn, prefix = cursor.flag("flags"), cursor.lsn("message lsn"), cursor.text("prefix")
    return LogicalMessage(transactional, lsn, prefix, cursor.take(cursor.signed(4, "content size"), "content"))


_READERS: Mapping[bytes, Callable[[Cursor], Message]] = {
    b"B": _begin,
    b"C": _commit,
    b"O": _origin,
    b"R": _relation,
    b"Y": _type,
    b"I": _insert,
    b"U": _update,
    b"D": _delete,
    b"T": _truncate,
    b"M": _message,
}
