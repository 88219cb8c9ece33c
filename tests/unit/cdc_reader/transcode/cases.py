"""Values of every kind: as PostgreSQL prints them, as it sends them, and as stock Avro decoders read them back."""

from __future__ import annotations

import datetime as dt
import math
import os
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any
from uuid import UUID

from cdc_reader.transcode.kinds import KINDS, Code, Kind

# Where the package was built without a C compiler on purpose, the tests run on the reference alone.
WITHOUT_COMPILED = "ROWFERRY_TEST_WITHOUT_COMPILED" in os.environ
BUILT = find_spec("cdc_reader.transcode.compiled") is not None
IMPLEMENTATIONS = ("reference", "compiled") if BUILT else ("reference",)


@dataclass(frozen=True, slots=True)
class Case:
    """One value. `binary` in hex; None for kinds that are only read as text."""

    text: str
    binary: str | None
    value: Any


def micros(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type,misc]


def day(*parts: int) -> dt.date:
    return dt.date(*parts)


CASES: dict[Code, tuple[Case, ...]] = {
    Code.BOOL: (Case("t", "01", True), Case("f", "00", False)),
    Code.INT2: (
        Case("0", "0000", 0),
        Case("32767", "7fff", 32767),
        Case("-32768", "8000", -32768),
    ),
    Code.INT4: (
        Case("0", "00000000", 0),
        Case("-1", "ffffffff", -1),
        Case("64", "00000040", 64),
        Case("2147483647", "7fffffff", 2147483647),
        Case("-2147483648", "80000000", -2147483648),
    ),
    Code.INT8: (
        Case("0", "0000000000000000", 0),
        Case("-64", "ffffffffffffffc0", -64),
        Case("9223372036854775807", "7fffffffffffffff", 9223372036854775807),
        Case("-9223372036854775808", "8000000000000000", -9223372036854775808),
    ),
    Code.OID: (Case("0", "00000000", 0), Case("4294967295", "ffffffff", 4294967295)),
    Code.FLOAT4: (
        Case("0", "00000000", 0.0),
        Case("-0", "80000000", -0.0),
        Case("1.5", "3fc00000", 1.5),
        Case("0.1", "3dcccccd", 0.10000000149011612),
        Case("123456", "47f12000", 123456.0),
        Case("1e+06", "49742400", 1000000.0),
        Case("1.234568e+06", "4996b440", 1234568.0),
        Case("0.0001", "38d1b717", 9.999999747378752e-05),
        Case("1e-05", "3727c5ac", 9.999999747378752e-06),
        Case("3.4028235e+38", "7f7fffff", 3.4028234663852886e38),
        Case("1e-45", "00000001", 1.401298464324817e-45),
        Case("NaN", "7fc00000", math.nan),
        Case("Infinity", "7f800000", math.inf),
        Case("-Infinity", "ff800000", -math.inf),
    ),
    Code.FLOAT8: (
        Case("0", "0000000000000000", 0.0),
        Case("-0", "8000000000000000", -0.0),
        Case("-2.5", "c004000000000000", -2.5),
        Case("0.1", "3fb999999999999a", 0.1),
        Case("0.0001", "3f1a36e2eb1c432d", 0.0001),
        Case("1.5e-07", "3e8421f5f40d8376", 1.5e-07),
        Case("123456789012345", "42dc12218377de40", 123456789012345.0),
        Case("1e+15", "430c6bf526340000", 1e15),
        Case("1e+20", "4415af1d78b58c40", 1e20),
        Case("1.7976931348623157e+308", "7fefffffffffffff", 1.7976931348623157e308),
        Case("5e-324", "0000000000000001", 5e-324),
        Case("NaN", "7ff8000000000000", math.nan),
        Case("Infinity", "7ff0000000000000", math.inf),
        Case("-Infinity", "fff0000000000000", -math.inf),
    ),
    # ndigits, weight, sign, dscale, digits of base 10,000
    Code.NUMERIC: (
        Case("0", "0000 0000 0000 0000", "0"),
        Case("0.00", "0000 0000 0000 0002", "0.00"),
        Case("1", "0001 0000 0000 0000 0001", "1"),
        Case("-12.50", "0002 0000 4000 0002 000c 1388", "-12.50"),
        Case("10000", "0001 0001 0000 0000 0001", "10000"),
        Case("123456789.123456789", "0006 0002 0000 0009 0001 0929 1a85 04d2 162e 2328", "123456789.123456789"),
        Case("0.00001", "0001 fffe 0000 0005 03e8", "0.00001"),
        Case("0.0001", "0001 ffff 0000 0004 0001", "0.0001"),
        Case("-0.5", "0001 ffff 4000 0001 1388", "-0.5"),
        Case("1" + "0" * 40, "0001 000a 0000 0000 0001", "1" + "0" * 40),
        Case("9999.9999", "0002 0000 0000 0004 270f 270f", "9999.9999"),
        Case("NaN", "0000 0000 c000 0000", "NaN"),
        Case("Infinity", "0000 0000 d000 0020", "Infinity"),
        Case("-Infinity", "0000 0000 f000 0020", "-Infinity"),
    ),
    Code.TEXT: (
        Case("", "", ""),
        Case("hello", "68656c6c6f", "hello"),
        Case("naïve", "6e61c3af7665", "naïve"),
        Case("\u0800\uffff\U00010000\U0010ffff", "e0a080efbfbff0908080f48fbfbf", "\u0800\uffff\U00010000\U0010ffff"),
        Case("eight by" * 40 + "é", ("eight by" * 40 + "é").encode().hex(), "eight by" * 40 + "é"),
    ),
    Code.JSON: (Case('{"a":  1}', "7b2261223a2020317d", '{"a":  1}'), Case("null", "6e756c6c", "null")),
    Code.JSONB: (Case('{"a": 1}', "017b2261223a20317d", '{"a": 1}'), Case('""', "012222", '""')),
    Code.UUID: (
        Case(
            "00112233-4455-6677-8899-aabbccddeeff",
            "00112233445566778899aabbccddeeff",
            UUID("00112233-4455-6677-8899-aabbccddeeff"),
        ),
        Case("00000000-0000-0000-0000-000000000000", "00" * 16, UUID(int=0)),
    ),
    Code.BYTEA: (
        Case("\\x", "", b""),
        Case("\\x00ff10", "00ff10", b"\x00\xff\x10"),
        Case("\\x" + "ab" * 300, "ab" * 300, b"\xab" * 300),
    ),
    # days since 2000-01-01
    Code.DATE: (
        Case("2000-01-01", "00000000", day(2000, 1, 1)),
        Case("1969-12-31", "ffffd532", day(1969, 12, 31)),
        Case("2024-02-29", "00002279", day(2024, 2, 29)),
        Case("0001-01-01", "fff4dbf9", day(1, 1, 1)),
        Case("9999-12-31", "002c95d3", day(9999, 12, 31)),
        Case("10000-01-01", "002c95d4", "10000-01-01"),
        Case("0001-12-31 BC", "fff4dbf8", "0001-12-31 BC"),
        Case("0044-03-15 BC", "fff49d7b", "0044-03-15 BC"),
        Case("4713-01-01 BC", "ffda97cd", "4713-01-01 BC"),
        Case("5874897-12-31", "7fda970c", "5874897-12-31"),
        Case("infinity", "7fffffff", "infinity"),
        Case("-infinity", "80000000", "-infinity"),
    ),
    # microseconds
    Code.TIME: (
        Case("00:00:00", "0000000000000000", dt.time(0)),
        Case("12:34:56.789", "0000000a8be62608", dt.time(12, 34, 56, 789000)),
        Case("23:59:59.999999", "000000141dd75fff", dt.time(23, 59, 59, 999999)),
        Case("24:00:00", "000000141dd76000", "24:00:00"),
    ),
    # microseconds since 2000-01-01
    Code.TIMESTAMP: (
        Case("2000-01-01 00:00:00", "0000000000000000", dt.datetime(2000, 1, 1)),
        Case("2024-01-01 00:00:00.5", "0002b0d5d4f0e120", dt.datetime(2024, 1, 1, 0, 0, 0, 500000)),
        Case("1999-12-31 23:59:59.999999", "ffffffffffffffff", dt.datetime(1999, 12, 31, 23, 59, 59, 999999)),
        Case("0001-01-01 00:00:00", "ff1fe2ffc59c6000", dt.datetime(1, 1, 1)),
        Case("9999-12-31 23:59:59.999999", "0380e70b913b7fff", dt.datetime(9999, 12, 31, 23, 59, 59, 999999)),
        Case("10000-01-01 00:00:00", "0380e70b913b8000", "10000-01-01 00:00:00"),
        Case("0001-12-31 23:59:59.999999 BC", "ff1fe2ffc59c5fff", "0001-12-31 23:59:59.999999 BC"),
        Case("294276-12-31 23:59:59.999999", "7fffff5bb3b29fff", "294276-12-31 23:59:59.999999"),
        Case("infinity", "7fffffffffffffff", "infinity"),
        Case("-infinity", "8000000000000000", "-infinity"),
    ),
    Code.TIMESTAMPTZ: (
        Case("2000-01-01 00:00:00+00", "0000000000000000", micros(2000, 1, 1)),
        Case("2024-01-01 00:00:00.5+00", "0002b0d5d4f0e120", micros(2024, 1, 1, 0, 0, 0, 500000)),
        Case("2024-01-01 00:00:00.123456+00", "0002b0d5d4eb2240", micros(2024, 1, 1, 0, 0, 0, 123456)),
        Case("0001-01-01 00:00:00+00", "ff1fe2ffc59c6000", micros(1, 1, 1)),
        Case("10000-01-01 00:00:00+00", "0380e70b913b8000", "10000-01-01 00:00:00+00"),
        Case("0001-12-31 23:59:59.999999+00 BC", "ff1fe2ffc59c5fff", "0001-12-31 23:59:59.999999+00 BC"),
        Case("infinity", "7fffffffffffffff", "infinity"),
        Case("-infinity", "8000000000000000", "-infinity"),
    ),
    Code.OTHER: (
        Case("", None, ""),
        Case("{1,2,NULL}", None, "{1,2,NULL}"),
        Case("1 year 2 mons", None, "1 year 2 mons"),
        Case("[2024-01-01,2024-02-01)", None, "[2024-01-01,2024-02-01)"),
    ),
}

# What looks like a value of the kind and is none.
BAD_TEXT: dict[Code, tuple[bytes, ...]] = {
    Code.BOOL: (b"", b"true", b"1", b"T"),
    Code.INT2: (b"", b"-", b"32768", b"-32769", b"1 ", b"+1", b"0x1", b"1_0"),
    Code.INT4: (b"", b"2147483648", b"-2147483649", b"1.0", b"\xc2\xb2"),
    Code.INT8: (b"", b"9223372036854775808", b"-9223372036854775809", b"12345678901234567890"),
    Code.OID: (b"", b"-1", b"4294967296"),
    Code.FLOAT4: (b"", b"1e39", b"3.5e+38", b"nan", b"1.", b".5", b"1e5", b"infinity"),
    Code.FLOAT8: (b"", b"1e+400", b"1_0", b" 1", b"1,5", b"-", b"1e+", b"1" * 41, b"0x1p3", b"inf"),
    Code.NUMERIC: (b"", b"-", b"1.", b".5", b"1e5", b"nan", b"--1", b"1 "),
    Code.TEXT: (),
    Code.JSON: (),
    Code.JSONB: (),
    Code.UUID: (
        b"",
        b"00112233-4455-6677-8899-AABBCCDDEEFF",
        b"00112233445566778899aabbccddeeff",
        b"{0112233-4455-6677-8899-aabbccddeef}",
        b"00112233-4455-6677-8899-aabbccddeefg",
    ),
    Code.BYTEA: (b"", b"\\", b"x00", b"\\x0", b"\\x0g", b"\\x0 ", b"\\000"),
    Code.DATE: (
        b"",
        b"2024-02-30",
        b"2023-02-29",
        b"0101-02-29 BC ",
        b"0000-01-01",
        b"2024-13-01",
        b"2024-00-01",
        b"2024-01-00",
        b"01/02/2024",
        b"24-01-01",
        b"2024-1-1",
        b"2024-01-01 AD",
        b"12345678-01-01",
        b"Infinity",
    ),
    Code.TIME: (b"", b"24:00:00.000001", b"25:00:00", b"12:60:00", b"12:00:60", b"1:00:00", b"12:00", b"12:00:00."),
    Code.TIMESTAMP: (
        b"",
        b"2024-01-01",
        b"2024-01-01T00:00:00",
        b"2024-01-01 24:00:00",
        b"2024-01-01 00:00:00+00",
        b"2024-02-30 00:00:00",
        b"2024-01-01 00:00:00.1234567",
        b"2024-01-01 00:00:00 AD",
    ),
    Code.TIMESTAMPTZ: (
        b"",
        b"2024-01-01 00:00:00",
        b"2024-01-01 00:00:00+01",
        b"2024-01-01 00:00:00+00:00",
        b"2024-01-01 00:00:00 BC",
        b"0101-02-29 00:00:00+00 BCE",
    ),
    Code.OTHER: (),
}

BAD_BINARY: dict[Code, tuple[str, ...]] = {
    Code.BOOL: ("", "02", "0001"),
    Code.INT2: ("", "00", "000000"),
    Code.INT4: ("", "000000", "0000000000"),
    Code.INT8: ("", "00000000", "000000000000000000"),
    Code.OID: ("", "000000"),
    Code.FLOAT4: ("", "000000", "0000000000000000"),
    Code.FLOAT8: ("", "00000000", "000000000000000000"),
    Code.NUMERIC: (
        "",
        "00000000000000",
        "0001 0000 0000 0000",
        "0000 0000 0000 0000 0001",
        "0001 0000 0000 0000 2710",
        "0000 0000 8000 0000",
        "0000 0000 0000 4000",
        "0001 0000 c000 0000",
    ),
    Code.TEXT: (),
    Code.JSON: (),
    Code.JSONB: ("", "02", "7b7d"),
    Code.UUID: ("", "00" * 15, "00" * 17),
    Code.BYTEA: (),
    Code.DATE: ("", "000000", "0000000000000000"),
    Code.TIME: ("", "00000000", "ffffffffffffffff", "000000141dd76001"),
    Code.TIMESTAMP: ("", "00000000", "000000000000000000"),
    Code.TIMESTAMPTZ: ("", "00000000", "000000000000000000"),
    Code.OTHER: ("", "00"),
}

# Text in kinds that hold any text: what a server with SQL_ASCII may send.
NOT_UTF8 = (
    b"\xff",
    b"\x80",
    b"abc\xc3",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xed\xa0\x80",
    b"\xf0\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"12345678\xe2\x82",
    b"\xe2\x28\xa1",
    b"\xf0\x9f\x98",
)
ANY_TEXT = (Code.TEXT, Code.JSON, Code.JSONB, Code.OTHER)
BY_CODE: dict[Code, Kind] = {kind.code: kind for kind in KINDS}
