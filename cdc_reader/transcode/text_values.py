"""
Values from PostgreSQL's text format.

Written for a connection with client_encoding=UTF8, TimeZone=UTC, DateStyle=ISO, bytea_output=hex and
extra_float_digits=1. What does not look like that is a `Unfit`, never a guess.
"""

from __future__ import annotations

import binascii
import math
import re
import struct
from collections.abc import Callable

from cdc_reader.transcode import calendar
from cdc_reader.transcode.carried import NOT_UTF8, Carried, Uncarriable, Unfit, as_text

_INTEGER = re.compile(rb"-?[0-9]{1,19}")
_FLOAT = re.compile(rb"-?[0-9]{1,40}(\.[0-9]{1,40})?(e[+-][0-9]{1,4})?")
_NUMERIC = re.compile(rb"-?[0-9]+(\.[0-9]+)?|NaN|-?Infinity")
_UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DATE = rb"([0-9]{4,7})-([0-9]{2})-([0-9]{2})"
_TIME = rb"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?"
_DATE_ONLY = re.compile(_DATE + rb"( BC)?")
_TIME_ONLY = re.compile(_TIME)
_TIMESTAMP = re.compile(_DATE + rb" " + _TIME + rb"(\+00)?( BC)?")
_INFINITIES = (b"infinity", b"-infinity")
_FLOAT_WORDS = {b"NaN": math.nan, b"Infinity": math.inf, b"-Infinity": -math.inf}


def utf8(data: bytes) -> str:
    """Text; raises `Uncarriable` when it is not UTF-8 (a server with SQL_ASCII checks nothing)."""
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise Uncarriable(NOT_UTF8) from exc


def boolean(data: bytes) -> bool:
    """`t` or `f`."""
    if data not in (b"t", b"f"):
        raise Unfit("expected a bool as t or f, got other text")
    return data == b"t"


def integer(low: int, high: int) -> Callable[[bytes], int]:
    """A reader of whole numbers from `low` to `high`."""

    def read(data: bytes) -> int:
        if _INTEGER.fullmatch(data) is None or not low <= int(data) <= high:
            raise Unfit(f"expected a whole number between {low} and {high}, got other text")
        return int(data)

    return read


def float8(data: bytes) -> float:
    """A double; NaN and the infinities as words."""
    if (word := _FLOAT_WORDS.get(data)) is not None:
        return word
    value = float(data) if _FLOAT.fullmatch(data) else math.inf
    if math.isinf(value):
        raise Unfit("expected a float as PostgreSQL prints it, got other text")
    return value


def float4(data: bytes) -> float:
    """A single-precision float, as the double that equals it."""
    value = float8(data)
    try:
        (single,) = struct.unpack("<f", struct.pack("<f", value))
    except OverflowError as exc:
        raise Unfit("expected a float of single precision, got a greater number") from exc
    return float(single)


def numeric(data: bytes) -> str:
    """A numeric, kept as its text: no digit is lost."""
    if _NUMERIC.fullmatch(data) is None:
        raise Unfit("expected a numeric as PostgreSQL prints it, got other text")
    return data.decode("ascii")


def uuid(data: bytes) -> str:
    """A uuid in lower case, with hyphens."""
    if _UUID.fullmatch(data) is None:
        raise Unfit("expected a uuid of 36 characters, got other text")
    return data.decode("ascii")


def bytea(data: bytes) -> bytes:
    """Bytes in hex, after a backslash and an x."""
    try:
        if data[:2] == b"\\x":
            return binascii.unhexlify(data[2:])
    except ValueError:
        pass
    raise Unfit("expected bytes in hex (bytea_output=hex), got other text")


def date(data: bytes) -> Carried:
    """Days since 1970-01-01, or the text where Python's date ends."""
    if data in _INFINITIES:
        return as_text(data.decode("ascii"))
    match = _DATE_ONLY.fullmatch(data)
    if match is None:
        raise Unfit("expected a date as PostgreSQL prints it (DateStyle=ISO), got other text")
    day = _day(match, before_christ=match[4] is not None)
    return day if calendar.FIRST_DAY <= day <= calendar.LAST_DAY else as_text(data.decode("ascii"))


def time(data: bytes) -> Carried:
    """Microseconds since midnight; 24:00:00, which PostgreSQL has, as text."""
    match = _TIME_ONLY.fullmatch(data)
    if match is None:
        raise Unfit("expected a time as PostgreSQL prints it, got other text")
    micros = _micros(match, first=1)
    if micros == calendar.DAY_US:
        return as_text(data.decode("ascii"))
    return micros


def timestamp(data: bytes) -> Carried:
    """Microseconds since 1970-01-01 00:00, or the text where Python's datetime ends."""
    return _moment(data, zone=None)


def timestamptz(data: bytes) -> Carried:
    """The same, with the zone that TimeZone=UTC makes PostgreSQL print."""
    return _moment(data, zone=b"+00")


def _moment(data: bytes, *, zone: bytes | None) -> Carried:
    if data in _INFINITIES:
        return as_text(data.decode("ascii"))
    match = _TIMESTAMP.fullmatch(data)
    if match is None or match[8] != zone:
        raise Unfit("expected a timestamp as PostgreSQL prints it (DateStyle=ISO, TimeZone=UTC), got other text")
    day, micros = _day(match, before_christ=match[9] is not None), _micros(match, first=4)
    if micros >= calendar.DAY_US:
        raise Unfit("expected a time of day before 24:00:00, got a later one")
    if calendar.FIRST_DAY <= day <= calendar.LAST_DAY:
        return day * calendar.DAY_US + micros
    return as_text(data.decode("ascii"))


def _day(match: re.Match[bytes], *, before_christ: bool) -> int:
    year = int(match[1])
    try:
        if year == 0:
            raise ValueError(year)
        return calendar.day_number(1 - year if before_christ else year, int(match[2]), int(match[3]))
    except ValueError as exc:
        raise Unfit("expected a day of the calendar, got a day that does not exist") from exc


def _micros(match: re.Match[bytes], *, first: int) -> int:
    hour, minute, second = (int(match[first + at]) for at in range(3))
    fraction = int((match[first + 3] or b"0").ljust(6, b"0"))
    micros = ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction
    if minute > 59 or second > 59 or micros > calendar.DAY_US:
        raise Unfit("expected a time of day, got a time that does not exist")
    return micros
