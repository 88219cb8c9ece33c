"""What a real PostgreSQL sends and prints, against what the encoders and `schemas.values` make of it."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterator
from typing import Any

import fastavro
import psycopg
import pytest

from cdc_reader.postgres.connections import connect
from cdc_reader.postgres.visible_reads import copy_rows
from cdc_reader.transcode import Encoder, EventContext, make_encoder
from cdc_reader.transcode.copied import split_copy_row
from cdc_reader.transcode.kinds import Code
from schemas.avro_types import AVRO_TYPES
from schemas.values import pg_text
from tests.databases import Database
from tests.unit.cdc_reader.transcode.cases import BY_CODE, CASES, IMPLEMENTATIONS
from tests.unit.cdc_reader.transcode.tables import plan_of_every_kind

TYPES: dict[Code, str] = {code: code.name.lower() for code in Code if code is not Code.OTHER}
CONTEXT = EventContext("stream", 1, 2, 3, 4)
PLACES = {code: place for place, code in enumerate(Code, start=1)}


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with connect(database.dsn, application_name="test") as opened:
        yield opened


@pytest.fixture(params=IMPLEMENTATIONS)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return make_encoder(plan_of_every_kind(), request.param)


def sent(connection: psycopg.Connection[tuple[Any, ...]], texts: list[str], kind: str) -> list[tuple[bytes, str]]:
    """Values as their type's send and output functions give them."""
    output = {"bool": "boolout"}.get(kind)
    shown = f"{output}(value)" if output else "value"
    listed = ", ".join("'" + text.replace("'", "''") + "'" for text in texts)
    rows, _ = copy_rows(
        connection,
        f"COPY (SELECT value, {shown}::text FROM unnest(ARRAY[{listed}]::{kind}[]) AS value) TO STDOUT (FORMAT binary)",
    )
    fields = [split_copy_row(row, 2) for row in rows]
    return [(binary or b"", (text or b"").decode()) for binary, text in fields]


def shown(encoder: Encoder, code: Code, binary: bytes) -> str:
    """Through the encoder, stock fastavro and `pg_text`."""
    data = encoder.column(PLACES[code], binary, binary=True)
    schema: Any = fastavro.parse_schema(["null", *AVRO_TYPES[BY_CODE[code].name]])
    value: Any = fastavro.schemaless_reader(io.BytesIO(data), schema, None)
    return pg_text(value, BY_CODE[code].name)


@pytest.mark.parametrize("code", TYPES, ids=TYPES.values())
def test_cases_are_what_the_server_sends(connection: psycopg.Connection[tuple[Any, ...]], code: Code) -> None:
    values = sent(connection, [case.text for case in CASES[code]], TYPES[code])
    assert [(binary.hex(), text) for binary, text in values] == [
        ((case.binary or "").replace(" ", ""), case.text) for case in CASES[code]
    ]


RANDOM = random.Random(7)


def doubles() -> list[str]:
    """Any bits, and great whole numbers: there, decimals lie exactly between two doubles."""
    some = [struct.unpack(">d", RANDOM.randbytes(8))[0] for _ in range(2000)]
    some += [float(RANDOM.randrange(1, 10**6) * 10 ** RANDOM.randrange(10, 24)) for _ in range(2000)]
    some += [2.0**exponent for exponent in range(-1074, 1024)]
    return [repr(number) for number in some]


def singles() -> list[str]:
    some = [struct.unpack(">f", RANDOM.randbytes(4))[0] for _ in range(2000)]
    some += [float(RANDOM.randrange(1, 10**4) * 10 ** RANDOM.randrange(3, 12)) for _ in range(2000)]
    some += [2.0**exponent for exponent in range(-149, 128)]
    return [repr(number) for number in some]


def numerics() -> list[str]:
    some = []
    for _ in range(2000):
        whole, scale = RANDOM.randrange(10 ** RANDOM.randrange(1, 40)), RANDOM.randrange(30)
        digits = str(whole).rjust(scale + 1, "0")
        some.append(
            RANDOM.choice(["", "-"]) + digits[: len(digits) - scale] + "." + (digits[-scale:] if scale else "0")
        )
    return some


def moments() -> list[str]:
    some = []
    for _ in range(2000):
        year, era = RANDOM.randrange(1, 20_000), ""
        if RANDOM.random() < 0.2:
            year, era = year % 4700 + 1, " BC"
        clock = f"{RANDOM.randrange(24):02}:{RANDOM.randrange(60):02}:{RANDOM.randrange(60):02}"
        fraction = RANDOM.choice(["", ".5", f".{RANDOM.randrange(10**6):06}"])
        some.append(f"{year:04}-{RANDOM.randrange(1, 13):02}-{RANDOM.randrange(1, 29):02} {clock}{fraction}{era}")
    return some


MANY = {
    Code.FLOAT8: doubles(),
    Code.FLOAT4: singles(),
    Code.NUMERIC: numerics(),
    Code.DATE: moments(),
    Code.TIMESTAMP: moments(),
    Code.TIMESTAMPTZ: moments(),
}


@pytest.mark.parametrize("code", MANY, ids=[code.name for code in MANY])
def test_many_values_are_shown_as_the_server_prints_them(
    connection: psycopg.Connection[tuple[Any, ...]], encoder: Encoder, code: Code
) -> None:
    values = sent(connection, MANY[code], TYPES[code])
    wrong = [(text, got) for binary, text in values if (got := shown(encoder, code, binary)) != text]
    assert wrong == []
    assert all(
        encoder.column(PLACES[code], text.encode(), binary=False) == encoder.column(PLACES[code], binary, binary=True)
        for binary, text in values
    )
