"""The few pieces of Avro's binary encoding that events are put together from."""

from __future__ import annotations

from schemas.errors import ProtocolError

NULL_BRANCH = b"\x00"
FIRST_BRANCH = b"\x02"
SECOND_BRANCH = b"\x04"
_LONG_LIMIT = 1 << 63


def long_bytes(value: int) -> bytes:
    """A `long` (or an `int`, which is written alike); raises `ProtocolError` beyond 64 bits."""
    if not -_LONG_LIMIT <= value < _LONG_LIMIT:
        raise ProtocolError("expected a number of 64 bits with a sign, got a greater one")
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def string_bytes(text: str) -> bytes:
    """A `string`."""
    data = text.encode()
    return long_bytes(len(data)) + data


def array_bytes(items: list[bytes]) -> bytes:
    """An array of items that are already encoded, in one block."""
    return long_bytes(len(items)) + b"".join(items) + b"\x00" if items else b"\x00"
