"""Columns of domains are what is under them: in events, entries, and for whoever reads these."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cdc_reader.postgres.connections import connect
from cdc_reader.postgres.server import declared_types
from cdc_reader.transcode.type_shapes import DOMAIN
from schemas.tables import FileColumn, TableEntry
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.integration.cdc_reader.tables import differences

# Of each type: its kind in events, and two values.
TYPES = {
    "boolean": ("bool", "t", "f"),
    "integer": ("int4", "7", "-7"),
    "bigint": ("int8", "7", "-9223372036854775808"),
    "double precision": ("float8", "1e+300", "NaN"),
    "numeric(12,2)": ("numeric", "1.50", "NaN"),
    "text": ("text", "a word", "\u00e9, 'quoted'"),
    "character varying(20)": ("text", "a word", "b"),
    "character(4)": ("text", "ab", "abcd"),
    "jsonb": ("jsonb", '{"a": [1, null]}', "null"),
    "uuid": ("uuid", "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"),
    "bytea": ("bytea", "\\\\x00ff", "\\\\x"),
    "date": ("date", "2020-02-03", "infinity"),
    "time without time zone": ("time", "04:05:06.7", "24:00:00"),
    "timestamp without time zone": ("timestamp", "2020-02-03 04:05:06", "-infinity"),
    "timestamp with time zone": ("timestamptz", "2020-02-03 04:05:06.7+09", "0044-03-15 00:00:00+00 BC"),
    "text[]": ("text", '{a,NULL,"b c"}', "{}"),
    "timestamp with time zone[]": ("text", '{"2020-02-03 04:05:06+00"}', "{}"),
    "inet": ("text", "10.0.0.1", "10.0.0.0/8"),
    "money": ("text", "$1.00", "-$92,233,720,368,547,758.08"),
}
KINDS = {f"c{at}": kind for at, (kind, _, _) in enumerate(TYPES.values())}
PLACES = {f"c{at}": name for at, name in enumerate(TYPES)}


def make(database: Database) -> None:
    """Two tables of every type, under a domain and under a domain of it; one has only types that are sent in binary."""
    for at, name in enumerate(TYPES):
        database.execute(f"CREATE DOMAIN d{at} AS {name}; CREATE DOMAIN dd{at} AS d{at}")
    columns = "".join(f", c{at} {'dd' if at % 2 else 'd'}{at}" for at in range(len(TYPES)))
    binary = [at for at, name in enumerate(TYPES) if KINDS[f"c{at}"] != "text" or name in ("text", "character(4)")]
    some = "".join(f", c{at} d{at}" for at in binary)
    database.execute(
        f"CREATE TABLE items (id dd1 PRIMARY KEY{columns}); CREATE TABLE binaries (id dd1 PRIMARY KEY{some})"
    )


def insert(database: Database, row_id: int, place: int) -> None:
    for table in ("items", "binaries"):
        known = {
            str(name)
            for (name,) in database.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 1", [table]
            )
        }
        values = {f"c{at}": each[place] for at, each in enumerate(TYPES.values()) if f"c{at}" in known}
        texts = ", ".join("E'" + value.replace("'", "''") + "'" for value in values.values())
        database.execute(f"INSERT INTO {table} (id, {', '.join(values)}) VALUES ({row_id}, {texts})")


def test_events_carry_domains_as_what_is_under_them(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    make(database)
    insert(database, 1, 1)
    insert(database, 2, 2)
    reader = make_reader(database).start().snapshots_over(2)
    insert(database, 3, 1)
    insert(database, 4, 2)
    database.execute("UPDATE items SET id = id + 10; DELETE FROM binaries WHERE id = 1")
    reader.caught_up()
    assert list(differences(database, consumer)) == []
    event = consumer.published("items").events[-1]
    assert {name: kind for name, kind in event.kinds.items() if name != "id"} == KINDS
    columns = {column.name: column for column in consumer.entries()["public.items"].columns}
    assert {name: columns[name].base_type for name in PLACES} == PLACES
    assert columns["id"].base_type == "integer"
    reader.stop()
    database.execute("DROP TABLE items")
    reader.start().wait_for("streaming", count=2)
    assert len(reader.said("stream_in_text")) == 1  # of the first start alone
    insert_binary = "INSERT INTO binaries (id, c1) VALUES (9, 5); UPDATE binaries SET c1 = c1 + 1"
    database.execute(insert_binary)
    reader.caught_up()
    assert list(differences(database, consumer)) == []


def test_relation_that_the_catalog_does_not_explain_is_told_what_is_under_its_domains(database: Database) -> None:
    database.execute(
        "CREATE DOMAIN short AS varchar(5); CREATE DOMAIN shorter AS short; CREATE TABLE t (a shorter, b int)"
    )
    found = database.execute(
        "SELECT atttypid::int8, atttypmod FROM pg_attribute WHERE attrelid = 't'::regclass"
        " AND attnum > 0 ORDER BY attnum"
    )
    with connect(database.dsn, application_name="test") as connection:
        types = declared_types(connection, [(int(oid), int(typmod)) for oid, typmod in found])
    assert [each[:3] for each in types] == [("shorter", 1043, "character varying(5)"), ("integer", None, None)]
    parts = [each.parts[0] for each in types[0].shapes if each.kind == DOMAIN]
    assert len(parts) == 2
    assert 1043 in parts


TABLES = """
    CREATE DOMAIN longtext AS text; CREATE DOMAIN s3path AS longtext; CREATE DOMAIN moment AS timestamptz;
    CREATE TABLE papers (id int PRIMARY KEY, body longtext, created_at moment);
    CREATE TABLE plans (id int PRIMARY KEY, plan_s3_key s3path);
    CREATE TABLE plain (id int PRIMARY KEY, body text, n int);
    INSERT INTO papers VALUES (1, 'quagmire', '2020-01-01'); INSERT INTO plans VALUES (1, 'u/a b.csv');
    INSERT INTO plain VALUES (1, 'words', 2);
"""


@pytest.fixture
def upgraded(database: Database, make_reader: MakeReader, consumer: Consumer) -> Reader:
    """A reader whose tables a reader of before has told of, which knew nothing of what is under domains."""
    database.execute(TABLES)
    reader = make_reader(database).start().snapshots_over(3)
    assert reader.stop() == 0
    for entry in consumer.entries().values():
        old = as_before(entry)
        consumer.send(consumer.topics.tables, entry.record_key, json.dumps(old).encode())
    return reader


def as_before(entry: TableEntry) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads(replace(entry, file_columns=(), catalog_mark="").to_json())
    for column in raw["columns"]:
        del column["base_type"], column["base_type_oid"]
    return raw


@pytest.mark.rule("D9")
def test_d9_rows_are_read_again_once_what_is_under_their_domains_is_told(upgraded: Reader, consumer: Consumer) -> None:
    """And no other table's, and nothing is swept."""
    upgraded.start().wait_for("snapshot_over", table="public.papers", count=2)
    upgraded.wait_for("snapshot_over", table="public.plans", count=2)
    assert upgraded.stop() == 0
    again = {line["table"] for line in upgraded.said("snapshot_begins")[3:]}
    assert again == {"public.papers", "public.plans"}
    for table in ("papers", "plans"):
        [last, *_] = sorted(consumer.published(table).events, key=lambda event: -event.version)
        assert (last.op, last.source.mode) == ("r", "snapshot")
    assert consumer.entries()["public.plans"].file_columns == (FileColumn("plan_s3_key", "s3_key", "*_s3_key"),)
    upgraded.start().wait_for("streaming", count=3)
    upgraded.caught_up()
    assert len(upgraded.said("snapshot_begins")) == 5
