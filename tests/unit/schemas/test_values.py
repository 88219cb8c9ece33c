"""Values as PostgreSQL prints them."""

from __future__ import annotations

import datetime as dt
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro_types import AVRO_TYPES
from schemas.values import RENDERERS, float4_text, float8_text, pg_text

VALUES: dict[str, tuple[object, str, str]] = {
    "true": (True, "bool", "t"),
    "false": (False, "bool", "f"),
    "int": (-5, "int4", "-5"),
    "bytes": (b"\x00\xab", "bytea", "\\x00ab"),
    "no bytes": (b"", "bytea", "\\x"),
    "text": ("a'b", "text", "a'b"),
    "numeric": ("1.50", "numeric", "1.50"),
    "days": (-719162, "date", "0001-01-01"),
    "date": (dt.date(44, 3, 15), "date", "0044-03-15"),
    "infinite date": ("infinity", "date", "infinity"),
    "time in micros": (1, "time", "00:00:00.000001"),
    "last time in micros": (86_399_999_999, "time", "23:59:59.999999"),
    "time": (dt.time(1, 2, 3, 450000), "time", "01:02:03.45"),
    "whole time": (dt.time(10, 20, 30), "time", "10:20:30"),
    "timestamp in micros": (1_704_067_200_000_000, "timestamp", "2024-01-01 00:00:00"),
    "timestamp before the epoch": (-1, "timestamp", "1969-12-31 23:59:59.999999"),
    "timestamp": (dt.datetime(2024, 1, 2, 3, 4, 5, 100), "timestamp", "2024-01-02 03:04:05.0001"),
    "timestamptz in micros": (1_704_164_645_123_456, "timestamptz", "2024-01-02 03:04:05.123456+00"),
    "timestamptz": (
        dt.datetime(2024, 1, 2, 3, 4, 5, 123456, tzinfo=dt.UTC),
        "timestamptz",
        "2024-01-02 03:04:05.123456+00",
    ),
    "timestamptz elsewhere": (
        dt.datetime(2024, 1, 2, 3, 0, tzinfo=dt.timezone(dt.timedelta(hours=2))),
        "timestamptz",
        "2024-01-02 01:00:00+00",
    ),
}


@pytest.mark.parametrize(("value", "kind", "text"), VALUES.values(), ids=VALUES)
def test_value_is_shown_as_postgres_prints_it(value: object, kind: str, text: str) -> None:
    assert pg_text(value, kind) == text


# Expected values from `SELECT x::float8::text` on PostgreSQL 18.
FLOAT8 = {
    0.0: "0",
    1.0: "1",
    -1.5: "-1.5",
    0.1: "0.1",
    1 / 3: "0.3333333333333333",
    1e-4: "0.0001",
    1.5e-05: "1.5e-05",
    1e-100: "1e-100",
    100000.0: "100000",
    123456789012345.0: "123456789012345",
    999999999999999.0: "999999999999999",
    1e15: "1e+15",
    1234567890123456.0: "1.234567890123456e+15",
    4503599627370496.5: "4.503599627370496e+15",
    9007199254740993.0: "9.007199254740992e+15",
    1e16: "1e+16",
    1e22: "1e+22",
    1e23: "9.999999999999999e+22",  # 1e23 lies exactly between two doubles
    1250201187231379.25: "1.2502011872313792e+15",
    9e22: "9e+22",
    9.5367431640625e-07: "9.5367431640625e-07",
    1.7976931348623157e308: "1.7976931348623157e+308",
    2.2250738585072014e-308: "2.2250738585072014e-308",
    5e-324: "5e-324",
    math.inf: "Infinity",
    -math.inf: "-Infinity",
}


@pytest.mark.parametrize(("value", "text"), FLOAT8.items(), ids=FLOAT8.values())
def test_double_is_shown_as_postgres_prints_it(value: float, text: str) -> None:
    assert float8_text(value) == text


def test_zero_keeps_its_sign_and_nan_has_a_name() -> None:
    assert (float8_text(-0.0), float4_text(-0.0)) == ("-0", "-0")
    assert (float8_text(math.nan), float4_text(math.nan)) == ("NaN", "NaN")
    assert (float4_text(math.inf), float4_text(-math.inf)) == ("Infinity", "-Infinity")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_shown_double_reads_back_as_itself(value: float) -> None:
    text = float8_text(value)
    assert float(text) == value
    assert len(text.lstrip("-").replace(".", "").partition("e")[0].strip("0")) <= 17


def single(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_shown_single_reads_back_as_itself(value: float) -> None:
    text = float4_text(value)
    assert single(float(text)) == value
    assert len(text.lstrip("-").replace(".", "").partition("e")[0].strip("0")) <= 9


@given(st.datetimes())
def test_timestamp_is_the_same_from_number_and_object(value: dt.datetime) -> None:
    micros = (value - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)
    assert pg_text(micros, "timestamp") == pg_text(value, "timestamp")
    assert pg_text(micros, "timestamptz") == pg_text(value.replace(tzinfo=dt.UTC), "timestamptz")


@given(st.times())
def test_time_is_the_same_from_number_and_object(value: dt.time) -> None:
    micros = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
    assert pg_text(micros, "time") == pg_text(value, "time")


def test_every_kind_that_is_not_text_has_a_renderer() -> None:
    def is_text(branch: Any) -> bool:
        return branch == "string" or (isinstance(branch, dict) and branch["type"] == "string")

    kinds = {kind for kind, branches in AVRO_TYPES.items() if not all(map(is_text, branches))}
    assert set(RENDERERS) == kinds
