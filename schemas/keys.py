"""
The key of a row: one text for the Kafka key, the document id and the file id.

Each primary-key column's value as PostgreSQL prints it, percent-encoded, joined by commas. All integer widths
print alike, so widening a key column moves no row to another partition (rule D6).
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, unquote

from schemas.errors import RecordError

EMPTY_PART = "%00"  # no PostgreSQL text holds NUL
_ESCAPE = "surrogateescape"  # a key that is not UTF-8 tells rows apart like any other
FLOOR_KEY = b"\x00floor"  # reserved: no row key begins with NUL


def row_key(parts: Sequence[str]) -> bytes:
    """The key of a row from its primary-key values as PostgreSQL text, in key order; ASCII, never empty.

    Bytes that are not UTF-8 are in a text as `surrogateescape` has them.
    """
    return ",".join(quote(part, safe="", errors=_ESCAPE) or EMPTY_PART for part in parts).encode("ascii")


def parse_row_key(key: bytes) -> tuple[str, ...]:
    """The primary-key values that `row_key` was given; raises `RecordError` for anything else."""
    try:
        text = key.decode("ascii")
        return tuple("" if part == EMPTY_PART else unquote(part, errors=_ESCAPE) for part in text.split(","))
    except UnicodeDecodeError as exc:
        raise RecordError("expected a row key of percent-encoded ASCII, got other bytes") from exc


def document_id(document_table: str, key: bytes) -> str:
    """The `doc_id` of a row: `<table>/<key>`."""
    return f"{document_table}/{key.decode('ascii')}"


def partition_of(key: bytes, count: int) -> int:
    """The partition of a key among `count`, as Java clients and librdkafka's `murmur2_random` choose it."""
    return (_murmur2(key) & 0x7FFF_FFFF) % count


def _murmur2(data: bytes) -> int:
    """32-bit murmur2 with Kafka's seed (org.apache.kafka.common.utils.Utils#murmur2)."""
    mask, m = 0xFFFF_FFFF, 0x5BD1_E995
    length = len(data)
    h = (0x9747_B28C ^ length) & mask
    whole = length & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    if length & 3:
        h = ((h ^ int.from_bytes(data[whole:], "little")) * m) & mask
    h = ((h ^ (h >> 13)) * m) & mask
    return h ^ (h >> 15)
