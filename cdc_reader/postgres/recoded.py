"""
Rows of COPY BINARY, and messages of pgoutput in text, with their texts recoded (pure).

They came with the texts as they are stored. What is no such row or message is left as it is, for those who read it
next and say so.

Keeps: P8.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

Recode = Callable[[bytes], bytes]
_COUNT = struct.Struct(">h")
_SIZE = struct.Struct(">i")
_INSERT, _UPDATE, _DELETE, _RELATION = b"IUDR"
_SIZED = b"tb"
_TEXT = 0x74
_TUPLES_AT = 5  # behind the tag and the OID


def recoded_copy_row(row: bytes, texts: frozenset[int], recode: Recode) -> bytes:
    """A copied row; `texts` are the indexes of the fields whose bytes are text."""
    try:
        (count,) = _COUNT.unpack_from(row)
        parts: list[bytes] = []
        kept, at = 0, _COUNT.size
        for index in range(count):
            (size,) = _SIZE.unpack_from(row, at)
            begin = at + _SIZE.size
            at = begin + max(size, 0)
            if index in texts and not (value := row[begin:at]).isascii():
                parts += (row[kept : begin - _SIZE.size], _sized(recode(value)))
                kept = at
    except struct.error:
        return row
    parts.append(row[kept:])
    return b"".join(parts) if at == len(row) else row


def recoded_message(data: bytes, recode: Recode) -> bytes:
    """A message of a stream in text: the values of its rows, and the names of a relation."""
    tag = data[0] if data else 0
    try:
        if tag in (_INSERT, _UPDATE, _DELETE):
            return data if data[_TUPLES_AT + 3 :].isascii() else _recoded_change(data, recode)
        return _recoded_relation(data, recode) if tag == _RELATION else data
    except (struct.error, IndexError, ValueError):
        return data


def _recoded_change(data: bytes, recode: Recode) -> bytes:
    """What is between the values that change is copied in one piece: this is done for every row."""
    parts: list[bytes] = []
    kept, at, length = 0, _TUPLES_AT, len(data)
    size_at = _SIZE.unpack_from
    while at < length:
        (count,) = _COUNT.unpack_from(data, at + 1)
        at += 1 + _COUNT.size
        for _ in range(count):
            kind = data[at]
            if kind not in _SIZED:
                at += 1
                continue
            begin = at + 1 + _SIZE.size
            at = begin + size_at(data, at + 1)[0]
            if at < begin:
                return data
            if kind == _TEXT and not (value := data[begin:at]).isascii():
                parts += (data[kept : begin - _SIZE.size], _sized(recode(value)))
                kept = at
    parts.append(data[kept:])
    return b"".join(parts) if at == length else data


def _recoded_relation(data: bytes, recode: Recode) -> bytes:
    """OID, schema, name, identity, count; and for each column flags, name, OID and modifier of its type."""
    name_at = data.index(0, _TUPLES_AT) + 1
    at = data.index(0, name_at)
    parts = [data[:_TUPLES_AT], recode(data[_TUPLES_AT : name_at - 1]), b"\0", recode(data[name_at:at])]
    (count,) = _COUNT.unpack_from(data, at + 2)
    parts.append(data[at : at + 4])
    at += 4
    for _ in range(count):
        end = data.index(0, at + 1)
        parts += (data[at : at + 1], recode(data[at + 1 : end]), data[end : end + 9])
        at = end + 9
    return b"".join(parts) if at == len(data) else data


def _sized(value: bytes) -> bytes:
    return _SIZE.pack(len(value)) + value
