"""
The encoder that is plain to read: every value is decoded, every event encoded whole by fastavro.

It runs where the compiled module was not built, and it is what the compiled module is held equal to.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import fastavro

from cdc_reader.pgoutput.messages import Binary, Field, Null, Text, Unchanged
from cdc_reader.transcode.carried import Carried, Uncarriable, Unfit
from cdc_reader.transcode.context import EventContext
from cdc_reader.transcode.encoder import (
    CHANGE,
    INCOMPLETE,
    KEY_CHANGED,
    UNCARRIABLE,
    ChangeParts,
    Encoder,
    Fields,
)
from cdc_reader.transcode.plan import TablePlan
from schemas.envelope import OP_READ

Row = dict[str, Carried | None]


class ReferenceEncoder(Encoder):
    """Decodes to values, encodes with fastavro."""

    def __init__(self, plan: TablePlan) -> None:
        super().__init__(plan)
        self._frame = plan.frame
        self._event_schema = fastavro.parse_schema(dict(plan.avro_schema))
        namespace = plan.avro_schema["namespace"]
        self._row_name, self._key_name = f"{namespace}.Row", f"{namespace}.Key"
        fields = _row_fields(plan)
        self._field_names = tuple(field["name"] for field in fields)
        self._field_schemas = tuple(fastavro.parse_schema(field["type"]) for field in fields)

    def change(
        self, payload: bytes, context: EventContext, lsn: int, version: int, ordinal: int
    ) -> tuple[bytes, bytes, int]:
        """See `Encoder.change`."""
        parts = self.split(payload)
        key, rare = self._key_and_reasons(parts)
        try:
            before = None if parts.old is None else self._before(parts)
            after = None if parts.new is None else (self._row_name, self._row(parts.new))
        except Uncarriable:
            rare |= UNCARRIABLE
        if rare:
            self._check_all(parts)
            return b"", b"", rare
        body = self._event(parts.op, context, lsn=lsn, version=version, ordinal=ordinal)
        body["before"], body["after"] = before, after
        return key, self._frame + _encoded(self._event_schema, body), CHANGE

    def _key_and_reasons(self, parts: ChangeParts) -> tuple[bytes, int]:
        """The row's key, and why the event cannot be encoded in one go, as far as its values do not matter."""
        if parts.new is None:
            assert parts.old is not None
            return self.key_of(parts.old), CHANGE
        reasons = INCOMPLETE if Unchanged() in parts.new else CHANGE
        if any(isinstance(parts.new[index], Unchanged) for index in self.plan.key):
            return b"", reasons
        key = self.key_of(parts.new)
        if parts.old is not None and self.key_of(parts.old) != key:
            reasons |= KEY_CHANGED
        return key, reasons

    def _check_all(self, parts: ChangeParts) -> None:
        """A value that is none of its type is an error even where no event comes of the message."""
        if parts.old is not None:
            sent = self.plan.key if parts.old_kind == "K" else range(len(parts.old))
            self._check((index, parts.old[index]) for index in sent)
        if parts.new is not None:
            self._check(enumerate(parts.new))

    def _check(self, fields: Iterable[tuple[int, Field]]) -> None:
        for index, field in fields:
            with suppress(Uncarriable):
                self._field(index, field)

    def _before(self, parts: ChangeParts) -> tuple[str, Row]:
        assert parts.old is not None
        if parts.old_kind == "O":
            return self._row_name, self._row(parts.old)
        return self._key_name, {
            self._field_names[index]: self._value(index, parts.old[index]) for index in self.plan.key
        }

    def _row(self, fields: Fields) -> Row:
        return {self._field_names[index]: self._value(index, field) for index, field in enumerate(fields)}

    def _value(self, index: int, field: Field) -> Carried | None:
        match field:
            case Null() | Unchanged():
                return None
            case Text(data):
                return self._decoded(index, data, binary=False)
            case Binary(data):
                return self._decoded(index, data, binary=True)

    def _decoded(self, index: int, data: bytes, *, binary: bool) -> Carried:
        kind = self.plan.columns[index].kind
        if not binary:
            return kind.from_text(data)
        if kind.from_binary is None:
            raise Unfit(f"expected {self.plan.columns[index].name!r} as text, got binary")
        return kind.from_binary(data)

    def _event(self, op: str, context: EventContext, *, lsn: int, version: int, ordinal: int) -> dict[str, Any]:
        transaction = context.transaction_id
        return {
            "op": op,
            "version": version,
            "source": {
                "mode": context.mode,
                "db": self.plan.database,
                "schema": self.plan.schema,
                "table": self.plan.table,
                "name": self.plan.source,
                "txId": context.xid,
                "commit_lsn": context.commit_lsn,
                "ts_us": context.commit_ts_us,
                "lsn": lsn,
                "ordinal": ordinal,
            },
            "ts_ms": context.ts_ms,
            "transaction": transaction and {"id": transaction, "total_order": ordinal},
            "below_version": None,
            "refetched": [],
            "omitted": [],
            "before": None,
            "after": None,
        }

    def column(self, index: int, data: bytes, *, binary: bool) -> bytes:
        """See `Encoder.column`."""
        return _encoded(self._field_schemas[index], self._decoded(index, data, binary=binary))

    def copy_row(self, data: bytes) -> tuple[bytes, bytes, tuple[tuple[str, str], ...]]:
        """See `Encoder.copy_row`."""
        fields = self.copy_fields(data)
        self._check(enumerate(fields))
        columns = self.columns(fields)
        return self.key_of(fields), columns.row, columns.omitted

    def read_event(self, row: bytes, context: EventContext, lsn: int, version: int, ordinal: int) -> bytes:
        """See `Encoder.read_event`."""
        return self.event(OP_READ, context, lsn=lsn, version=version, ordinal=ordinal, after=row)


def _row_fields(plan: TablePlan) -> list[dict[str, Any]]:
    before = next(field for field in plan.avro_schema["fields"] if field["name"] == "before")
    fields: list[dict[str, Any]] = before["type"][1]["fields"]
    return fields


def _encoded(schema: str | list[Any] | dict[str, Any], value: object) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, value)
    return out.getvalue()
