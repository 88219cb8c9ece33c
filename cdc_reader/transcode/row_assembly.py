"""
Rows put together from columns where one go does not do: refetched, omitted, too large, moved to another key.

Rule P8: a column that cannot be carried is left out with its reason; a row never stops the stream.

Keeps: P8, V5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from cdc_reader.transcode import ChangeParts, Columns, Encoder, Unfit
from schemas.envelope import OP_CREATE, OP_UPDATE

NULL = b"\x00"  # the first branch of every column's union
TOO_LARGE = "the row is larger than max.message.bytes"
NOT_HAD = "the unchanged value could not be read in time; the row is read again"
ROW_GONE = "the unchanged value is gone: the row was deleted or moved since"
_ENVELOPE_BYTES = 8 * 1024  # what surrounds before and after, names of omitted columns included


class Fetched(Protocol):
    """A row that was read again (`toast_refetch.FetchedRow`)."""

    @property
    def fields(self) -> Mapping[str, bytes]:
        """Avro bytes by column."""

    @property
    def omitted(self) -> Mapping[str, str]:
        """Why a column cannot be carried."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """One row as an event carries it. `again`: the row must be read again (rule V5)."""

    row: bytes
    refetched: tuple[str, ...] = ()
    omitted: tuple[tuple[str, str], ...] = ()
    again: bool = False


def missing_columns(encoder: Encoder, columns: Columns) -> tuple[str, ...]:
    """The names of columns whose values did not change and were not sent."""
    return tuple(
        column.name for column, value in zip(encoder.plan.columns, columns.encoded, strict=True) if value is None
    )


def assemble(encoder: Encoder, columns: Columns, fetched: Fetched | None, *, gone: bool, max_bytes: int) -> Assembled:
    """A whole row from what was sent and what was fetched; `gone`: the row had no match when it was read again."""
    names = [column.name for column in encoder.plan.columns]
    encoded: list[bytes] = []
    refetched: list[str] = []
    omitted = list(columns.omitted)
    again = False
    for name, value in zip(names, columns.encoded, strict=True):
        if value is not None:
            encoded.append(value)
        elif fetched is not None and name in fetched.omitted:
            encoded.append(NULL)
            omitted.append((name, fetched.omitted[name]))
        elif fetched is not None and name in fetched.fields:
            encoded.append(fetched.fields[name])
            refetched.append(name)
        else:
            encoded.append(NULL)
            omitted.append((name, ROW_GONE if gone else NOT_HAD))
            again = again or not gone
    shrink(names, encoded, omitted, max_bytes=max_bytes - _ENVELOPE_BYTES)
    return Assembled(b"".join(encoded), tuple(refetched), tuple(omitted), again)


def shrink(names: Sequence[str], encoded: list[bytes], omitted: list[tuple[str, str]], *, max_bytes: int) -> None:
    """Leave out the largest columns until the row fits (rule P8); changes `encoded` and `omitted`."""
    size = sum(map(len, encoded))
    for index in sorted(range(len(encoded)), key=lambda at: -len(encoded[at])):
        if size <= max_bytes:
            return
        size -= len(encoded[index]) - len(NULL)
        encoded[index] = NULL
        omitted.append((names[index], TOO_LARGE))


def copied_row(encoder: Encoder, data: bytes, *, max_bytes: int) -> tuple[bytes, bytes, tuple[tuple[str, str], ...]]:
    """Key, row and omitted columns of one copied row, made to fit; raises `Unfit` where its key is none."""
    with suppress(Unfit):
        key, row, omitted = encoder.copy_row(data)
        if len(row) <= max_bytes - _ENVELOPE_BYTES:
            return key, row, omitted
    key, columns = encoder.key_of(encoder.copy_fields(data)), encoder.copy_columns(data)
    fitted = assemble(encoder, columns, None, gone=False, max_bytes=max_bytes)
    return key, fitted.row, fitted.omitted


def key_of(encoder: Encoder, parts: ChangeParts) -> bytes:
    """The key of the row that a change is about; raises `Unfit`."""
    fields = parts.old if parts.new is None else parts.new
    assert fields is not None
    return encoder.key_of(fields)


def moved_from(encoder: Encoder, parts: ChangeParts) -> bytes | None:
    """The key that an update took the row away from; None when the key is what it was."""
    if parts.op != OP_UPDATE or parts.old is None or parts.new is None:
        return None
    old = encoder.key_of(parts.old)
    return old if old != encoder.key_of(parts.new) else None


def before_of(encoder: Encoder, parts: ChangeParts, *, max_bytes: int) -> tuple[str, bytes] | None:
    """The old row, or its key alone where that is all the server sent, or where the row would be too large."""
    if parts.old is None or parts.op == OP_CREATE:
        return None
    columns = encoder.columns(parts.old)
    if parts.old_kind == "O" and sum(len(value or NULL) for value in columns.encoded) <= max_bytes // 4:
        return "row", Columns(tuple(value or NULL for value in columns.encoded)).row
    return "key", encoder.key_record(columns)
