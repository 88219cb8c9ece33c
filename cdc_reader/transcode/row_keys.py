"""
The parts of a row's key, from fields as they come (joined as `schemas.keys.row_key` does it).

Keeps: D6.
"""

from __future__ import annotations

from urllib.parse import quote

from cdc_reader.pgoutput.messages import Binary, Field, Text
from cdc_reader.transcode.carried import AsText, Carried, Uncarriable, Unfit
from cdc_reader.transcode.kinds import Kind
from schemas.keys import EMPTY_PART
from schemas.values import pg_text


def key_part(kind: Kind, field: Field) -> bytes:
    """One value of a key: PostgreSQL's text, percent-encoded (the parts of `schemas.keys.row_key`)."""
    match field:
        case Text(data):
            text = data
        case Binary(data):
            text = binary_key_text(kind, data)
        case _:
            raise Unfit(f"expected a value for every key column, got {type(field).__name__}")
    # Bytes, not text: a key that is not UTF-8 still tells rows apart.
    return (quote(text, safe="") or EMPTY_PART).encode("ascii")


def binary_key_text(kind: Kind, data: bytes) -> bytes:
    """A value in binary as PostgreSQL's text; raises `Unfit`."""
    if kind.printer is not None:
        return kind.printer(data)
    if kind.from_binary is None:
        raise Unfit(f"expected a key column of kind {kind.name} as text, got binary")
    try:
        return _shown(kind.from_binary(data), kind.name).encode()
    except Uncarriable:
        return data[1:] if kind.name == "jsonb" else data  # text that is not UTF-8: its own bytes


def _shown(value: Carried, kind: str) -> str:
    return value.text if isinstance(value, AsText) else pg_text(value, kind)
