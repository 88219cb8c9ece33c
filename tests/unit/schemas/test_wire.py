"""Framing of events, and the decoder that the sink lives on."""

from __future__ import annotations

import datetime as dt
import io
import math
import os
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro_types import ColumnType
from schemas.envelope import Event, Omitted, Source, TableSchema, Transaction, Value, envelope_schema
from schemas.errors import RecordError, RowferryError
from schemas.wire import IMPLEMENTATION, EventDecoder, UnknownSchema, fingerprint, frame, split

COLUMNS = tuple(
    ColumnType(name, kind, 1, kind)
    for name, kind in {
        "id": "int8",
        "unit price": "numeric",
        "at": "timestamptz",
        "day": "date",
        "token": "uuid",
        "raw": "bytea",
        "ratio": "float8",
        "done": "bool",
        "note": "text",
    }.items()
)
SCHEMA = envelope_schema(TableSchema("cdc", "public", "items", COLUMNS, ("id",)))
FINGERPRINT = fingerprint(SCHEMA)
ROW = {
    "id": 42,
    "unit_x20_price": "12.50",
    "at": dt.datetime(2024, 1, 1, 0, 0, 0, 500000, tzinfo=dt.UTC),
    "day": dt.date(2024, 2, 29),
    "token": UUID("00112233-4455-6677-8899-aabbccddeeff"),
    "raw": b"\x00\xff",
    "ratio": 1e20,
    "done": True,
    "note": None,
}
CARRIED: dict[str, Value] = {
    "id": 42,
    "unit price": "12.50",
    "at": 1_704_067_200_500_000,
    "day": 19782,
    "token": "00112233-4455-6677-8899-aabbccddeeff",
    "raw": b"\x00\xff",
    "ratio": 1e20,
    "done": True,
    "note": None,
}
BODY: dict[str, Any] = {
    "op": "u",
    "version": 1_704_067_200_000_000,
    "source": {
        "mode": "stream",
        "db": "shop",
        "schema": "public",
        "table": "items",
        "name": "rowferry",
        "txId": 755,
        "commit_lsn": 97_500_059_720,
        "ts_us": 1_704_067_200_000_000,
        "lsn": 97_500_057_600,
        "ordinal": 7,
    },
    "ts_ms": 1_704_067_201_000,
    "transaction": {"id": "755:97500059720", "total_order": 7},
    "below_version": None,
    "refetched": ["note"],
    "omitted": [{"column": "raw", "reason": "too large"}],
    "before": None,
    "after": (f"{SCHEMA['namespace']}.Row", ROW),
}


def encoded(**changes: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(dict(SCHEMA)), BODY | changes)
    return frame(FINGERPRINT) + out.getvalue()


Decode = Callable[[bytes], Event]
WITHOUT_COMPILED = "ROWFERRY_TEST_WITHOUT_COMPILED" in os.environ
GENERAL = EventDecoder({FINGERPRINT: SCHEMA}.__getitem__, compiled=False)
COMPILED = EventDecoder({FINGERPRINT: SCHEMA}.__getitem__)
READERS = {"fastavro": GENERAL, "compiled": COMPILED}


@pytest.fixture(params=READERS.values(), ids=list(READERS))
def decode(request: pytest.FixtureRequest) -> Callable[[bytes], Event]:
    decoder: EventDecoder = request.param
    return decoder.decode


def test_frame_is_the_marker_and_the_fingerprint() -> None:
    assert frame(bytes.fromhex("0102030405060708")) == bytes.fromhex("c3010102030405060708")
    assert split(bytes.fromhex("c3010102030405060708ff")) == (bytes.fromhex("0102030405060708"), b"\xff")


def test_fingerprint_is_the_crc_of_the_canonical_form() -> None:
    # From the specification of Avro's single-object encoding: the schema "int".
    assert fingerprint({"type": "int"}).hex() == "8f5c393f1ad57572"


def test_event_comes_back_whole(decode: Decode) -> None:
    event = decode(encoded())
    assert event == Event(
        op="u",
        version=1_704_067_200_000_000,
        source=Source(
            "stream",
            "shop",
            "public",
            "items",
            "rowferry",
            755,
            97_500_059_720,
            1_704_067_200_000_000,
            97_500_057_600,
            7,
        ),
        ts_ms=1_704_067_201_000,
        transaction=Transaction("755:97500059720", 7),
        below_version=None,
        refetched=("note",),
        omitted=(Omitted("raw", "too large"),),
        before=None,
        before_is_key=False,
        after=CARRIED,
        kinds={},
        renderers={},
    )
    assert event.kinds["unit price"] == "numeric"
    assert list(event.kinds) == list(CARRIED)


def test_row_is_shown_as_postgres_prints_it(decode: Decode) -> None:
    event = decode(encoded())
    assert event.after_text() == {
        "id": "42",
        "unit price": "12.50",
        "at": "2024-01-01 00:00:00.5+00",
        "day": "2024-02-29",
        "token": "00112233-4455-6677-8899-aabbccddeeff",
        "raw": "\\x00ff",
        "ratio": "1e+20",
        "done": "t",
    }
    assert event.before_text() == {}


def test_values_that_avro_cannot_hold_are_shown_as_they_came(decode: Decode) -> None:
    odd = ROW | {"at": ("string", "infinity"), "day": ("string", "0044-03-15 BC")}
    event = decode(encoded(after=(f"{SCHEMA['namespace']}.Row", odd)))
    assert (event.after_text()["at"], event.after_text()["day"]) == ("infinity", "0044-03-15 BC")


def test_before_tells_a_key_from_a_row(decode: Decode) -> None:
    key = decode(encoded(before=(f"{SCHEMA['namespace']}.Key", {"id": 41}), after=None))
    assert (key.before, key.before_is_key, key.after) == ({"id": 41}, True, None)
    assert key.before_text() == {"id": "41"}
    row = decode(encoded(before=(f"{SCHEMA['namespace']}.Row", ROW), after=None))
    assert (row.before, row.before_is_key) == (CARRIED, False)


def test_unknown_fingerprint_is_told_from_a_bad_record() -> None:
    nothing: dict[bytes, Mapping[str, Any]] = {}
    decoder = EventDecoder(nothing.__getitem__)
    with pytest.raises(UnknownSchema) as caught:
        decoder.decode(encoded())
    assert caught.value.fingerprint == FINGERPRINT
    assert not isinstance(caught.value, RecordError)
    assert isinstance(caught.value, RowferryError)


def test_a_schema_is_looked_up_once_and_asked_for_again_when_it_was_missing() -> None:
    asked: list[bytes] = []
    known: dict[bytes, Mapping[str, Any]] = {}

    def lookup(fingerprint8: bytes) -> Mapping[str, Any]:
        asked.append(fingerprint8)
        return known[fingerprint8]

    decoder = EventDecoder(lookup)
    with pytest.raises(UnknownSchema):
        decoder.decode(encoded())
    known[FINGERPRINT] = SCHEMA
    decoder.decode(encoded())
    decoder.decode(encoded())
    assert asked == [FINGERPRINT, FINGERPRINT]


@pytest.mark.parametrize("value", [b"", b"\xc3", b"\xc3\x01", b"\x00\x00\x00\x00\x01" * 4, b"{}" * 10], ids=repr)
def test_value_without_a_frame_is_a_record_error(decode: Decode, value: bytes) -> None:
    with pytest.raises(RecordError, match="expected an event that begins with c301"):
        decode(value)
    with pytest.raises(RecordError):
        split(value)


def test_every_truncation_is_a_record_error(decode: Decode) -> None:
    value = encoded()
    for size in range(len(value)):
        with pytest.raises(RecordError):
            decode(value[:size])


def test_bytes_left_over_are_a_record_error(decode: Decode) -> None:
    with pytest.raises(RecordError):
        decode(encoded() + b"\0")


def outcome(decoder: EventDecoder, value: bytes) -> Event | None:
    try:
        return decoder.decode(value)
    except RecordError:
        return None


def agree(value: bytes) -> None:
    """The compiled reader takes nothing that fastavro does not, and reads it alike; NaN is not equal to itself."""
    event, general = outcome(COMPILED, value), outcome(GENERAL, value)
    if event is not None:
        assert repr(event) == repr(general)


@given(st.binary(max_size=120))
def test_any_body_is_an_event_or_a_record_error(body: bytes) -> None:
    agree(frame(FINGERPRINT) + body)


@given(st.data())
def test_a_damaged_event_is_an_event_or_a_record_error(draw: st.DataObject) -> None:
    value = bytearray(encoded(**draw.draw(st.sampled_from(SHAPES))))
    for _ in range(draw.draw(st.integers(1, 3))):
        value[draw.draw(st.integers(10, len(value) - 1))] = draw.draw(st.integers(0, 255))
    agree(bytes(value))


NAMESPACE = SCHEMA["namespace"]
SHAPES: list[dict[str, Any]] = [
    {},
    {"before": (f"{NAMESPACE}.Key", {"id": -1}), "after": None, "op": "d"},
    {"before": (f"{NAMESPACE}.Row", ROW)},
    {"below_version": 2**63 - 1, "after": None, "transaction": None, "refetched": [], "omitted": []},
    {"refetched": ["note", "größe"], "omitted": [{"column": str(at), "reason": "x" * at} for at in range(9)]},
    {"after": (f"{NAMESPACE}.Row", dict.fromkeys(ROW))},
    {"after": (f"{NAMESPACE}.Row", ROW | {"ratio": math.inf, "done": False, "id": -(2**63), "note": "é" * 100})},
]


@pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
def test_both_readers_read_an_event_alike(shape: dict[str, Any]) -> None:
    assert repr(COMPILED.decode(encoded(**shape))) == repr(GENERAL.decode(encoded(**shape)))


def test_the_compiled_reader_is_the_one_that_runs() -> None:
    assert ("fastavro" if WITHOUT_COMPILED else "compiled") == IMPLEMENTATION


def test_an_envelope_of_another_version_is_left_to_fastavro() -> None:
    schema = {**SCHEMA, "envelope_version": 2, "fields": [*SCHEMA["fields"], {"name": "more", "type": "long"}]}
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(dict(schema)), BODY | {"more": 5})
    decoder = EventDecoder({fingerprint(schema): schema}.__getitem__)
    assert decoder.decode(frame(fingerprint(schema)) + out.getvalue()).after == CARRIED


def test_values_that_postgres_cannot_hold_are_a_record_error(decode: Decode) -> None:
    event = decode(encoded(after=(f"{NAMESPACE}.Row", ROW | {"at": 2**63 - 1})))
    with pytest.raises(RecordError, match="expected values that PostgreSQL can hold"):
        event.after_text()
