"""
What stays of a row after its delete: a tombstone that says which version deleted it (rule V2).

Keeps: P14.
"""

from __future__ import annotations

from schemas.errors import RecordError

HEADER_VERSION = "rowferry.version"
HEADER_OP = "rowferry.op"
_FRAME_BYTES = 10  # C3 01 and the fingerprint
_OP_BYTES = 2  # a string of one character
_MOST_DIGITS = 19
_MOST = 2**63 - 1


def deleting_version(header: bytes | None) -> int:
    """The version in the header of a tombstone; raises `RecordError` for what is no number of 63 bits, or not there."""
    if header is None or not header.isdigit() or len(header) > _MOST_DIGITS or int(header) > _MOST:
        raise RecordError(f"expected a decimal version of 63 bits in header {HEADER_VERSION}, got another or none")
    return int(header)


def peek_version(value: bytes) -> int:
    """The version of a framed event, read without its schema: it follows the one-letter `op`.

    Raises `RecordError` when the bytes are no such event.
    """
    at = _FRAME_BYTES + _OP_BYTES
    raw = shift = 0
    while True:
        if at >= len(value) or shift > 63:
            raise RecordError("expected an event with a version, got other bytes")
        byte = value[at]
        raw |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80 and raw < 2**64:
            return (raw >> 1) ^ -(raw & 1)
