"""
How events travel: Avro single-object encoding (`C3 01`, fingerprint, body), and the decoder for it.

The schema belonging to a fingerprint comes from `_schemas`; finding it there is the caller's part.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import fastavro
from fastavro.schema import fingerprint as avro_fingerprint
from fastavro.schema import to_parsing_canonical_form

from schemas.envelope import Event, Omitted, Renderer, Source, Transaction
from schemas.errors import RecordError, RowferryError
from schemas.values import RENDERERS

MARKER = b"\xc3\x01"
FINGERPRINT_BYTES = 8
_HEADER_BYTES = len(MARKER) + FINGERPRINT_BYTES


class UnknownSchema(RowferryError):
    """No schema with this fingerprint is known: read `_schemas` to its end, then stop (rule P10)."""

    def __init__(self, fingerprint: bytes) -> None:
        super().__init__(f"expected a schema with fingerprint {fingerprint.hex()} in the schemas topic, found none")
        self.fingerprint = fingerprint


def fingerprint(schema: Mapping[str, Any]) -> bytes:
    """CRC-64-AVRO of the canonical form: 8 bytes, little endian, as they follow the marker."""
    return bytes.fromhex(avro_fingerprint(to_parsing_canonical_form(dict(schema)), "CRC-64-AVRO"))


def frame(fingerprint8: bytes) -> bytes:
    """The ten bytes that precede every event of a schema."""
    return MARKER + fingerprint8


def split(value: bytes) -> tuple[bytes, bytes]:
    """Fingerprint and Avro body of a framed value; raises `RecordError` for anything else."""
    if len(value) < _HEADER_BYTES or value[:2] != MARKER:
        raise RecordError(f"expected an event that begins with c301 and a fingerprint, got {value[:2].hex()!r}")
    return value[2:_HEADER_BYTES], value[_HEADER_BYTES:]


class EventDecoder:
    """Decodes framed events; `lookup` gives the schema of a fingerprint, or raises KeyError.

    Keeps one reader for each schema that it met; `lookup` is called once for each.
    """

    def __init__(self, lookup: Callable[[bytes], Mapping[str, Any]]) -> None:
        self._lookup = lookup
        self._readers: dict[bytes, _SchemaReader] = {}

    def decode(self, value: bytes) -> Event:
        """The event in `value`; raises `UnknownSchema`, or `RecordError` when the bytes are no such event."""
        if value[:2] != MARKER or len(value) < _HEADER_BYTES:
            split(value)
        reader = self._readers.get(value[2:_HEADER_BYTES]) or self._reader(value[2:_HEADER_BYTES])
        return reader.read(value)

    def _reader(self, fingerprint8: bytes) -> _SchemaReader:
        try:
            schema = self._lookup(fingerprint8)
        except KeyError as exc:
            raise UnknownSchema(fingerprint8) from exc
        reader = self._readers[fingerprint8] = _SchemaReader(schema)
        return reader


class _SchemaReader:
    """Reads the events of one schema. Logical types are left off: numbers are cheaper than datetime objects."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        plain: Any = _without_logical_types(schema)
        self._schema = fastavro.parse_schema(plain)
        before = next(field["type"] for field in schema["fields"] if field["name"] == "before")
        row, key = before[1], before[2]
        self._key_fields = len(key["fields"])
        self._row_fields = len(row["fields"])
        self._true_names = {
            field["name"]: field["pg_column"] for field in row["fields"] if field["name"] != field["pg_column"]
        }
        self.kinds: dict[str, str] = {field["pg_column"]: field["pg_kind"] for field in row["fields"]}
        self.renderers: dict[str, Renderer] = {
            name: RENDERERS[kind] for name, kind in self.kinds.items() if kind in RENDERERS
        }

    def read(self, value: bytes) -> Event:
        stream = io.BytesIO(value)
        stream.seek(_HEADER_BYTES)
        try:
            raw: Any = fastavro.schemaless_reader(stream, self._schema, None)
        except (EOFError, IndexError, KeyError, ValueError, TypeError, OverflowError, MemoryError) as exc:
            raise RecordError(f"expected an Avro event, got other bytes ({type(exc).__name__})") from exc
        if stream.tell() != len(value):
            raise RecordError(f"expected an event of {stream.tell()} bytes, got {len(value)}")
        return self._event(raw)

    def _event(self, raw: dict[str, Any]) -> Event:
        before, after, transaction = raw["before"], raw["after"], raw["transaction"]
        if self._true_names:
            before, after = self._named(before), self._named(after)
        return Event(
            raw["op"],
            raw["version"],
            Source(*raw["source"].values()),
            raw["ts_ms"],
            transaction and Transaction(transaction["id"], transaction["total_order"]),
            raw["below_version"],
            tuple(raw["refetched"]),
            tuple([Omitted(item["column"], item["reason"]) for item in raw["omitted"]]),
            before,
            before is not None and len(before) == self._key_fields != self._row_fields,
            after,
            self.kinds,
            self.renderers,
        )

    def _named(self, row: dict[str, Any] | None) -> dict[str, Any] | None:
        names = self._true_names
        return row and {names.get(name, name): value for name, value in row.items()}


def _without_logical_types(node: object) -> object:
    if isinstance(node, dict):
        return {key: _without_logical_types(value) for key, value in node.items() if key != "logicalType"}
    if isinstance(node, list):
        return [_without_logical_types(item) for item in node]
    return node
