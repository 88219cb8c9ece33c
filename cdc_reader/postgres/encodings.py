"""
Edge: texts as they are stored, of a database from which the server cannot always make UTF-8 of them.

A database that checks no encoding (SQL_ASCII) holds whatever bytes its clients sent; one of WIN1252 and others may hold
bytes that have no character. Asked for UTF-8, the server refuses a whole statement, or ends the stream, for one such
value; so it is asked for nothing, and we find out which values are UTF-8, or make UTF-8 of them by the characters
that the server itself tells once (rule P8, decision 0029). In what we read of the catalog, U+FFFD shows what is none.

Keeps: P8.
"""

from __future__ import annotations

from functools import cache
from typing import Any, LiteralString

import psycopg
from psycopg import errors, sql
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader

from cdc_reader.postgres.characters import ByteCharacters, Characters

_UNCHECKED = "SQL_ASCII"
_CHECKED = Characters()
_TEXTS = ("text", "varchar", "bpchar", "name", '"char"')
# Of single bytes. Those that are not named here are UTF8, and those of several bytes, which the server converts.
OF_BYTES = frozenset(
    [f"LATIN{number}" for number in range(1, 11)]
    + [f"ISO_8859_{number}" for number in range(5, 9)]
    + [f"WIN{number}" for number in (866, 874, *range(1250, 1259))]
    + ["KOI8R", "KOI8U"]
)
# An exception that is caught in a block is none in the server's log.
_ASK: LiteralString = """
DO $$
DECLARE
    found text := '';
    character text;
BEGIN
    FOR byte IN 128..255 LOOP
        BEGIN
            character := encode(
                convert(set_byte(decode('00', 'hex'), 0, byte), getdatabaseencoding(), 'UTF8'), 'hex');
        EXCEPTION WHEN untranslatable_character OR character_not_in_repertoire THEN
            character := '';
        END;
        found := found || character || ' ';
    END LOOP;
    PERFORM set_config('rowferry.characters', found, true);
END $$
"""
_told: dict[str, Characters] = {}  # by the encoding; a process has one source


class _Shown(Loader):
    """Text, whatever bytes it is of; behind the transaction, text that the server has made UTF-8 of."""

    characters = _CHECKED

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        stored = self.connection is None or _parameter(self.connection, "client_encoding") != "UTF8"
        self._shown = (self.characters if stored else _CHECKED).shown

    def load(self, data: Buffer) -> str:
        return self._shown(bytes(data))


@cache
def _shown_by(characters: Characters) -> type[_Shown]:
    return type("_ShownBy", (_Shown,), {"characters": characters})


def characters_of(connection: psycopg.Connection[Any]) -> Characters:
    """What the texts of the database are made of, if they must be had as they are stored; asked once in a process."""
    encoding = _parameter(connection, "server_encoding")
    if encoding not in OF_BYTES:
        return _CHECKED
    if encoding not in _told:
        _told[encoding] = _asked(connection)
    return _told[encoding]


def characters_as_stored(connection: psycopg.Connection[Any]) -> Characters | None:
    """What the texts are made of for who gets them as they are stored, whatever the server could make of them.

    None where that cannot be told: of an encoding of several bytes, or where our role may not ask.
    """
    encoding = _parameter(connection, "server_encoding")
    if encoding in ("UTF8", _UNCHECKED):
        return _CHECKED
    upper = _upper(connection) if encoding in OF_BYTES else None
    return None if upper is None else ByteCharacters(upper)


def sends_as_stored(connection: psycopg.Connection[Any]) -> bool:
    """Whether `texts_as_stored` changes something: only then must it share a transaction with what is read."""
    return _parameter(connection, "server_encoding") == _UNCHECKED or bool(characters_of(connection).recode)


def texts_as_stored(connection: psycopg.Connection[Any], *, for_session: bool = False) -> Characters:
    """Have the server send texts as they are stored where it cannot always make UTF-8 of them; else nothing changes.

    Until the open transaction ends, or for the session. Returns what to read them by, and to write statements by; with
    SQL_ASCII those that are a `str` can no longer have names that are not ASCII.
    """
    characters, encoding = characters_of(connection), _parameter(connection, "server_encoding")
    if not sends_as_stored(connection):
        return characters
    for name in _TEXTS:
        connection.adapters.register_loader(name, _shown_by(characters))
    # Without parameters: a replication connection knows the simple protocol alone.
    statement = sql.SQL("SELECT set_config('client_encoding', {}, {})").format(encoding, not for_session)
    connection.execute(statement, prepare=False)
    return characters


def _asked(connection: psycopg.Connection[Any]) -> Characters:
    """Where a role may run no block of PL/pgSQL, the server converts, as it does for all characters that there are."""
    upper = _upper(connection)
    return _CHECKED if upper is None or None not in upper else ByteCharacters(upper)


def _upper(connection: psycopg.Connection[Any]) -> list[str | None] | None:
    """The characters of 80 to FF; None where our role may run no block of PL/pgSQL."""
    try:
        with connection.transaction():
            connection.execute(_ASK, prepare=False)
            row = connection.execute("SELECT current_setting('rowferry.characters')", prepare=False).fetchone()
    except (errors.InsufficientPrivilege, errors.UndefinedObject):
        return None
    assert row is not None
    return [bytes.fromhex(each).decode() or None for each in row[0].split(" ")[:-1]]


def _parameter(connection: psycopg.BaseConnection[Any], name: str) -> str | None:
    return connection.info.parameter_status(name)
