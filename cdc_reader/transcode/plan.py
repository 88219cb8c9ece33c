"""
What an encoder needs to know of a table, worked out once when its definition arrives.

`cdc_reader.tables.encoder_plans` makes plans; both encoders follow them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdc_reader.transcode.avro_bytes import string_bytes
from cdc_reader.transcode.kinds import Kind
from schemas.wire import frame


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """One column: its true name and how its values are read."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class TablePlan:
    """A table as its events are encoded.

    `columns` are in the order of the Avro record `Row`, which is also the order of a snapshot's COPY. `wire_order`
    holds, for each field of a tuple in the stream, its index among them: the columns of a partition may lie in
    another order than those of its root. `key` holds the indexes of the primary-key columns, in key order.
    `relation_oid` is the OID that the stream's messages carry; None when no message is expected.
    """

    relation_oid: int | None
    columns: tuple[ColumnPlan, ...]
    wire_order: tuple[int, ...]
    key: tuple[int, ...]
    database: str
    schema: str
    table: str
    source: str
    avro_schema: Mapping[str, Any]
    fingerprint: bytes

    @property
    def frame(self) -> bytes:
        """What every event of the table begins with."""
        return frame(self.fingerprint)

    @property
    def source_names(self) -> bytes:
        """Database, schema, table and source, as the record `Source` has them."""
        return b"".join(string_bytes(name) for name in (self.database, self.schema, self.table, self.source))

    @property
    def binary(self) -> bool:
        """Whether the stream may be asked for binary: every column's kind can be read so, or comes as text anyway."""
        return all(column.kind.binary or not column.kind.sent for column in self.columns)

    @property
    def key_kinds(self) -> tuple[str, ...]:
        """The kinds of the key's columns: with them the bytes of keys are fixed (rule D6)."""
        return tuple(self.columns[at].kind.name for at in self.key)
