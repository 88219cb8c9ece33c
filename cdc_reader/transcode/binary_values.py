"""
Values from the binary format of PostgreSQL's send functions.

Where a value is carried as text, it is the text that PostgreSQL itself would print.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from cdc_reader.transcode import calendar
from cdc_reader.transcode.carried import Carried, Unfit, as_text
from cdc_reader.transcode.text_values import utf8

_JSONB_VERSION = b"\x01"
_NUMERIC_HEADER = struct.Struct(">HhHH")
_NUMERIC_WORDS = {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}
_NUMERIC_SIGNS = {0x0000: "", 0x4000: "-"}
_MOST_SCALE = 0x3FFF
_BASE = 10_000
_BASE_DIGITS = 4
_DATE_INFINITIES = {2**31 - 1: "infinity", -(2**31): "-infinity"}
_TIMESTAMP_INFINITIES = {2**63 - 1: "infinity", -(2**63): "-infinity"}


def _sized(data: bytes, size: int, kind: str) -> bytes:
    if len(data) != size:
        raise Unfit(f"expected a {kind} of {size} bytes, got {len(data)}")
    return data


def boolean(data: bytes) -> bool:
    """One byte, 0 or 1."""
    if data not in (b"\0", b"\1"):
        raise Unfit("expected a bool of one byte, 0 or 1, got other bytes")
    return data == b"\1"


def integer(size: int, *, signed: bool = True) -> Callable[[bytes], int]:
    """A reader of whole numbers of `size` bytes."""
    kind = f"int{size}" if signed else "oid"

    def read(data: bytes) -> int:
        return int.from_bytes(_sized(data, size, kind), "big", signed=signed)

    return read


def float4(data: bytes) -> float:
    """A single-precision float; there is one NaN."""
    return _float(">f", _sized(data, 4, "float4"))


def float8(data: bytes) -> float:
    """A double; there is one NaN."""
    return _float(">d", _sized(data, 8, "float8"))


def _float(layout: str, data: bytes) -> float:
    value = float(struct.unpack(layout, data)[0])
    return math.nan if math.isnan(value) else value


def text(data: bytes) -> str:
    """Text is sent as it is."""
    return utf8(data)


def jsonb(data: bytes) -> str:
    """A version byte, then the text."""
    if data[:1] != _JSONB_VERSION:
        raise Unfit("expected jsonb of version 1, got another version")
    return utf8(data[1:])


def uuid(data: bytes) -> str:
    """Sixteen bytes."""
    digits = _sized(data, 16, "uuid").hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def bytea(data: bytes) -> bytes:
    """The bytes themselves."""
    return data


def numeric(data: bytes) -> str:
    """Digits of base 10,000 with weight, sign and scale (numeric_send), as numeric_out prints them."""
    if len(data) < _NUMERIC_HEADER.size:
        raise Unfit(f"expected a numeric of 8 bytes at least, got {len(data)}")
    count, weight, sign, scale = _NUMERIC_HEADER.unpack_from(data)
    _sized(data, _NUMERIC_HEADER.size + 2 * count, "numeric")
    if sign in _NUMERIC_WORDS:
        return _NUMERIC_WORDS[sign]
    groups = struct.unpack_from(f">{count}H", data, _NUMERIC_HEADER.size)
    if sign not in _NUMERIC_SIGNS or scale > _MOST_SCALE or any(group >= _BASE for group in groups):
        raise Unfit("expected a numeric of base 10000, got another sign, scale or digit")
    return _NUMERIC_SIGNS[sign] + _numeric_text(groups, weight=weight, scale=scale)


def _numeric_text(groups: tuple[int, ...], *, weight: int, scale: int) -> str:
    def group(at: int) -> str:
        return f"{groups[at] if 0 <= at < len(groups) else 0:04}"

    whole = "".join(group(at) for at in range(weight + 1))
    # The first group is printed without leading zeros, but for the last digit.
    first = whole[: _BASE_DIGITS - 1].lstrip("0") + whole[_BASE_DIGITS - 1 :] if whole else "0"
    if not scale:
        return first
    last = weight + 1 + -(-scale // _BASE_DIGITS)
    fraction = "".join(group(at) for at in range(weight + 1, last))
    return f"{first}.{fraction[:scale]}"


def date(data: bytes) -> Carried:
    """Days since 2000-01-01."""
    value = int.from_bytes(_sized(data, 4, "date"), "big", signed=True)
    if (word := _DATE_INFINITIES.get(value)) is not None:
        return as_text(word)
    day = value + calendar.POSTGRES_EPOCH_DAY
    if calendar.FIRST_DAY <= day <= calendar.LAST_DAY:
        return day
    return as_text("".join(calendar.date_text(day)))


def time(data: bytes) -> Carried:
    """Microseconds since midnight."""
    value = int.from_bytes(_sized(data, 8, "time"), "big", signed=True)
    if not 0 <= value <= calendar.DAY_US:
        raise Unfit("expected a time of day, got a time that does not exist")
    return as_text("24:00:00") if value == calendar.DAY_US else value


def timestamp(data: bytes) -> Carried:
    """Microseconds since 2000-01-01 00:00."""
    return _moment(data, zone="")


def timestamptz(data: bytes) -> Carried:
    """Microseconds since 2000-01-01 00:00 UTC."""
    return _moment(data, zone="+00")


def _moment(data: bytes, *, zone: str) -> Carried:
    value = int.from_bytes(_sized(data, 8, "timestamp"), "big", signed=True)
    if (word := _TIMESTAMP_INFINITIES.get(value)) is not None:
        return as_text(word)
    micros = value + calendar.POSTGRES_EPOCH_US
    day, rest = divmod(micros, calendar.DAY_US)
    if calendar.FIRST_DAY <= day <= calendar.LAST_DAY:
        return micros
    shown, suffix = calendar.date_text(day)
    return as_text(f"{shown} {calendar.time_text(rest)}{zone}{suffix}")
