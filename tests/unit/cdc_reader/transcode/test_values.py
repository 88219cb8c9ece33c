"""Single values: every kind of the one list, in text and binary, by both encoders."""

from __future__ import annotations

import io
import math
from functools import cache
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc_reader.transcode import IMPLEMENTATION, Encoder, Uncarriable, Unfit, make_encoder
from cdc_reader.transcode.kinds import KINDS, Code, kind_of
from schemas.avro_types import AVRO_TYPES
from schemas.values import pg_text
from tests.unit.cdc_reader.transcode.cases import (
    ANY_TEXT,
    BAD_BINARY,
    BAD_TEXT,
    BY_CODE,
    CASES,
    IMPLEMENTATIONS,
    NOT_UTF8,
    WITHOUT_COMPILED,
    Case,
)
from tests.unit.cdc_reader.transcode.tables import plan_of_every_kind

PLACES = {kind.code: place for place, kind in enumerate(KINDS, start=1)}
ALL = [pytest.param(code, case, id=f"{code.name}-{case.text[:40]}") for code in CASES for case in CASES[code]]
BINARY = [parameter for parameter in ALL if BY_CODE[parameter.values[0]].binary]  # type: ignore[index]


@cache
def encoder(implementation: str) -> Encoder:
    return make_encoder(plan_of_every_kind(), implementation)


def decoded(code: Code, data: bytes) -> Any:
    """What stock fastavro reads, from the column's own schema; nothing may be left."""
    stream = io.BytesIO(data)
    schema: Any = fastavro.parse_schema(["null", *AVRO_TYPES[BY_CODE[code].name]])
    value = fastavro.schemaless_reader(stream, schema, None)
    assert stream.tell() == len(data)
    return value


def same(value: Any, expected: Any) -> bool:
    if isinstance(expected, float):
        return (
            isinstance(value, float)
            and (math.isnan(value) if math.isnan(expected) else value == expected)
            and math.copysign(1, value) == math.copysign(1, expected)
        )
    return type(value) is type(expected) and value == expected


def test_the_compiled_encoder_is_the_one_that_runs() -> None:
    expected = "reference" if WITHOUT_COMPILED else "compiled"
    assert expected == IMPLEMENTATION


def test_every_kind_has_cases() -> None:
    assert {kind.code for kind in KINDS} == set(Code) == CASES.keys() == BAD_TEXT.keys() == BAD_BINARY.keys()
    assert all(CASES.values())
    for kind in KINDS:
        assert all((case.binary is not None) == kind.binary for case in CASES[kind.code])


def test_every_kind_has_an_avro_type() -> None:
    assert {kind.name for kind in KINDS} == set(AVRO_TYPES)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("code", "case"), ALL)
def test_text_is_read_back_by_stock_fastavro(implementation: str, code: Code, case: Case) -> None:
    data = encoder(implementation).column(PLACES[code], case.text.encode(), binary=False)
    assert same(decoded(code, data), case.value)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("code", "case"), BINARY)
def test_binary_is_read_back_by_stock_fastavro(implementation: str, code: Code, case: Case) -> None:
    assert case.binary is not None
    data = encoder(implementation).column(PLACES[code], bytes.fromhex(case.binary), binary=True)
    assert same(decoded(code, data), case.value)


@pytest.mark.parametrize(("code", "case"), ALL)
def test_the_decoded_value_is_shown_as_postgres_prints_it(code: Code, case: Case) -> None:
    assert pg_text(case.value, BY_CODE[code].name) == case.text


BAD = [pytest.param(code, data, False, id=f"{code.name}-{data!r}") for code in BAD_TEXT for data in BAD_TEXT[code]] + [
    pytest.param(code, bytes.fromhex(data), True, id=f"{code.name}-binary-{data}")
    for code in BAD_BINARY
    for data in BAD_BINARY[code]
]


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("code", "data", "binary"), BAD)
def test_what_is_no_value_of_the_kind_does_not_fit(implementation: str, code: Code, data: bytes, binary: bool) -> None:
    with pytest.raises(Unfit, match=r"^expected "):
        encoder(implementation).column(PLACES[code], data, binary=binary)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("data", NOT_UTF8)
@pytest.mark.parametrize("code", ANY_TEXT)
def test_text_that_is_not_utf8_cannot_be_carried(implementation: str, code: Code, data: bytes) -> None:
    with pytest.raises(Uncarriable, match="not valid UTF-8"):
        encoder(implementation).column(PLACES[code], data, binary=False)
    if BY_CODE[code].binary:
        version = b"\x01" if code is Code.JSONB else b""
        with pytest.raises(Uncarriable, match="not valid UTF-8"):
            encoder(implementation).column(PLACES[code], version + data, binary=True)


def outcome(implementation: str, code: Code, data: bytes, *, binary: bool) -> bytes | type[Exception]:
    try:
        return encoder(implementation).column(PLACES[code], data, binary=binary)
    except (Unfit, Uncarriable) as exc:
        return type(exc)


ALPHABET = b"0123456789-+.: eEtfINainytBC\\xg"
BYTES = st.one_of(
    st.binary(max_size=40),
    st.lists(st.sampled_from(ALPHABET), max_size=30).map(bytes),
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
EIGHT = st.integers(0, 2**64 - 1).map(lambda number: number.to_bytes(8, "big"))
FOUR = st.integers(0, 2**32 - 1).map(lambda number: number.to_bytes(4, "big"))


@given(st.sampled_from(list(Code)), BYTES, st.booleans())
def test_both_encoders_treat_any_bytes_alike(code: Code, data: bytes, binary: bool) -> None:
    results = {outcome(implementation, code, data, binary=binary) for implementation in IMPLEMENTATIONS}
    assert len(results) == 1


@given(st.sampled_from([code for code in Code if BY_CODE[code].binary]), st.one_of(EIGHT, FOUR))
def test_both_encoders_read_any_number_alike(code: Code, data: bytes) -> None:
    results = {outcome(implementation, code, data, binary=True) for implementation in IMPLEMENTATIONS}
    assert len(results) == 1


@given(
    st.lists(st.integers(0, 9999), max_size=12),
    st.integers(-20, 20),
    st.sampled_from([0x0000, 0x4000, 0xC000, 0xD000, 0xF000]),
    st.integers(0, 60),
)
def test_both_encoders_print_any_numeric_alike(groups: list[int], weight: int, sign: int, scale: int) -> None:
    numbers = (len(groups), weight & 0xFFFF, sign, scale, *groups)
    data = b"".join(number.to_bytes(2, "big") for number in numbers)
    results = {outcome(implementation, Code.NUMERIC, data, binary=True) for implementation in IMPLEMENTATIONS}
    assert len(results) == 1
    text = decoded(Code.NUMERIC, results.pop())  # type: ignore[arg-type]
    assert outcome("reference", Code.NUMERIC, text.encode(), binary=False) != Unfit


@given(st.dates(), st.booleans())
def test_every_date_is_the_same_in_text_and_binary(date: Any, with_time: bool) -> None:
    days = date.toordinal() - 730120
    if with_time:
        code, text, binary = Code.TIMESTAMP, f"{date} 00:00:00", (days * 86_400_000_000).to_bytes(8, "big", signed=True)
    else:
        code, text, binary = Code.DATE, str(date), days.to_bytes(4, "big", signed=True)
    for implementation in IMPLEMENTATIONS:
        from_text = encoder(implementation).column(PLACES[code], text.encode(), binary=False)
        assert from_text == encoder(implementation).column(PLACES[code], binary, binary=True)


TYPES = {
    "bool": (16, "bool", True),
    "varchar": (1043, "text", True),
    "bpchar": (1042, "text", True),
    "name": (19, "text", True),
    "money": (790, "text", False),
    "int4 array": (1007, "text", False),
    "an enum": (99_999, "text", False),
}


@pytest.mark.parametrize(("oid", "kind", "binary"), TYPES.values(), ids=TYPES)
def test_type_belongs_to_a_kind(oid: int, kind: str, binary: bool) -> None:
    assert kind_of(oid).name == kind
    assert kind_of(oid).binary is binary
