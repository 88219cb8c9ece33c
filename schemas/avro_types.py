"""
How a PostgreSQL column is written in Avro: one type for each kind of column.

A kind groups the PostgreSQL types that share a representation. Which type belongs to which kind, and how its bytes
are read, is the reader's affair; the names of the kinds and their Avro types are part of the contract.
Values that the Avro type cannot hold (infinity, BC, 24:00:00 ...) are carried as PostgreSQL's text in the "string"
branch of the kinds that have one, so that stock decoders read everything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

AvroType = str | dict[str, str]

TEXT_KIND = "text"  # also the kind of every type that has none of its own

AVRO_TYPES: Mapping[str, tuple[AvroType, ...]] = {
    "bool": ("boolean",),
    "int2": ("int",),
    "int4": ("int",),
    "int8": ("long",),
    "oid": ("long",),
    "float4": ("float",),
    "float8": ("double",),
    "numeric": ("string",),
    "text": ("string",),
    "json": ("string",),
    "jsonb": ("string",),
    "uuid": ({"type": "string", "logicalType": "uuid"},),
    "bytea": ("bytes",),
    "date": ({"type": "int", "logicalType": "date"}, "string"),
    "time": ({"type": "long", "logicalType": "time-micros"}, "string"),
    "timestamp": ({"type": "long", "logicalType": "local-timestamp-micros"}, "string"),
    "timestamptz": ({"type": "long", "logicalType": "timestamp-micros"}, "string"),
}


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column as events carry it. `type` is PostgreSQL's `format_type`, `kind` a key of `AVRO_TYPES`.

    `base_type` is the one under all domains; None where it is of no domain.
    """

    name: str
    type: str
    type_oid: int
    kind: str
    base_type: str | None = None

    def field(self) -> dict[str, Any]:
        """The Avro field of this column in the records `Row` and `Key`; every column may be null."""
        return {
            "name": escape_name(self.name),
            "type": ["null", *AVRO_TYPES[self.kind]],
            "default": None,
            "pg_column": self.name,
            "pg_type": self.type,
            "pg_oid": self.type_oid,
            "pg_kind": self.kind,
            **({"pg_base_type": self.base_type} if self.base_type else {}),
        }


# What Avro does not allow in a name, and underscores that would be read back as the beginning of an escape.
_TO_ESCAPE = re.compile(r"[^A-Za-z0-9_]|^[0-9]|_(?=x[0-9a-f]+_)")
_ESCAPED = re.compile(r"_x([0-9a-f]+)_")


def escape_name(name: str) -> str:
    """An Avro name for any PostgreSQL name: `_x<hex code point>_` for what Avro does not allow."""
    return _TO_ESCAPE.sub(lambda match: f"_x{ord(match[0]):x}_", name)


def unescape_name(name: str) -> str:
    """The PostgreSQL name that `escape_name` was given."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), name)
