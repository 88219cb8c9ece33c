"""Rule S8 on a real server: whatever a key is of, and is called, its rows are read once, in one order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from cdc_reader.discovery.captures import REPLICATION
from cdc_reader.discovery.catalog import read_catalog
from cdc_reader.discovery.selection import Selection
from cdc_reader.postgres.connections import connect
from cdc_reader.postgres.row_queries import ReadPlan, confirmed
from cdc_reader.postgres.visible_reads import copy_rows
from cdc_reader.tables.captured import CapturedTable
from cdc_reader.tables.planned import TopicSettings, plan_tables
from cdc_reader.transcode import make_encoder
from schemas.keys import parse_row_key
from tests import databases
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer
from tests.integration.cdc_reader.tables import rows_in_database

pytestmark = pytest.mark.rule("S8")

# A type that ignores case, whose operators are all in a schema that no search path holds.
TYPES = """
    CREATE SCHEMA ext;
    CREATE TYPE ext.ci;
    CREATE FUNCTION ext.ciin(cstring) RETURNS ext.ci LANGUAGE internal IMMUTABLE STRICT AS 'textin';
    CREATE FUNCTION ext.ciout(ext.ci) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
    CREATE TYPE ext.ci (INPUT = ext.ciin, OUTPUT = ext.ciout, LIKE = text, CATEGORY = 'S', COLLATABLE = true);
    CREATE CAST (ext.ci AS text) WITHOUT FUNCTION AS IMPLICIT;
    CREATE CAST (text AS ext.ci) WITHOUT FUNCTION AS ASSIGNMENT;
    CREATE FUNCTION ext.cmp(ext.ci, ext.ci) RETURNS int LANGUAGE sql IMMUTABLE STRICT
        AS $$ SELECT bttextcmp(lower($1::text), lower($2::text)) $$;
    CREATE FUNCTION ext.lt(ext.ci, ext.ci) RETURNS bool LANGUAGE sql IMMUTABLE STRICT
        AS $$ SELECT ext.cmp($1, $2) < 0 $$;
    CREATE FUNCTION ext.le(ext.ci, ext.ci) RETURNS bool LANGUAGE sql IMMUTABLE STRICT
        AS $$ SELECT ext.cmp($1, $2) <= 0 $$;
    CREATE FUNCTION ext.eq(ext.ci, ext.ci) RETURNS bool LANGUAGE sql IMMUTABLE STRICT
        AS $$ SELECT ext.cmp($1, $2) = 0 $$;
    CREATE FUNCTION ext.ge(ext.ci, ext.ci) RETURNS bool LANGUAGE sql IMMUTABLE STRICT
        AS $$ SELECT ext.cmp($1, $2) >= 0 $$;
    CREATE FUNCTION ext.gt(ext.ci, ext.ci) RETURNS bool LANGUAGE sql IMMUTABLE STRICT
        AS $$ SELECT ext.cmp($1, $2) > 0 $$;
    CREATE OPERATOR ext.< (LEFTARG = ext.ci, RIGHTARG = ext.ci, FUNCTION = ext.lt, COMMUTATOR = OPERATOR(ext.>));
    CREATE OPERATOR ext.<= (LEFTARG = ext.ci, RIGHTARG = ext.ci, FUNCTION = ext.le);
    CREATE OPERATOR ext.= (LEFTARG = ext.ci, RIGHTARG = ext.ci, FUNCTION = ext.eq, MERGES);
    CREATE OPERATOR ext.>= (LEFTARG = ext.ci, RIGHTARG = ext.ci, FUNCTION = ext.ge);
    CREATE OPERATOR ext.> (LEFTARG = ext.ci, RIGHTARG = ext.ci, FUNCTION = ext.gt);
    CREATE OPERATOR CLASS ext.ci_ops DEFAULT FOR TYPE ext.ci USING btree AS OPERATOR 1 ext.<, OPERATOR 2 ext.<=,
        OPERATOR 3 ext.=, OPERATOR 4 ext.>=, OPERATOR 5 ext.>, FUNCTION 1 ext.cmp(ext.ci, ext.ci);
    CREATE DOMAIN code AS ext.ci;
    CREATE DOMAIN code_of_code AS code;
    CREATE TYPE state AS ENUM ('zero', 'one', 'two', 'three', 'four');
    CREATE TYPE ext.state AS ENUM ('zero', 'one', 'two', 'three', 'four');
    CREATE DOMAIN phase AS ext.state;
    CREATE TYPE pair AS (a int, b text);
    CREATE DOMAIN posix AS text COLLATE "C";
    CREATE DOMAIN upper_later AS text;
"""
# A server built without ICU has none of these orders: their names stand for another one there.
ICU = """
    CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE COLLATION ext.german (provider = icu, locale = 'de-u-co-phonebk');
"""
NO_ICU = 'CREATE COLLATION nocase FROM "C"; CREATE COLLATION ext.german FROM "POSIX";'
# Nondeterministic collations hold `a` and `A` for one key.
LETTERS = ("b", "A", "c", "D", "e", "F", "g H", "ä", "Z", "'", "\\", "")
STATES = ("two", "zero", "four", "one", "three")

# Type -> values, in no order. The server says which order is right.
KINDS: dict[str, tuple[str, ...]] = {
    "smallint": ("-3", "2", "10", "-32768"),
    "integer": ("-3", "2", "10", "2147483647"),
    "bigint": ("-3", "2", "10", "-9223372036854775808"),
    "oid": ("2", "10", "4294967295"),
    "xid8": ("2", "10", "18446744073709551615"),
    "numeric": ("2", "10", "-1.5", "NaN", "Infinity", "-Infinity", "0.0000000001"),
    "numeric(10,2)": ("2", "10.25", "-1.5"),
    "real": ("2", "10", "-1.5", "NaN", "Infinity", "1e-30"),
    "double precision": ("2", "10", "-1.5", "NaN", "-Infinity", "1e-300"),
    "boolean": ("true", "false"),
    "text": LETTERS,
    'text COLLATE "C"': LETTERS,
    'text COLLATE "POSIX"': LETTERS,
    "text COLLATE nocase": LETTERS,
    "text COLLATE ext.german": LETTERS,
    "varchar": LETTERS,
    "varchar(20) COLLATE nocase": LETTERS,
    "character(3)": ("b", "A", "c", "ab"),
    "bpchar": ("b", "A", "c", "ab"),
    "name COLLATE ext.german": LETTERS,
    "name": LETTERS,
    '"char"': ("b", "A", "c"),
    "bytea": ("\\x00", "\\xff", "\\x0102", "\\x"),
    "bit(3)": ("101", "001", "110"),
    "bit varying": ("101", "1", "0001"),
    "date": ("2024-01-01", "0044-03-15 BC", "infinity", "1999-12-31", "-infinity"),
    "time": ("12:00", "03:04:05.5", "24:00"),
    "time with time zone": ("12:00+02", "12:00-02", "03:04:05.5+00"),
    "timestamp": ("2024-01-01 00:00:00", "infinity", "1999-12-31 23:59:59.999999"),
    "timestamptz(0)": ("2024-01-01 00:00:00+00", "-infinity", "1999-12-31 23:59:59+02"),
    "interval": ("1 day", "25 hours", "-1 mon", "1 year"),
    "uuid": ("00112233-4455-6677-8899-aabbccddeeff", "ff112233-4455-6677-8899-aabbccddeeff"),
    "inet": ("10.0.0.1", "9.0.0.0/8", "::1", "10.0.0.1/8"),
    "cidr": ("10.0.0.0/8", "9.0.0.0/8", "10.0.0.0/16", "::/0"),
    "macaddr": ("08:00:2b:01:02:03", "00:00:2b:01:02:03"),
    "macaddr8": ("08:00:2b:01:02:03:04:05", "00:00:2b:01:02:03:04:05"),
    "pg_lsn": ("0/10", "0/9", "A/0"),
    "tid": ("(1,2)", "(1,10)", "(0,3)"),
    "jsonb": ('{"a": 1}', "[1, 2]", '"x"', "2", "10", "null", '{"a": "\'"}'),
    "tsvector": ("'a' 'b'", "'b'", ""),
    "tsquery": ("a & b", "b", "a | c"),
    "int4range": ("[1,5)", "[1,10)", "empty", "(,3)"),
    "daterange": ("[2024-01-01,2024-02-01)", "[2023-01-01,)"),
    "int4multirange": ("{[1,5)}", "{[1,10)}", "{}"),
    "integer[]": ("{1,2}", "{1,10}", "{}", "{NULL}"),
    "text[]": ('{a,"b c"}', "{B}", "{}"),
    "oidvector": ("1 2", "1 10", ""),
    "state": STATES,
    "ext.state": STATES,
    "phase": STATES,
    "state[]": ("{two}", "{zero,one}", "{}"),
    "pair": ("(1,b)", "(1,B)", "(0,x)", "(2,)"),
    "ext.ci": tuple("bDaFcE"),
    "code": tuple("bDaFcE"),
    "code_of_code": tuple("bDaFcE"),
    "posix": LETTERS,
    "posix COLLATE nocase": LETTERS,
    "upper_later": LETTERS,
}
NAMES = ("case", "format", "order", "user", "r", "row_number", 'a"b', "lag", "Items", "select", "k")
COMPOSITES = (
    ("integer", "text"),
    ("text COLLATE nocase", "integer"),
    ("code", "integer"),
    ("integer", "code"),
    ("state", "ext.ci", "date"),
    ("phase", "phase"),
    ("cidr", "numeric(10,2)"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One table, as the reader reads it."""

    connection: psycopg.Connection[tuple[object, ...]]
    table: CapturedTable

    def keys(self, limit: int) -> list[tuple[str, ...]]:
        """The keys of all rows, chunk after chunk."""
        return list(self._keys(limit))

    def _keys(self, limit: int) -> Iterator[tuple[str, ...]]:
        after: tuple[str, ...] | None = None
        for _ in range(1_000):
            rows = confirmed(copy_rows(self.connection, self.plan.range_query(after, limit))[0])
            assert rows is not None, "the server does not confirm the order"
            for row in rows:
                after = parse_row_key(self.table.encoder.copy_row(row)[0])
                yield after
            if len(rows) < limit:
                return
        raise AssertionError("the same rows come again and again")

    def found(self, keys: list[tuple[str, ...]]) -> set[tuple[str, ...]]:
        """The keys of the rows that are found by their keys."""
        rows, _ = copy_rows(self.connection, self.plan.keys_query(keys))
        return {parse_row_key(self.table.encoder.copy_row(row)[0]) for row in rows}

    @property
    def plan(self) -> ReadPlan:
        return self.table.read


def reading(database: Database, table: str = "items") -> Iterator[Reading]:
    with connect(database.dsn, application_name="orders") as connection:
        catalog = read_catalog(connection, Selection.of([table]))
        planned = plan_tables(catalog, {}, TopicSettings("rowferry", "cdc", 1, {}), version=1, encoder_of=make_encoder)
        assert [each.capture.mode for each in planned.entries.values()] == [REPLICATION]
        yield Reading(connection, planned.captured[0])


def key_table(database: Database, name: str, kinds: tuple[str, ...]) -> None:
    """A table with a key of these types, and a row for each combination of values."""
    quoted = ['"' + f"{name}{at or ''}".replace('"', '""') + '"' for at in range(len(kinds))]
    columns = ", ".join(f"{column} {kind}" for column, kind in zip(quoted, kinds, strict=True))
    sources = ", ".join(f"unnest(%s::text[]) AS v{at}" for at in range(len(kinds)))
    values = ", ".join(f"v{at}::{kind.partition(' COLLATE')[0]}" for at, kind in enumerate(kinds))
    database.execute(f"CREATE TABLE items ({columns}, state state, PRIMARY KEY ({', '.join(quoted)}))")
    database.execute(f"INSERT INTO items SELECT {values}, 'two' FROM {sources}", [list(KINDS[kind]) for kind in kinds])


def truth(database: Database, name: str, kinds: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The keys in the order that the server's own ORDER BY takes."""
    quoted = ['items."' + f"{name}{at or ''}".replace('"', '""') + '"' for at in range(len(kinds))]
    shown = ", ".join(f"format('%%s', {column})" for column in quoted)
    with connect(database.dsn, application_name="truth") as connection:
        query = f"SELECT {shown} FROM items ORDER BY {', '.join(quoted)}".replace("%%", "%")
        return [tuple(map(str, row)) for row in connection.execute(query.encode())]


def collations(database: Database) -> str:
    return ICU if database.execute("SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu'") else NO_ICU


CASES = [(kind,) for kind in KINDS] + list(COMPOSITES)


@pytest.fixture(scope="module")
def typed(postgres_dsn: str) -> Iterator[Database]:
    """A database with the types."""
    with databases.temporary(postgres_dsn) as made:
        made.execute(TYPES + collations(made))
        yield made


@pytest.mark.parametrize("kinds", CASES, ids="|".join)
def test_s8_every_row_is_read_once_in_order(typed: Database, kinds: tuple[str, ...]) -> None:
    """By chunks of one row, of three and of all; the column is called like a keyword, or like what we write."""
    name = NAMES[CASES.index(kinds) % len(NAMES)]
    try:
        key_table(typed, name, kinds)
        expected = truth(typed, name, kinds)
        for read in reading(typed):
            for limit in (1, 3, 1_000):
                assert read.keys(limit) == expected
            assert read.found(expected) == set(expected)
            assert read.found(expected[:1]) == set(expected[:1])
    finally:
        typed.execute("DROP TABLE IF EXISTS items")


@pytest.mark.parametrize("name", NAMES)
def test_s8_column_may_be_called_anything(typed: Database, name: str) -> None:
    """The output column of a CASE is called `case`: ORDER BY without a relation would take that one."""
    try:
        key_table(typed, name, ("state",))
        for read in reading(typed):
            assert read.keys(2) == [("zero",), ("one",), ("two",), ("three",), ("four",)]
    finally:
        typed.execute("DROP TABLE IF EXISTS items")


def test_s8_value_that_its_domain_would_refuse_by_now_is_read_past(typed: Database) -> None:
    typed.execute(
        "CREATE TABLE items (k upper_later PRIMARY KEY); INSERT INTO items VALUES ('a'), ('b'), ('C'), ('d');"
        "ALTER DOMAIN upper_later ADD CONSTRAINT upper CHECK (VALUE = upper(VALUE)) NOT VALID"
    )
    try:
        for read in reading(typed):
            assert read.keys(1) == truth(typed, "k", ("upper_later",))
    finally:
        typed.execute("DROP TABLE items; ALTER DOMAIN upper_later DROP CONSTRAINT upper")


def test_s8_composite_key_is_continued_by_its_index(typed: Database) -> None:
    """Operators of one name: as a row. Of several schemas: by the first column at least."""
    try:
        for kinds in (("integer", "text"), ("integer", "code")):
            key_table(typed, "k", kinds)
            typed.execute("INSERT INTO items SELECT n, 'x' FROM generate_series(100, 20000) n; ANALYZE items")
            for read in reading(typed):
                query = read.plan.range_query(("15000", "x"), 10).removeprefix("COPY (").partition(") TO STDOUT")[0]
                plan = "\n".join(str(line) for (line,) in read.connection.execute(f"EXPLAIN {query}".encode()))
                assert "Index Cond" in plan, plan
                assert "Sort" not in plan, plan
            typed.execute("DROP TABLE items")
    finally:
        typed.execute("DROP TABLE IF EXISTS items")


def test_s8_server_denies_an_order_that_is_not_the_operators(typed: Database) -> None:
    """As after another version of a collation: the index was filled by another order than that of the operators."""
    typed.execute(
        "CREATE TABLE items (k ext.ci PRIMARY KEY);"
        "INSERT INTO items SELECT chr(n)::ext.ci FROM generate_series(97, 120) n"
    )
    typed.execute(
        "CREATE OR REPLACE FUNCTION ext.cmp(ext.ci, ext.ci) RETURNS int LANGUAGE sql IMMUTABLE STRICT"
        " AS $$ SELECT bttextcmp(reverse(md5($1::text)), reverse(md5($2::text))) $$"
    )
    try:
        for read in reading(typed):
            read.connection.execute("SET enable_sort = off")
            read.connection.execute("SET enable_seqscan = off")
            assert confirmed(copy_rows(read.connection, read.plan.range_query(None, 100))[0]) is None
    finally:
        typed.execute(
            "DROP TABLE items;"
            "CREATE OR REPLACE FUNCTION ext.cmp(ext.ci, ext.ci) RETURNS int LANGUAGE sql IMMUTABLE STRICT"
            " AS $$ SELECT bttextcmp(lower($1::text), lower($2::text)) $$"
        )


SEEN = {
    "operators of another schema": (
        "CREATE TABLE items (k code PRIMARY KEY);"
        "INSERT INTO items SELECT chr(97 - n % 2 * 32 + n)::ext.ci FROM generate_series(0, 25) n"
    ),
    "a key called case": (
        'CREATE TABLE items ("case" state PRIMARY KEY); INSERT INTO items SELECT unnest(enum_range(NULL::state))'
    ),
    "a key called case beside an enum": (
        "CREATE TABLE items (\"case\" int PRIMARY KEY, state state); INSERT INTO items VALUES (1, 'one')"
    ),
}


@pytest.mark.parametrize("table", SEEN.values(), ids=SEEN)
def test_s8_reader_publishes_every_row(
    database: Database, make_reader: MakeReader, consumer: Consumer, table: str
) -> None:
    """Red when `>` is found by the search path, or ORDER BY finds an output column."""
    database.execute(f"{TYPES} {table}")
    make_reader(database, SNAPSHOT__CHUNK_ROWS=2).start().snapshots_over(1).caught_up()
    assert consumer.published("items").rows("items") == rows_in_database(database, "items")
