"""
How events travel: Avro single-object encoding (`C3 01`, fingerprint, body), and the decoder for it.

The schema belonging to a fingerprint comes from `_schemas`; finding it there is the caller's part.

Keeps: P14.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import fastavro
import orjson
from fastavro.schema import SchemaParseException, UnknownType, to_parsing_canonical_form
from fastavro.schema import fingerprint as avro_fingerprint

from schemas.envelope import ENVELOPE_VERSION, Event, EventSchema, Omitted, Renderer, Source, Transaction, is_whole
from schemas.errors import NewerFormat, RecordError, RowferryError
from schemas.values import RENDERERS

try:
    from schemas import compiled_events
except ImportError:  # it was built without a C compiler: slower, not otherwise
    compiled_events = None  # type: ignore[assignment]

IMPLEMENTATION = "fastavro" if compiled_events is None else "compiled"
MARKER = b"\xc3\x01"
FINGERPRINT_BYTES = 8
_HEADER_BYTES = len(MARKER) + FINGERPRINT_BYTES
# What comes of looking into JSON that is no schema of events.
_NO_SCHEMA = (ValueError, KeyError, TypeError, AttributeError, IndexError, StopIteration, RecursionError)


class UnknownSchema(RowferryError):
    """No schema with this fingerprint is known: read `_schemas` to its end, then stop (rule P10)."""

    def __init__(self, fingerprint: bytes) -> None:
        super().__init__(f"expected a schema with fingerprint {fingerprint.hex()} in the schemas topic, found none")
        self.fingerprint = fingerprint


def fingerprint(schema: Mapping[str, Any]) -> bytes:
    """CRC-64-AVRO of the canonical form: 8 bytes, little endian, as they follow the marker."""
    return bytes.fromhex(avro_fingerprint(to_parsing_canonical_form(dict(schema)), "CRC-64-AVRO"))


def event_schema(key: bytes, value: bytes) -> dict[str, Any]:
    """
    The Avro schema in a record of `_schemas`; raises `RecordError` for one that is not that of its key, or of no event.

    One schema has one key for ever, so whatever else lies there would have events read as what they are not.
    """
    try:
        schema: dict[str, Any] = orjson.loads(value)
        if schema["envelope_version"] > ENVELOPE_VERSION:
            raise NewerFormat(
                expected=f"an event schema of envelope {ENVELOPE_VERSION}",
                found="one that a newer release wrote",
                remedy="update this service first",
            )
        if fingerprint(schema) != key or not is_whole(schema):
            raise RecordError("expected the fingerprint of the schema as its key, got another key")
        _SchemaReader(key, schema, compiled=True)
    except (*_NO_SCHEMA, SchemaParseException, UnknownType) as exc:
        raise RecordError(f"expected the Avro schema of an event, got something else ({type(exc).__name__})") from exc
    return schema


def frame(fingerprint8: bytes) -> bytes:
    """The ten bytes that precede every event of a schema."""
    return MARKER + fingerprint8


def split(value: bytes) -> tuple[bytes, bytes]:
    """Fingerprint and Avro body of a framed value; raises `RecordError` for anything else."""
    if len(value) < _HEADER_BYTES or value[:2] != MARKER:
        raise RecordError(f"expected an event that begins with c301 and a fingerprint, got {value[:2].hex()!r}")
    return value[2:_HEADER_BYTES], value[_HEADER_BYTES:]


class EventDecoder:
    """Decodes framed events; `lookup` returns the schema of a fingerprint, or raises KeyError.

    Keeps one reader for each schema that it met; `lookup` is called once for each. `compiled`: read with the compiled
    module where it was built.
    """

    def __init__(self, lookup: Callable[[bytes], Mapping[str, Any]], *, compiled: bool = True) -> None:
        self._lookup = lookup
        self._compiled = compiled
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
        reader = self._readers[fingerprint8] = _SchemaReader(fingerprint8, schema, compiled=self._compiled)
        return reader


class _SchemaReader:
    """Reads the events of one schema. Logical types are left off: numbers are cheaper than datetime objects."""

    def __init__(self, fingerprint8: bytes, schema: Mapping[str, Any], *, compiled: bool) -> None:
        self._schema = EventSchema(fingerprint8.hex(), schema.get("catalog_mark", ""))
        plain: Any = _without_logical_types(schema)
        row, key = (branch["fields"] for branch in _before(schema)[1:])
        self.kinds: dict[str, str] = {field["pg_column"]: field["pg_kind"] for field in row}
        self.renderers: dict[str, Renderer] = {
            name: RENDERERS[kind] for name, kind in self.kinds.items() if kind in RENDERERS
        }
        self._read: Callable[[bytes, int], tuple[Any, ...]]
        if compiled and compiled_events is not None and _is_known(schema):
            row, key = (branch["fields"] for branch in _before(plain)[1:])
            self._read = compiled_events.BodyReader(_compiled_columns(row), _compiled_columns(key)).read
        else:
            self._read = _GeneralReader(plain, row, key).read

    def read(self, value: bytes) -> Event:
        try:
            op, version, source, ts_ms, transaction, below_version, refetched, omitted, before, is_key, after = (
                self._read(value, _HEADER_BYTES)
            )
        except (EOFError, IndexError, KeyError, ValueError, TypeError, OverflowError, MemoryError) as exc:
            raise RecordError(f"expected an Avro event, got other bytes ({type(exc).__name__})") from exc
        return Event(
            op,
            version,
            Source(*source),
            ts_ms,
            transaction and Transaction(*transaction),
            below_version,
            refetched,
            omitted and tuple([Omitted(*item) for item in omitted]),
            before,
            is_key,
            after,
            self.kinds,
            self.renderers,
            self._schema,
        )


class _GeneralReader:
    """Reads a body with fastavro, into the same tuple as the compiled reader."""

    def __init__(self, schema: Any, row: list[dict[str, Any]], key: list[dict[str, Any]]) -> None:  # noqa: ANN401
        self._schema = fastavro.parse_schema(schema)
        self._key_fields, self._row_fields = len(key), len(row)
        self._true_names = {field["name"]: field["pg_column"] for field in row if field["name"] != field["pg_column"]}

    def read(self, value: bytes, begin: int) -> tuple[Any, ...]:
        stream = io.BytesIO(value)
        stream.seek(begin)
        raw: Any = fastavro.schemaless_reader(stream, self._schema, None)
        if stream.tell() != len(value):
            raise ValueError("expected the end of the event")
        before, transaction = raw["before"], raw["transaction"]
        return (
            raw["op"],
            raw["version"],
            tuple(raw["source"].values()),
            raw["ts_ms"],
            transaction and tuple(transaction.values()),
            raw["below_version"],
            tuple(raw["refetched"]),
            tuple(tuple(item.values()) for item in raw["omitted"]),
            self._named(before),
            before is not None and len(before) == self._key_fields != self._row_fields,
            self._named(raw["after"]),
        )

    def _named(self, row: dict[str, Any] | None) -> dict[str, Any] | None:
        names = self._true_names
        return {names.get(name, name): value for name, value in row.items()} if names and row else row


def _before(schema: Mapping[str, Any]) -> list[Any]:
    """The union of null, Row and Key."""
    union: list[Any] = next(field["type"] for field in schema["fields"] if field["name"] == "before")
    return union


def _is_known(schema: Mapping[str, Any]) -> bool:
    """Whether events have the form that the compiled reader is written for."""
    return schema.get("envelope_version") == ENVELOPE_VERSION


def _compiled_columns(fields: list[dict[str, Any]]) -> compiled_events.Columns:
    """Columns for the compiled reader; `fields` have lost their logical types."""
    unions = [[branch["type"] if isinstance(branch, dict) else branch for branch in field["type"]] for field in fields]
    return compiled_events.Columns([field["pg_column"] for field in fields], unions)


def _without_logical_types(node: object) -> object:
    if isinstance(node, dict):
        return {key: _without_logical_types(value) for key, value in node.items() if key != "logicalType"}
    if isinstance(node, list):
        return [_without_logical_types(item) for item in node]
    return node
