"""Rows are found again by what their key prints, whatever operators its type has."""

from __future__ import annotations

import pytest

from cdc_reader.postgres.connections import connect
from rowferry.reconcile import database as reconcile
from rowferry.reconcile.comparison import key_of
from rowferry.reconcile.facts import expected
from schemas.names import TableName
from tests import databases
from tests.databases import Database

KEYS = {
    "bigint": ("bigint", "7"),
    "domain": ("code", "B"),
    "domain that checks more by now": ("strict", "b"),
    "composite": ("pair", '(1,"a b")'),
    "boolean": ("boolean", "t"),
    "character": ("character(3)", "ab "),
    "array": ("text[]", '{a,"b c"}'),
    "operators of another schema": ("ext.plain", "7"),
}
TYPES = """
    CREATE DOMAIN code AS varchar(5); CREATE DOMAIN strict AS text; CREATE TYPE pair AS (a int, b text);
    CREATE SCHEMA ext; CREATE TYPE ext.plain;
    CREATE FUNCTION ext.read(cstring) RETURNS ext.plain LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
    CREATE FUNCTION ext.print(ext.plain) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
    CREATE TYPE ext.plain (INPUT = ext.read, OUTPUT = ext.print, LIKE = int4);
    CREATE FUNCTION ext.less(ext.plain, ext.plain) RETURNS bool LANGUAGE internal IMMUTABLE STRICT AS 'int4lt';
    CREATE FUNCTION ext.same(ext.plain, ext.plain) RETURNS bool LANGUAGE internal IMMUTABLE STRICT AS 'int4eq';
    CREATE FUNCTION ext.compare(ext.plain, ext.plain) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'btint4cmp';
    CREATE OPERATOR ext.< (LEFTARG = ext.plain, RIGHTARG = ext.plain, FUNCTION = ext.less);
    CREATE OPERATOR ext.= (LEFTARG = ext.plain, RIGHTARG = ext.plain, FUNCTION = ext.same);
    CREATE OPERATOR CLASS ext.plain_ops DEFAULT FOR TYPE ext.plain USING btree AS
        OPERATOR 1 ext.<, OPERATOR 3 ext.=, FUNCTION 1 ext.compare(ext.plain, ext.plain);
"""


@pytest.mark.parametrize(("kind", "key"), KEYS.values(), ids=KEYS)
def test_row_is_found_by_what_its_key_prints(database: Database, kind: str, key: str) -> None:
    database.execute(
        f"{TYPES} CREATE TABLE items (k {kind} PRIMARY KEY, n int); INSERT INTO items VALUES ('{key}', 5);"
        "ALTER DOMAIN strict ADD CONSTRAINT upper CHECK (VALUE = upper(VALUE)) NOT VALID"
    )
    with database.connect() as connection, reconcile.Database(connection, publication="rowferry") as rows:
        [shape] = rows.shapes([TableName("public", "items")])
        assert rows.row(shape, {"k": key}) == {"k": key, "n": "5"}
        database.execute("DELETE FROM items")
    with database.connect() as connection, reconcile.Database(connection, publication="rowferry") as rows:
        assert rows.row(shape, {"k": key}) is None


@pytest.mark.rule("P8")
def test_p8_rows_with_bytes_that_have_no_character_are_compared(postgres_dsn: str) -> None:
    with databases.temporary(postgres_dsn, "template0", databases.encoded("WIN1252")) as database:
        database.execute_bytes(
            b'CREATE TABLE items ("gr\xf6\xdfe" text PRIMARY KEY, v text);'
            b'CREATE TABLE "stra\x81e" (id int PRIMARY KEY);'
            b"INSERT INTO items VALUES ('\x80 M\xfcller\x81', 'gr\xfcn\x81'), ('M\xfc', '5 \x80')"
        )
        opened = connect(database.dsn, application_name="test")
        with opened as connection, reconcile.Database(connection, publication="rowferry") as rows:
            [shape] = rows.shapes([TableName("public", "items"), TableName("public", "stra\ufffde")])
            found = {fields["doc_id"]: (fields, row) for row in rows.rows(shape) for fields in [expected(shape, row)]}
            assert sorted(found) == ["items/%E2%82%AC%20M%C3%BCller%FF%81", "items/M%C3%BC"]
            assert found["items/M%C3%BC"][0]["metadata"] == {"gr\xf6\xdfe": "M\xfc", "v": "5 \u20ac"}
            for document, (_, row) in found.items():
                assert rows.row(shape, key_of(shape, document)) == row


@pytest.mark.rule("P8")
def test_p8_rows_of_a_database_that_checks_no_encoding_are_compared(postgres_dsn: str) -> None:
    with databases.temporary(postgres_dsn, "template0", databases.UNCHECKED) as database:
        database.execute_bytes(
            b"CREATE TABLE items (k text PRIMARY KEY, v text); INSERT INTO items VALUES ('M\xfcller', 'gr\xfcn')"
        )
        opened = connect(database.dsn, application_name="test")
        with opened as connection, reconcile.Database(connection, publication="rowferry") as rows:
            [shape] = rows.shapes([TableName("public", "items")])
            [row] = rows.rows(shape)
            fields = expected(shape, row)
            assert fields["doc_id"] == "items/M%FCller"
            assert fields["metadata"] == {"k": "M\ufffdller", "v": "gr\ufffdn"}
            assert rows.row(shape, key_of(shape, "items/M%FCller")) == row
