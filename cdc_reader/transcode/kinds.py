"""
The one list of column kinds: which PostgreSQL types they stand for, and how their bytes are read.

How a kind is written in Avro is part of the contract (`schemas.avro_types`). The compiled encoder knows kinds by
`Code`; the tests walk this list, so that a kind without cases fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from cdc_reader.transcode import binary_values, text_values
from cdc_reader.transcode.carried import Carried
from cdc_reader.transcode.printers.sent import Printer
from schemas.avro_types import TEXT_KIND


class Code(IntEnum):
    """The kinds, numbered here alone; `writers.pxi` has a line for each."""

    BOOL = 0
    INT2 = 1
    INT4 = 2
    INT8 = 3
    OID = 4
    FLOAT4 = 5
    FLOAT8 = 6
    NUMERIC = 7
    TEXT = 8
    JSON = 9
    JSONB = 10
    UUID = 11
    BYTEA = 12
    DATE = 13
    TIME = 14
    TIMESTAMP = 15
    TIMESTAMPTZ = 16
    OTHER = 17


Read = Callable[[bytes], Carried]


@dataclass(frozen=True, slots=True)
class Kind:
    """How the values of some types are read. `name` is a key of `schemas.avro_types.AVRO_TYPES`.

    `from_binary` is None for types that are only read as text. Both readers raise `Unfit` for bytes that
    are no such value, and `Uncarriable` for a value that cannot be carried. `printer` makes PostgreSQL's text of a
    value in binary, where that is what is carried. Not `sent`: there is no binary form, the server sends text anyway.
    `elements` of an array, parted by commas: the OID of their type, and their code.
    """

    code: Code
    name: str
    type_oids: tuple[int, ...]
    from_text: Read
    from_binary: Read | None
    printer: Printer | None = None
    sent: bool = True
    elements: tuple[int, Code] | None = None

    @property
    def binary(self) -> bool:
        """Whether values may be asked for in binary."""
        return self.from_binary is not None

    @property
    def text(self) -> bool:
        """Whether values are text in binary, too, or are never read in it: texts are of the database's encoding."""
        return not self.binary or self.code in (Code.TEXT, Code.JSON, Code.JSONB)


# Every type without a kind of its own (arrays, ranges, inet, interval, money, "char" ...) is carried as the text that
# PostgreSQL prints; `known_types` says of which we print it ourselves.
OTHER = Kind(Code.OTHER, TEXT_KIND, (), text_values.utf8, None)

KINDS: tuple[Kind, ...] = (
    Kind(Code.BOOL, "bool", (16,), text_values.boolean, binary_values.boolean),
    Kind(Code.INT2, "int2", (21,), text_values.integer(-(2**15), 2**15 - 1), binary_values.integer(2)),
    Kind(Code.INT4, "int4", (23,), text_values.integer(-(2**31), 2**31 - 1), binary_values.integer(4)),
    Kind(Code.INT8, "int8", (20,), text_values.integer(-(2**63), 2**63 - 1), binary_values.integer(8)),
    Kind(Code.OID, "oid", (26,), text_values.integer(0, 2**32 - 1), binary_values.integer(4, signed=False)),
    Kind(Code.FLOAT4, "float4", (700,), text_values.float4, binary_values.float4),
    Kind(Code.FLOAT8, "float8", (701,), text_values.float8, binary_values.float8),
    Kind(Code.NUMERIC, "numeric", (1700,), text_values.numeric, binary_values.numeric),
    # text, varchar, bpchar, name
    Kind(Code.TEXT, TEXT_KIND, (25, 1043, 1042, 19), text_values.utf8, binary_values.text),
    Kind(Code.JSON, "json", (114,), text_values.utf8, binary_values.text),
    Kind(Code.JSONB, "jsonb", (3802,), text_values.utf8, binary_values.jsonb),
    Kind(Code.UUID, "uuid", (2950,), text_values.uuid, binary_values.uuid),
    Kind(Code.BYTEA, "bytea", (17,), text_values.bytea, binary_values.bytea),
    Kind(Code.DATE, "date", (1082,), text_values.date, binary_values.date),
    Kind(Code.TIME, "time", (1083,), text_values.time, binary_values.time),
    Kind(Code.TIMESTAMP, "timestamp", (1114,), text_values.timestamp, binary_values.timestamp),
    Kind(Code.TIMESTAMPTZ, "timestamptz", (1184,), text_values.timestamptz, binary_values.timestamptz),
    OTHER,
)

_BY_OID: Mapping[int, Kind] = {oid: kind for kind in KINDS for oid in kind.type_oids}


TEXT = _BY_OID[25]


def built_in(type_oid: int) -> Kind | None:
    """The kind of a type that has one of its own."""
    return _BY_OID.get(type_oid)


def kind_of(type_oid: int) -> Kind:
    """The kind of a type as it is carried; types without a kind of their own are text."""
    return _BY_OID.get(type_oid, OTHER)


def printed(printer: Printer, elements: tuple[int, Code] | None = None) -> Kind:
    """The kind of types that are carried as text, and whose values in binary are printed by us."""

    def read(data: bytes) -> Carried:
        return text_values.utf8(printer(data))

    return replace(OTHER, from_binary=read, printer=printer, elements=elements)
