"""
The change event: its Avro schema for a table, and its decoded form.

Field names follow Debezium's envelope. How events are framed and read is in `schemas.wire`; how the columns are
typed in `schemas.avro_types`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.avro_types import ColumnType, escape_name
from schemas.errors import RecordError

ENVELOPE_VERSION = 1

OP_CREATE: Final = "c"
OP_UPDATE: Final = "u"
OP_DELETE: Final = "d"
OP_READ: Final = "r"
OP_TRUNCATE: Final = "t"
OP_SWEEP: Final = "s"
OP_MESSAGE: Final = "m"

MODE_STREAM: Final = "stream"
MODE_SNAPSHOT: Final = "snapshot"
MODE_POLLING: Final = "polling"

TIMESTAMP_MICROS: Mapping[str, str] = {"type": "long", "logicalType": "timestamp-micros"}

# What Avro hands out for a column; dates and times are numbers (days, microseconds), or text where they do not fit.
Value = None | bool | int | float | str | bytes
Renderer = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class TableSchema:
    """What the Avro schema of a table is made from. `key`: names of the primary-key columns, in key order.

    `catalog_mark` stands for what documents take from the catalog (rule D9): another one makes another schema.
    """

    prefix: str
    schema: str
    table: str
    columns: tuple[ColumnType, ...]
    key: tuple[str, ...]
    catalog_mark: str = ""

    @property
    def key_columns(self) -> tuple[ColumnType, ...]:
        """The primary-key columns in key order; raises KeyError when one is not among the columns."""
        by_name = {column.name: column for column in self.columns}
        return tuple(by_name[name] for name in self.key)


def envelope_schema(table: TableSchema) -> dict[str, Any]:
    """The Avro schema of a table's events.

    Its namespace carries a hash of the whole schema, since Avro's fingerprint ignores logical types and attributes.
    """
    base = ".".join(escape_name(part) for part in (table.prefix, table.schema, table.table))
    return _envelope(f"{base}.v_{_digest(_envelope(base, table))}", table)


def is_whole(schema: Mapping[str, Any]) -> bool:
    """Whether a schema is the one that its namespace was made for."""
    base, _, digest = str(schema.get("namespace")).rpartition(".v_")
    return _digest({**schema, "namespace": base}) == digest


def _digest(draft: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(draft, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:8]


def _envelope(namespace: str, table: TableSchema) -> dict[str, Any]:
    row = _record("Row", [column.field() for column in table.columns])
    key = _record("Key", [column.field() for column in table.key_columns])
    fields = [
        _field("op", "string"),
        _field("version", "long"),
        _field("source", _record("Source", _SOURCE_FIELDS)),
        _field("ts_ms", "long"),
        _field("transaction", ["null", _record("Transaction", _TRANSACTION_FIELDS)]),
        _field("below_version", ["null", "long"]),
        _field("refetched", {"type": "array", "items": "string"}),
        _field("omitted", {"type": "array", "items": _record("Omitted", _OMITTED_FIELDS)}),
        _field("before", ["null", row, key]),
        _field("after", ["null", "Row"]),
    ]
    return {
        **_record("Envelope", fields),
        "namespace": namespace,
        "envelope_version": ENVELOPE_VERSION,
        "pg_schema": table.schema,
        "pg_table": table.table,
        **({"catalog_mark": table.catalog_mark} if table.catalog_mark else {}),
    }


def _record(name: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": fields}


def _field(name: str, kind: object) -> dict[str, Any]:
    return {"name": name, "type": kind}


_SOURCE_FIELDS = [
    _field("mode", "string"),
    _field("db", "string"),
    _field("schema", "string"),
    _field("table", "string"),
    _field("name", "string"),
    _field("txId", "long"),
    _field("commit_lsn", "long"),
    _field("ts_us", dict(TIMESTAMP_MICROS)),
    _field("lsn", "long"),
    _field("ordinal", "long"),
]
_TRANSACTION_FIELDS = [_field("id", "string"), _field("total_order", "long")]
_OMITTED_FIELDS = [_field("column", "string"), _field("reason", "string")]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a change comes from. LSNs as integers, `ts_us` the commit time in microseconds since the Unix epoch."""

    mode: str
    db: str
    schema: str
    table: str
    name: str
    txId: int  # noqa: N815 - Debezium's name
    commit_lsn: int
    ts_us: int
    lsn: int
    ordinal: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """The transaction of a streamed change: `id` is "xid:commit_lsn" in decimal."""

    id: str
    total_order: int


@dataclass(frozen=True, slots=True)
class Omitted:
    """A column that the event could not carry, and why."""

    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class EventSchema:
    """By which schema an event was written: its fingerprint in hexadecimal, and its `catalog_mark`."""

    fingerprint: str = ""
    catalog_mark: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One decoded event.

    `before` and `after` map the true column names to values as Avro carries them: dates and times are integers
    (days or microseconds), or PostgreSQL's text where they do not fit. `before` holds only the primary key when
    `before_is_key`. `kinds` maps every column of the table to its kind, in table order.
    """

    op: str
    version: int
    source: Source
    ts_ms: int
    transaction: Transaction | None
    below_version: int | None
    refetched: tuple[str, ...]
    omitted: tuple[Omitted, ...]
    before: Mapping[str, Value] | None
    before_is_key: bool
    after: Mapping[str, Value] | None
    kinds: Mapping[str, str] = field(compare=False)
    renderers: Mapping[str, Renderer] = field(compare=False, repr=False)  # of the kinds that are not text
    schema: EventSchema = field(default=EventSchema(), compare=False)

    def after_text(self) -> dict[str, str]:
        """The row after the change as PostgreSQL prints it, by column; NULL is absent, and so is all of no row.

        Raises `RecordError` for a value that no PostgreSQL type holds.
        """
        return self._text(self.after)

    def before_text(self) -> dict[str, str]:
        """The same for the row (or the key) before the change."""
        return self._text(self.before)

    def _text(self, row: Mapping[str, Any] | None) -> dict[str, str]:
        if row is None:
            return {}
        renderers = self.renderers
        try:
            return {
                name: value if type(value) is str else renderers[name](value)
                for name, value in row.items()
                if value is not None
            }
        except KeyError as exc:
            raise RecordError("expected columns of known kinds, got another: update this service first") from exc
        except (ValueError, OverflowError) as exc:
            raise RecordError(f"expected values that PostgreSQL can hold, got others ({type(exc).__name__})") from exc
