"""Values that are carried as text: printed from what a real PostgreSQL sends in binary, against what it prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cdc_reader.postgres.connections import Connection, connect
from cdc_reader.postgres.key_order import literal
from cdc_reader.postgres.type_shapes import type_shapes
from cdc_reader.postgres.visible_reads import copy_rows
from cdc_reader.transcode.copied import split_copy_row
from cdc_reader.transcode.known_types import KnownTypes
from cdc_reader.transcode.row_keys import binary_key_text
from tests import databases
from tests.integration.cdc_reader.generated_values import MADE, PREPARED, SCALARS

ALL = {**SCALARS, **MADE}
# Each example is one statement with many values. What is wrong is told by the values: nothing is made smaller.
EACH = settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@pytest.fixture(scope="module")
def connection(postgres_dsn: str) -> Iterator[Connection]:
    with databases.temporary(postgres_dsn) as database:
        database.execute(PREPARED)
        if database.execute("SELECT FROM pg_available_extensions WHERE name = 'vector'"):
            database.execute("CREATE EXTENSION vector")
        with connect(database.dsn, application_name="test") as opened:
            yield opened


@pytest.fixture(scope="module")
def types(connection: Connection) -> tuple[KnownTypes, dict[str, int]]:
    names = ", ".join(f"pg_catalog.to_regtype({literal(name)})::oid::int8" for name in ALL)
    [row] = connection.execute(f"SELECT {names}").fetchall()
    oids = {name: oid for name, oid in zip(ALL, row, strict=True) if oid is not None}
    return KnownTypes(type_shapes(connection, oids.values()), version=connection.info.server_version), oids


def sent(connection: Connection, values: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Values as their types' send and output functions give them."""
    columns = [f"{literal(text)}::{name}" for name, text in values]
    both = ", ".join(f"{column}, pg_catalog.format('%s', {column})" for column in columns)
    [row], _ = copy_rows(connection, f"COPY (SELECT {both}) TO STDOUT (FORMAT binary)")
    fields = split_copy_row(row, 2 * len(columns))
    return [(binary or b"", text or b"") for binary, text in zip(fields[::2], fields[1::2], strict=True)]


@pytest.mark.parametrize("name", ALL)
@EACH
@given(data=st.data())
def test_values_are_printed_as_the_server_prints_them(
    connection: Connection, types: tuple[KnownTypes, dict[str, int]], name: str, data: st.DataObject
) -> None:
    known, oids = types
    if name not in oids or ('"char"' in name and connection.info.server_version < 160000):
        pytest.skip(f"expected a server that has {name}, and sends it as PostgreSQL 16 does")
    kind = known.kind_of(oids[name])
    assert kind.binary
    values = [(name, text) for text in data.draw(st.lists(ALL[name], min_size=10, max_size=30))]
    both = sent(connection, values)
    wrong = [
        (text, shown, got)
        for (_, text), (binary, shown) in zip(values, both, strict=True)
        if (got := binary_key_text(kind, binary)) != shown
    ]
    assert wrong[:3] == []
