"""
Lines of wal2json, format version 2, as JSON: numbers as they are written, bytes that are no UTF-8 as they are.

What is no such line is a `ProtocolError`, in words that repeat nothing of it: it holds rows.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from json import JSONDecodeError, JSONDecoder
from typing import Any, NoReturn

from cdc_reader.postgres.lsn import Lsn
from schemas.errors import ProtocolError

_STRING = rb'"(?:[^"\\]|\\.)*"'
# What stands before the columns: enough to know what a change is of, and to pass over it where it is not captured.
HEAD = re.compile(
    rb'\{"action":"([IUDT])","xid":\d+,"timestamp":"[^"]*","lsn":"[^"]*","schema":('
    + _STRING
    + rb'),"table":('
    + _STRING
    + rb")[,}]"
)
_ACTION = re.compile(rb'\{"action":"([BCM])",')
_TIME = re.compile(r"(\d{4,6}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_XID_END = 1 << 32


def _no_number(_: str) -> NoReturn:
    raise ValueError("not a number")


_DECODER = JSONDecoder(parse_float=str, parse_int=str, parse_constant=_no_number)


def action_of(line: bytes) -> str:
    """`B`, `C` or `M`, of a line that is no change."""
    if (match := _ACTION.match(line)) is None:
        raise ProtocolError("expected a line of wal2json, format version 2, got another")
    return match[1].decode()


def parsed(line: bytes) -> dict[str, Any]:
    """The object of a line, whole; numbers are texts."""
    try:
        found = _DECODER.decode(line.decode(errors="surrogateescape"))
    except (JSONDecodeError, ValueError, RecursionError):
        raise ProtocolError(f"expected a line of JSON from wal2json, got {len(line)} bytes of something else") from None
    if not isinstance(found, dict):
        raise ProtocolError("expected an object in a line of wal2json, got something else")
    return found


def literal(text: bytes) -> str:
    """A JSON string by itself: a name; U+FFFD stands for bytes that are no UTF-8, as in the catalog."""
    try:
        found = _DECODER.decode(text.decode(errors="surrogateescape"))
    except (JSONDecodeError, ValueError):
        raise ProtocolError("expected a name in a line of wal2json, got something else") from None
    return shown(str(found))


def shown(name: str) -> str:
    """A name as the catalog shows it."""
    return name if name.isascii() else name.encode(errors="surrogateescape").decode(errors="replace")


def text_of(line: dict[str, Any], field: str) -> str:
    """A field that is a text."""
    value = line.get(field)
    if not isinstance(value, str):
        raise ProtocolError(f"expected a text for {field!r} in a line of wal2json, got {type(value).__name__}")
    return value


def lsn_of(line: dict[str, Any], field: str) -> int:
    """A field that is a position."""
    return Lsn.parse(text_of(line, field)).value


def xid_of(line: dict[str, Any]) -> int:
    """The transaction."""
    text = text_of(line, "xid")
    if not text.isdecimal() or (xid := int(text)) >= _XID_END:
        raise ProtocolError("expected a transaction of 32 bits in a line of wal2json, got another number")
    return xid


def time_us_of(line: dict[str, Any]) -> int:
    """The commit time, in microseconds since the Unix epoch."""
    text = text_of(line, "timestamp")
    if (match := _TIME.fullmatch(text)) is None:
        raise ProtocolError(f"expected a time like '2026-12-01 13:35:12.705527+00', got {text!r}")
    date, clock, fraction, sign, hours, minutes, seconds = match.groups(default="0")
    try:
        at = datetime.fromisoformat(f"{date} {clock}").replace(tzinfo=UTC)
    except ValueError:
        raise ProtocolError(f"expected a time of the calendar, got {text!r}") from None
    offset = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    since = at - _EPOCH - (offset if sign == "+" else -offset)
    return since // _MICROSECOND + int(fraction.ljust(6, "0"))
