"""Types of extensions whose binary form is known: hstore, and pgvector's vector, halfvec and sparsevec."""

from __future__ import annotations

import struct

from cdc_reader.transcode.printers.sent import Sent
from schemas.values import float4_text

_ENTRY_BYTES = 8  # the least that a pair of hstore takes


def hstore(data: bytes) -> bytes:
    """Keys with values, in their order."""
    sent = Sent(data, "hstore")
    pairs = [_pair(sent) for _ in range(sent.count(_ENTRY_BYTES))]
    sent.end()
    return b", ".join(pairs)


def _pair(sent: Sent) -> bytes:
    key, value = sent.value(), sent.value()
    if key is None:
        raise sent.unfit("a key", "NULL")
    return _quoted(key) + b"=>" + (b"NULL" if value is None else _quoted(value))


def _quoted(text: bytes) -> bytes:
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def vector(data: bytes) -> bytes:
    """Numbers of single precision."""
    sent = Sent(data, "vector")
    count, _ = sent.number(2), sent.number(2)
    return _numbers(sent, sent.singles(max(count, 0)))


def halfvec(data: bytes) -> bytes:
    """Numbers of half precision, printed as the single-precision ones that equal them."""
    sent = Sent(data, "halfvec")
    count, _ = sent.number(2), sent.number(2)
    halves: tuple[float, ...] = struct.unpack(f">{max(count, 0)}e", sent.take(2 * max(count, 0)))
    return _numbers(sent, halves)


def _numbers(sent: Sent, numbers: tuple[float, ...]) -> bytes:
    sent.end()
    return f"[{','.join(map(float4_text, numbers))}]".encode()


def sparsevec(data: bytes) -> bytes:
    """The numbers that are not zero with their places, counted from 1, and how many there are."""
    sent = Sent(data, "sparsevec")
    size, count, _ = sent.number(4), sent.number(4), sent.number(4)
    if not 0 <= count <= sent.left // 8:
        raise sent.unfit("as many numbers as there are", "another count")
    places = [sent.number(4) + 1 for _ in range(count)]
    numbers = sent.singles(count)
    sent.end()
    pairs = ",".join(f"{place}:{float4_text(number)}" for place, number in zip(places, numbers, strict=True))
    return f"{{{pairs}}}/{size}".encode()
