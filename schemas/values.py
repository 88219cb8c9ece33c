"""
Column values as PostgreSQL prints them.

With TimeZone=UTC, DateStyle=ISO, bytea_output=hex and extra_float_digits=1. Takes values as `schemas.wire` hands
them out (dates and times are numbers) and as stock Avro decoders do (datetime and UUID objects).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US


def pg_text(value: object, kind: str) -> str:
    """A value that is not NULL as PostgreSQL prints it; `kind` is a key of `schemas.avro_types.AVRO_TYPES`."""
    if type(value) is str:  # text, or a value that only text can hold
        return value
    render = RENDERERS.get(kind)
    return str(value) if render is None else render(value)


def _bool(value: object) -> str:
    return "t" if value else "f"


def _bytea(value: bytes) -> str:
    return "\\x" + value.hex()


def _date(value: int | date) -> str:
    return _day_text(value) if isinstance(value, int) else value.isoformat()


def _time(value: int | time) -> str:
    if isinstance(value, time):
        return _trimmed(value.isoformat())
    seconds, micros = divmod(value, _SECOND_US)
    minutes, second = divmod(seconds, 60)
    whole = f"{_minute_text(minutes)}:{second:02}"
    return f"{whole}.{micros:06}".rstrip("0") if micros else whole


def _timestamp(value: int | datetime) -> str:
    if isinstance(value, datetime):
        return _trimmed(value.isoformat(" "))
    day, micros = divmod(value, _DAY_US)
    return f"{_day_text(day)} {_time(micros)}"


# Rows that are read together tend to be of the same days: half of the time to print a timestamp is its date.
@lru_cache(maxsize=4096)
def _day_text(day: int) -> str:
    return date.fromordinal(day + _EPOCH_ORDINAL).isoformat()


@lru_cache(maxsize=1440)
def _minute_text(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _timestamptz(value: int | datetime) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return _timestamp(value) + "+00"


def _trimmed(text: str) -> str:
    """Without the zeros at the end of a fraction of a second."""
    return text.rstrip("0") if "." in text else text


def float8_text(value: float) -> str:
    """The shortest text that reads back as this double, in PostgreSQL's notation."""
    if not math.isfinite(value):
        return _special(value)
    digits = repr(value)
    size = abs(value)
    if size < _FLOAT8_PLAIN:
        return digits.removesuffix(".0")
    if size >= _FLOAT8_WHOLE:
        digits = _inside(value, digits, math.ulp(size), most_digits=17)
    return _notation(digits, exponent_from=15)


def float4_text(value: float) -> str:
    """The same for a single-precision value (given as the double that equals it)."""
    if not math.isfinite(value):
        return _special(value)
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    return _notation(_shortest_float4(value), exponent_from=6)


_FLOAT8_PLAIN = 1e15  # below, Python's repr differs in whole numbers alone
_FLOAT8_WHOLE = 2.0**52  # from here on there are only whole numbers, and decimals that lie between two of them
_FLOAT4_DIGITS = 9


def _special(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _inside(value: float, digits: str, ulp: float, *, most_digits: int) -> str:
    """`digits`, or longer ones where `digits` lie exactly between two doubles.

    PostgreSQL never prints such a midpoint, which needs the reader to round half to even (src/common/d2s.c).
    From 2^52 on, doubles and their midpoints are whole numbers, so integers decide exactly.
    """
    exact, half = int(abs(value)) * 4, int(ulp * 2)
    below = half // 2 if math.frexp(value)[0] in (0.5, -0.5) else half
    sign = "-" if value < 0 else ""
    text = digits.removeprefix("-").removesuffix(".0")
    for size in range(len(_split(text)[0]), most_digits + 1):
        if exact - below < int(_whole(text)) * 4 < exact + half:
            return sign + text
        text = f"{abs(value):.{size}e}"
    return sign + text


def _whole(text: str) -> str:
    """A whole number without an exponent."""
    digits, exponent = _split(text)
    return digits.ljust(exponent + 1, "0")


def _shortest_float4(value: float) -> str:
    mantissa, exponent = math.frexp(abs(value))
    half = math.ldexp(1.0, max(exponent - 24, -149) - 1)
    below = half / 2 if mantissa == 0.5 and exponent > -125 else half
    low, high = abs(value) - below, abs(value) + half
    sign = "-" if value < 0 else ""
    for size in range(_FLOAT4_DIGITS):
        text = f"{abs(value):.{size}e}"
        if low < float(text) < high:
            return sign + text
        if below != half and low < float(text := _next_up(text)) < high:
            return sign + text
    return f"{value:.{_FLOAT4_DIGITS - 1}e}"


def _next_up(text: str) -> str:
    """The next decimal with as many digits."""
    digits, exponent = text.split("e")
    more = str(int(digits.replace(".", "")) + 1)
    return f"{more[0]}.{more[1:] or '0'}e{int(exponent) + len(more) - len(digits.replace('.', ''))}"


def _split(text: str) -> tuple[str, int]:
    """Significant digits of an unsigned decimal, and the exponent of the first of them."""
    number, _, exponent = text.partition("e")
    whole, _, fraction = number.partition(".")
    return (whole + fraction).rstrip("0") or "0", int(exponent or 0) + len(whole) - 1


def _notation(text: str, *, exponent_from: int) -> str:
    """A number as PostgreSQL writes it: with an exponent below 1e-4 and from 10^`exponent_from` on."""
    sign = "-" if text.startswith("-") else ""
    digits, exponent = _split(text.removeprefix("-"))
    if exponent < -4 or exponent >= exponent_from:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{fraction}e{exponent:+03}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole, fraction = digits[: exponent + 1].ljust(exponent + 1, "0"), digits[exponent + 1 :]
    return f"{sign}{whole}.{fraction}" if fraction else sign + whole


# Kinds that are always text in Avro, and uuid, need no entry.
RENDERERS: Mapping[str, Callable[[Any], str]] = {
    "bool": _bool,
    "int2": str,
    "int4": str,
    "int8": str,
    "oid": str,
    "float4": float4_text,
    "float8": float8_text,
    "bytea": _bytea,
    "date": _date,
    "time": _time,
    "timestamp": _timestamp,
    "timestamptz": _timestamptz,
}
