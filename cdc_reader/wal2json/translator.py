"""
From lines of wal2json to the messages of pgoutput that mean the same (pure).

Rule 1: each line that is counted by an ordinal becomes one message that is, whatever table it is of (rule P6).
Rule 2: what is not told is not made up: a value that is null, and may be NaN or an infinity that 2.5 prints so, is one
that was not sent (it is read again, rule V5); in a key it is none (its table is read again, rule D4).
Rule 3: what comes under a name that nobody knows may be of a table that was called so for a moment: each table that
it may be is read again, as for a change that does not name its row.

Keeps: P6, P8, V5, D4.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cdc_reader.discovery.catalog_rows import IDENTITY_NOTHING
from cdc_reader.postgres.characters import Characters
from cdc_reader.wal2json import lines, wire
from cdc_reader.wal2json.shapes import Sent, Shape
from cdc_reader.wal2json.tables import KnownTables
from cdc_reader.wal2json.wire import NULL, UNCHANGED
from schemas.errors import ProtocolError
from schemas.names import TableName

Payload = tuple[int, bytes]
_BYTEA = "17"
_MAY_BE_NO_NUMBER = frozenset({"700", "701", "1700"})  # float4, float8, numeric
_NOBODYS = 0  # the OID of a table that is not captured


class Translator:
    """Of one session. `exact`: NaN and infinities are told, so null is NULL.

    `exists` asks the catalog of now whether a relation has that name; it is asked once for each.
    """

    def __init__(
        self,
        tables: KnownTables,
        characters: Characters,
        *,
        exact: bool,
        exists: Callable[[TableName], bool],
    ) -> None:
        self._shapes = {name: Shape(known) for name, known in tables.captured.items()}
        self._others = tables.others
        self._characters = characters
        self._unclear = frozenset() if exact else _MAY_BE_NO_NUMBER
        self._exists = exists
        self._named: dict[tuple[bytes, bytes], Shape | None] = {}
        self._strange: dict[tuple[bytes, bytes], TableName] = {}

    def translate(self, batch: Iterable[Payload]) -> list[Payload]:
        """The messages of a batch, with the positions of their lines; raises `ProtocolError`."""
        found: list[Payload] = []
        for lsn, stored in batch:
            line = self._characters.utf8(stored) if self._characters.recode else stored
            try:
                head = lines.HEAD.match(line)
                if head is None:
                    found.append((lsn, _apart(line, lsn)))
                    continue
                found += [(lsn, message) for message in self._change(head[1], (head[2], head[3]), line)]
            except (KeyError, TypeError, AttributeError, ValueError, struct.error):
                what = f"expected a line of wal2json, format version 2, got {len(line)} bytes of something else"
                raise ProtocolError(what) from None
        return found

    def _change(self, action: bytes, named: tuple[bytes, bytes], line: bytes) -> list[bytes]:
        try:
            shape = self._named[named]
        except KeyError:
            shape = self._named[named] = self._find(named)
        if shape is None:
            doubted = self._doubted(named, line) if named in self._strange and action != b"T" else []
            return [*doubted, _of_nobody(action)]
        if action == b"T":
            return [*self._due(shape), wire.truncate(shape.known.oid)]
        message = self._row_change(action, shape, lines.parsed(line))
        return [*self._due(shape), message]

    def _find(self, named: tuple[bytes, bytes]) -> Shape | None:
        name = TableName(*map(lines.literal, named))
        found = self._shapes.get(name)
        if found is None and name not in self._others and not self._exists(name):
            self._strange[named] = name
        return found

    def _due(self, shape: Shape) -> Iterable[bytes]:
        return (shape.relation(),) if shape.fresh else ()

    def _row_change(self, action: bytes, shape: Shape, line: dict[str, Any]) -> bytes:
        new = line["columns"] if action != b"D" else ()
        identity = line.get("identity") if action != b"I" else ()
        fields = self._new(shape, new, whole=action == b"I") if action != b"D" else []
        if action == b"I":
            return wire.change(b"I", shape.known.oid, wire.row(b"N", fields))
        shape.identified_by(None if identity is None else [lines.shown(column["name"]) for column in identity])
        old = identity or ()
        if action == b"D":
            return wire.change(b"D", shape.known.oid, self._old(shape, old, told=True))
        if shape.full:
            self._fill(shape, fields, new, old)
            rows = [self._old(shape, old, told=UNCHANGED not in fields), wire.row(b"N", fields)]
        else:
            moved = _moved(new, old)
            rows = [*([self._old(shape, old, told=True)] if moved else []), wire.row(b"N", fields)]
        return wire.change(b"U", shape.known.oid, *rows)

    def _new(self, shape: Shape, columns: Sequence[dict[str, Any]], *, whole: bool) -> list[bytes]:
        layout = shape.layout(_sent(columns), whole=whole)
        key, unclear = shape.places_of_key(), self._unclear
        fields = [UNCHANGED] * len(shape.columns)
        for at, column in zip(layout, columns, strict=True):
            if at < 0:
                continue
            value, type_oid = column["value"], column["typeoid"]
            if value is None:
                fields[at] = UNCHANGED if type_oid in unclear and at not in key else NULL
            else:
                fields[at] = self._field(value, type_oid)
        return fields

    def _old(self, shape: Shape, columns: Sequence[dict[str, Any]], *, told: bool) -> bytes:
        """The old row, or its key alone where that is what is known for sure."""
        layout = shape.places(_sent(columns))
        fields, whole = [NULL] * len(shape.columns), shape.full and told
        for at, column in zip(layout, columns, strict=True):
            if at < 0:
                continue
            value, type_oid = column["value"], column["typeoid"]
            if value is not None:
                fields[at] = self._field(value, type_oid)
            elif type_oid in self._unclear:
                whole = False
        if whole:
            return wire.row(b"O", fields)
        if shape.full:
            key = shape.places_of_key()
            fields = [field if at in key else NULL for at, field in enumerate(fields)]
        return wire.row(b"K", fields)

    def _fill(
        self, shape: Shape, fields: list[bytes], new: Sequence[dict[str, Any]], old: Sequence[dict[str, Any]]
    ) -> None:
        """Large values that did not change are in the old row, where that is told whole."""
        sent = {column["name"] for column in new}
        for at, column in zip(shape.places(_sent(old)), old, strict=True):
            if at >= 0 and column["name"] not in sent and column["value"] is not None:
                fields[at] = self._field(column["value"], column["typeoid"])

    def _field(self, value: object, type_oid: str) -> bytes:
        if isinstance(value, str):
            data = value.encode(errors="surrogateescape")
            return wire.text(b"\\x" + data if type_oid == _BYTEA else data)
        if isinstance(value, bool):
            return wire.text(b"t" if value else b"f")
        raise ProtocolError(f"expected a plain value in a line of wal2json, got {type(value).__name__}")

    def _doubted(self, named: tuple[bytes, bytes], line: bytes) -> list[bytes]:
        """For each table that the change may be of: that a change came which does not name its row (rule D4)."""
        found = lines.parsed(line)
        columns = {
            (lines.shown(column["name"]), int(column["typeoid"]) & 0xFFFF_FFFF)
            for column in (*found.get("columns", ()), *found.get("identity", ()))
        }
        name, messages = self._strange[named], []
        for shape in self._shapes.values():
            if columns and shape.holds(columns):
                shape.fresh = True
                messages.append(
                    wire.relation(
                        shape.known.oid,
                        name.schema,
                        name.name,
                        identity=IDENTITY_NOTHING,
                        columns=shape.columns,
                        key=(),
                    )
                )
        return messages


def _apart(line: bytes, lsn: int) -> bytes:
    """Begin, commit and logical messages."""
    action, found = lines.action_of(line), lines.parsed(line)
    if action == "M":
        transactional = found["transactional"]
        if not isinstance(transactional, bool):
            raise ProtocolError("expected a logical message to be transactional or not")
        content, prefix = lines.text_of(found, "content"), lines.text_of(found, "prefix")
        return wire.message(content, prefix=prefix, lsn=lsn, transactional=transactional)
    at, end, time_us = lines.lsn_of(found, "lsn"), lines.lsn_of(found, "nextlsn"), lines.time_us_of(found)
    return wire.begin(at, time_us, lines.xid_of(found)) if action == "B" else wire.commit(at, end, time_us)


def _of_nobody(action: bytes) -> bytes:
    """A change that is counted, and is of no table that is captured."""
    if action == b"T":
        return wire.truncate(_NOBODYS)
    return wire.change(action, _NOBODYS)


def _sent(columns: Sequence[dict[str, Any]]) -> Sent:
    return tuple([(column["name"], column["typeoid"]) for column in columns])


def _moved(new: Sequence[dict[str, Any]], old: Sequence[dict[str, Any]]) -> bool:
    """Whether the identity is another one than before, or not all of it was sent again."""
    values = {column["name"]: column["value"] for column in new}
    return any(column["name"] not in values or values[column["name"]] != column["value"] for column in old)
