"""Tables and messages to encode."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from cdc_reader.pgoutput.messages import Relation, RelationColumn
from cdc_reader.tables.encoder_plans import plan_table
from cdc_reader.transcode import EventContext, TablePlan
from cdc_reader.transcode.kinds import KINDS
from schemas.tables import Capture, Column, TableEntry

RELATION_OID = 16400
CONTEXT = EventContext("stream", 755, 0x16_B374_D848, 1_704_067_200_000_000, 1_704_067_201_000)
UNCHANGED = "unchanged"
OTHER_TYPE_OID = 790  # money: no kind of its own, and none that we print

# What a field of a message is made from: NULL, a value that did not change, text, or ("b", binary).
Value = None | str | bytes | tuple[str, bytes]


def entry(columns: Sequence[tuple[str, int]], key: Sequence[str]) -> TableEntry:
    return TableEntry(
        version=1,
        source="rowferry",
        database="shop",
        schema="public",
        table="items",
        oid=16385,
        topic="cdc.public.items",
        partitions=3,
        columns=tuple(
            Column(name, f"type {oid}", oid, -1, nullable=name not in key, ordinal=at, primary_key=name in key)
            for at, (name, oid) in enumerate(columns, start=1)
        ),
        primary_key=tuple(key),
        capture=Capture("replication", "it has a primary key"),
    )


def plan_of(
    columns: Sequence[tuple[str, int]], key: Sequence[str] = ("id",), wire: Sequence[str] | None = None
) -> TablePlan:
    types = dict(columns)
    relation = Relation(
        RELATION_OID,
        "public",
        "items",
        "d",
        tuple(RelationColumn(name in key, name, types[name], -1) for name in (wire or types)),
    )
    return plan_table(entry(columns, key), prefix="cdc", relation=relation)


def plan_of_every_kind() -> TablePlan:
    """`id`, and one column for every kind, named after its code."""
    columns = [(kind.code.name.lower(), (*kind.type_oids, OTHER_TYPE_OID)[0]) for kind in KINDS]
    return plan_of([("id", 20), *columns])


def wire_tuple(values: Sequence[Value]) -> bytes:
    return struct.pack(">H", len(values)) + b"".join(map(_field, values))


def _field(value: Value) -> bytes:
    if value is None:
        return b"n"
    if value == UNCHANGED:
        return b"u"
    if isinstance(value, tuple):
        return b"b" + struct.pack(">i", len(value[1])) + value[1]
    data = value.encode() if isinstance(value, str) else value
    return b"t" + struct.pack(">i", len(data)) + data


def insert(*new: Value) -> bytes:
    return b"I" + struct.pack(">I", RELATION_OID) + b"N" + wire_tuple(new)


def update(new: Sequence[Value], *, key: Sequence[Value] = (), row: Sequence[Value] = ()) -> bytes:
    old = b"K" + wire_tuple(key) if key else b"O" + wire_tuple(row) if row else b""
    return b"U" + struct.pack(">I", RELATION_OID) + old + b"N" + wire_tuple(new)


def delete(*, key: Sequence[Value] = (), row: Sequence[Value] = ()) -> bytes:
    old = b"K" + wire_tuple(key) if key else b"O" + wire_tuple(row)
    return b"D" + struct.pack(">I", RELATION_OID) + old


def copy_row(*fields: bytes | None) -> bytes:
    return struct.pack(">h", len(fields)) + b"".join(
        struct.pack(">i", -1) if field is None else struct.pack(">i", len(field)) + field for field in fields
    )
