"""
What one event costs, without any server: tuples to events in the reader, events to text in the sink.

The table has twelve columns, as a table of a business application has: keys, numbers, times, texts, a JSON document.
CPU time, the best of several rounds: other programs on the machine count for little. `python -m bench.transcoder`.
"""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import fastavro

from cdc_reader.pgoutput.messages import Relation, RelationColumn
from cdc_reader.tables.encoder_plans import plan_table
from cdc_reader.transcode import IMPLEMENTATION, Encoder, EventContext, TablePlan, make_encoder
from schemas.tables import Capture, Column, TableEntry
from schemas.wire import EventDecoder

ROUND_S = 0.2
ROUNDS = 5
RELATION_OID = 16400

# Name, type OID, in binary, in text.
COLUMNS: tuple[tuple[str, int, bytes, bytes], ...] = (
    ("id", 20, struct.pack(">q", 4_711_000), b"4711000"),
    ("project_id", 20, struct.pack(">q", 1234), b"1234"),
    ("number", 23, struct.pack(">i", 17), b"17"),
    ("title", 1043, b"Concrete pour, level 3, north wing", b"Concrete pour, level 3, north wing"),
    ("description", 25, b"Check the formwork before noon. " * 4, b"Check the formwork before noon. " * 4),
    ("status", 1043, b"open", b"open"),
    ("amount", 1700, struct.pack(">HhHHHHH", 3, 1, 0, 2, 12, 3456, 7800), b"123456.78"),
    ("approved", 16, b"\1", b"t"),
    ("payload", 3802, b'\1{"source": "mobile", "tags": ["a", "b"]}', b'{"source": "mobile", "tags": ["a", "b"]}'),
    ("token", 2950, bytes(range(16)), b"00010203-0405-0607-0809-0a0b0c0d0e0f"),
    ("created_at", 1184, struct.pack(">q", 757_382_400_123_456), b"2024-01-01 00:00:00.123456+00"),
    ("updated_at", 1184, struct.pack(">q", 757_468_800_500_000), b"2024-01-02 00:00:00.5+00"),
)
CONTEXT = EventContext("stream", 755, 97_500_059_720, 1_704_067_200_000_000, 1_704_067_201_000)


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement; its ratio is against the line called `peer`."""

    name: str
    micros: float
    peer: str


def main() -> None:
    """Measure and print."""
    plan = _plan()
    print("reader: an insert of 12 columns to key and event")
    _print(_reader_lines(plan))
    print("\nsink: an event of 12 columns to its fields")
    _print(_sink_lines(plan))
    print(f"\nin use here: {IMPLEMENTATION}")


def _plan() -> TablePlan:
    columns = tuple(
        Column(name, f"type {oid}", oid, -1, nullable=True, ordinal=at) for at, (name, oid, _, _) in enumerate(COLUMNS)
    )
    entry = TableEntry(
        version=1,
        source="rowferry",
        database="bench",
        schema="public",
        table="items",
        oid=RELATION_OID,
        topic="cdc.public.items",
        partitions=3,
        columns=columns,
        primary_key=("id",),
        capture=Capture("replication", "it has a primary key"),
    )
    sent = tuple(RelationColumn(column.name == "id", column.name, column.type_oid, -1) for column in columns)
    return plan_table(entry, prefix="cdc", relation=Relation(RELATION_OID, "public", "items", "d", sent))


def _insert(*, binary: bool) -> bytes:
    values = (as_binary if binary else as_text for _, _, as_binary, as_text in COLUMNS)
    fields = ((b"b" if binary else b"t") + struct.pack(">i", len(value)) + value for value in values)
    return b"I" + struct.pack(">I", RELATION_OID) + b"N" + struct.pack(">H", len(COLUMNS)) + b"".join(fields)


def _copied() -> bytes:
    values = (column[2] for column in COLUMNS)
    return struct.pack(">h", len(COLUMNS)) + b"".join(struct.pack(">i", len(value)) + value for value in values)


def _reader_lines(plan: TablePlan) -> list[Line]:
    payloads = (("binary", _insert(binary=True)), ("text", _insert(binary=False)))
    reference = make_encoder(plan, "reference")
    event = _event_of(plan, reference.change(payloads[0][1], CONTEXT, 5, 6, 7)[1])
    schema = fastavro.parse_schema(dict(plan.avro_schema))
    peer = "fastavro alone, values at hand"
    lines = [Line(peer, _micros(lambda: fastavro.schemaless_writer(io.BytesIO(), schema, event)), peer)]
    for implementation in dict.fromkeys((IMPLEMENTATION, "reference")):
        encoder = make_encoder(plan, implementation)
        lines += [Line(f"{implementation}, {form}", _changing(encoder, payload), peer) for form, payload in payloads]
        lines.append(Line(f"{implementation}, snapshot", _reading(encoder, _copied()), peer))
    return lines


def _changing(encoder: Encoder, payload: bytes) -> float:
    change = encoder.change
    return _micros(lambda: change(payload, CONTEXT, 5, 6, 7))


def _reading(encoder: Encoder, copied: bytes) -> float:
    copy_row, read_event = encoder.copy_row, encoder.read_event
    return _micros(lambda: read_event(copy_row(copied)[1], CONTEXT, 5, 6, 7))


def _event_of(plan: TablePlan, value: bytes) -> Any:  # noqa: ANN401 - what fastavro reads
    event: Any = fastavro.schemaless_reader(io.BytesIO(value[10:]), dict(plan.avro_schema), None)
    return event | {"after": (f"{plan.avro_schema['namespace']}.Row", event["after"])}


def _sink_lines(plan: TablePlan) -> list[Line]:
    value = make_encoder(plan).change(_insert(binary=True), CONTEXT, 5, 6, 7)[1]
    schema = fastavro.parse_schema(dict(plan.avro_schema))
    lookup = {plan.fingerprint: plan.avro_schema}.__getitem__
    fast, general = EventDecoder(lookup).decode, EventDecoder(lookup, compiled=False).decode
    peer = "fastavro, with datetime and UUID objects"
    return [
        Line(peer, _micros(lambda: fastavro.schemaless_reader(io.BytesIO(value[10:]), schema, None)), peer),
        Line("EventDecoder on fastavro", _micros(lambda: general(value)), peer),
        Line("EventDecoder", _micros(lambda: fast(value)), peer),
        Line("EventDecoder on fastavro, and every column as text", _micros(lambda: general(value).after_text()), peer),
        Line("EventDecoder, and every column as text", _micros(lambda: fast(value).after_text()), peer),
    ]


def _micros(call: Callable[[], object]) -> float:
    """CPU time of one call in microseconds: the best round, less an empty call."""
    return _best(call) - _best(lambda: None)


def _best(call: Callable[[], object]) -> float:
    return min(_round(call) for _ in range(ROUNDS))


def _round(call: Callable[[], object]) -> float:
    calls = 0
    began = now = time.process_time()
    while now - began < ROUND_S:
        for _ in range(1000):
            call()
        calls += 1000
        now = time.process_time()
    return (now - began) / calls * 1e6


def _print(lines: list[Line]) -> None:
    peers = {line.name: line.micros for line in lines}
    print(f"  {'':52}{'us':>8}{'per second':>13}{'ratio':>9}")
    for line in lines:
        ratio = peers[line.peer] / line.micros
        print(f"  {line.name:52}{line.micros:8.2f}{1e6 / line.micros:13,.0f}{ratio:8.1f}x")


if __name__ == "__main__":
    main()
