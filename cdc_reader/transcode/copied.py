"""The rows of COPY BINARY: a count, then size and bytes of every field."""

from __future__ import annotations

import struct

from schemas.errors import ProtocolError

_COUNT = struct.Struct(">h")
_SIZE = struct.Struct(">i")


def split_copy_row(data: bytes, count: int) -> list[bytes | None]:
    """The fields of one row of COPY BINARY; None for NULL. Raises `ProtocolError`."""
    if len(data) < _COUNT.size or _COUNT.unpack_from(data)[0] != count:
        raise ProtocolError(f"expected a copied row of {count} columns, got {data[:2].hex()!r} as their count")
    fields: list[bytes | None] = []
    at = _COUNT.size
    for _ in range(count):
        if len(data) < at + _SIZE.size:
            raise ProtocolError(f"the size of a copied value needs 4 bytes at offset {at}, got {len(data) - at}")
        (size,) = _SIZE.unpack_from(data, at)
        at += _SIZE.size
        if size < -1 or len(data) < at + size:
            raise ProtocolError(f"a copied value needs {size} bytes at offset {at}, got {len(data) - at}")
        fields.append(None if size < 0 else data[at : at + size])
        at += max(size, 0)
    if at != len(data):
        raise ProtocolError(f"expected the end of a copied row at offset {at}, got {len(data) - at} more bytes")
    return fields
