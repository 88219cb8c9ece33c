"""Of which bytes of an encoding the server makes UTF-8, and of which it makes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest

from cdc_reader.postgres import encodings
from cdc_reader.postgres.connections import Connection, connect
from cdc_reader.postgres.encodings import characters_of, texts_as_stored
from tests import databases
from tests.databases import Database

Open = Callable[[str], Database]
# The bytes above 7F without a character, as the server has it.
WITHOUT = {
    "WIN1252": "81 8d 8f 90 9d",
    "WIN1251": "98",
    "WIN874": "81 82 83 84 86 87 88 89 8a 8b 8c 8d 8e 8f 90 98 99 9a 9b 9c 9d 9e 9f db dc dd de fc fd fe ff",
    "ISO_8859_7": "ae d2 ff",
}


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "_told", {})


@pytest.fixture
def open_database(postgres_dsn: str) -> Iterator[Open]:
    with ExitStack() as opened:
        yield lambda encoding: opened.enter_context(
            databases.temporary(postgres_dsn, "template0", databases.encoded(encoding))
        )


def reads(database: Database) -> Connection:
    return connect(database.dsn, application_name="test")


@pytest.mark.rule("P8")
@pytest.mark.parametrize(("encoding", "without"), WITHOUT.items())
def test_p8_characters_are_those_that_the_server_makes_of_each_byte(
    open_database: Open, encoding: str, without: str
) -> None:
    with reads(open_database(encoding)) as connection:
        characters = characters_of(connection)
        assert characters.recode
        holes = []
        for byte in range(1, 256):
            value = bytes([byte])
            try:
                [(told,)] = connection.execute("SELECT convert(%s, getdatabaseencoding(), 'UTF8')", (value,)).fetchall()
            except psycopg.errors.UntranslatableCharacter:
                holes.append(byte)
                told = b"\xff" + value
            assert characters.utf8(value) == told
            assert characters.stored(told.decode(errors="surrogateescape")) == value
    assert bytes(holes).hex(" ") == without


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1", "KOI8R", "WIN1256", "EUC_JP"])
def test_other_encodings_are_left_to_the_server(open_database: Open, encoding: str) -> None:
    with reads(open_database(encoding)) as connection:
        assert not characters_of(connection).recode
        texts_as_stored(connection, for_session=True)
        assert connection.info.parameter_status("client_encoding") == "UTF8"


def test_every_encoding_of_single_bytes_is_known(postgres_dsn: str) -> None:
    """PostgreSQL numbers them; those behind KOI8U (34) are for clients alone."""
    with psycopg.connect(postgres_dsn) as connection:
        names = connection.execute(
            "SELECT pg_encoding_to_char(n) FROM generate_series(1, 34) n WHERE pg_encoding_max_length(n) = 1"
        ).fetchall()
    assert {name for (name,) in names} == encodings.OF_BYTES


@pytest.mark.rule("P8")
@pytest.mark.parametrize(
    "forbid", ["DROP EXTENSION plpgsql", "REVOKE USAGE ON LANGUAGE plpgsql FROM public"], ids=["gone", "revoked"]
)
def test_p8_server_converts_for_a_role_that_may_not_ask(open_database: Open, forbid: str) -> None:
    database = open_database("WIN1252")
    database.execute(forbid)
    with connect(database.create_role().dsn, application_name="test") as connection, connection.transaction():
        assert not texts_as_stored(connection).recode
        assert connection.execute("SELECT chr(233)::text").fetchall() == [("\xe9",)]


def test_texts_are_read_as_stored_until_the_transaction_ends(open_database: Open) -> None:
    database = open_database("WIN1252")
    database.execute_bytes(b"CREATE TABLE \"caf\xe9\" (v text); INSERT INTO \"caf\xe9\" VALUES ('\x81\x80'), ('\xe9')")
    names = "SELECT relname FROM pg_class WHERE relname = %s"
    with reads(database) as connection:
        with connection.transaction():
            characters = texts_as_stored(connection)
            assert connection.execute(characters.stored('SELECT v FROM "caf\xe9"')).fetchall() == [
                ("\ufffd\u20ac",),
                ("\xe9",),
            ]
            assert connection.execute(names, ("caf\xe9",)).fetchall() == [("caf\xe9",)]
        assert connection.execute(names, ("caf\xe9",)).fetchall() == [("caf\xe9",)]
        assert connection.execute("SELECT ARRAY[relname] FROM pg_class WHERE relname ~ 'caf'").fetchall() == [
            (["caf\xe9"],)
        ]
