"""The same changes through pgoutput and through wal2json, on one server: events are the same, field by field."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from schemas.envelope import Event
from schemas.names import TableName
from tests import databases
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.integration.cdc_reader.tables import rows_in_database

DEFINED = """
CREATE SCHEMA "Od.d, 😀";
CREATE DOMAIN yes AS boolean; CREATE DOMAIN raw AS bytea; CREATE DOMAIN ratio AS float8;
CREATE TYPE mood AS ENUM ('low', 'high'); CREATE TYPE pair AS (a int, b text);
CREATE TABLE "every" (
    id int PRIMARY KEY, b boolean, by bytea, n numeric, f4 real, f8 float8, i2 smallint, i8 bigint, s text, j json,
    jb jsonb, a text[], y yes, r raw, ra ratio, o oid, g int GENERATED ALWAYS AS (id * 2) STORED, c char(5),
    "we""ird, co.l 😀" varchar(20), ch "char", d date, t time, tz timestamptz, iv interval, u uuid, m mood, p pair,
    fa float8[], na numeric[], nr numrange, x xml, bi bit(3), ip inet);
CREATE TABLE "full" (id int PRIMARY KEY, n numeric, f float8, body text);
ALTER TABLE "full" REPLICA IDENTITY FULL; ALTER TABLE "full" ALTER body SET STORAGE external;
CREATE TABLE other_key (id int PRIMARY KEY, code text NOT NULL, body text);
CREATE UNIQUE INDEX other ON other_key (code, id); ALTER TABLE other_key REPLICA IDENTITY USING INDEX other;
CREATE TABLE "Od.d, 😀"."t, ""x"".y" (k1 int, k2 text, v int, PRIMARY KEY (k2, k1));
CREATE TABLE pairs (a int, b text, PRIMARY KEY (a, b));
CREATE TABLE ratios (k float8 PRIMARY KEY, v int);
CREATE TABLE parts (id int, day int, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE "parts.2" PARTITION OF parts FOR VALUES FROM (10) TO (20);
CREATE TABLE unselected (id int PRIMARY KEY, v text);
ALTER TABLE "every" ALTER s SET STORAGE external;
"""
EVERY = (
    "(1, true, '\\xdeadbeef', 1.50, 1.5, 1e100, -7, 9007199254740993, E'tab\\tnl\\n\\x01q\"b\\\\ü😀', '{\"a\":  1.0}',"
    " '{\"z\": \"\\\\u0041\"}', '{a,NULL,\"b c\"}', true, '\\x00ff', 0.1, 4294967295, DEFAULT, 'ab', 'x', 'z',"
    " '2024-02-29', '24:00', '0044-03-15 12:00:00.000001+00 BC', '1 year -3 days', '{}', 'high', '(1,\"a b\")',"
    " '{1,NaN,-Infinity}', '{1.50,NaN}', '[1.5,2)', '<a>&amp;</a>', '101', '10.0.0.0/8')"
).replace("'{}', 'high'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'high'")
CHANGES = (
    f'INSERT INTO "every" VALUES {EVERY}',
    "INSERT INTO \"every\" (id, n, f4, f8, d) VALUES (2, 'NaN', 'Infinity', '-Infinity', 'infinity')",
    'INSERT INTO "every" (id) VALUES (3), (4)',
    "INSERT INTO \"every\" (id, s, by, n) VALUES (5, '', '', 0)",
    "UPDATE \"every\" SET s = repeat('x', 3000) WHERE id = 1",
    'UPDATE "every" SET b = false WHERE id = 1',
    "UPDATE \"every\" SET f8 = 'NaN', n = '-Infinity' WHERE id = 4",
    'UPDATE "every" SET id = 10 WHERE id = 3',
    'DELETE FROM "every" WHERE id = 2',
    "INSERT INTO \"full\" VALUES (1, 1.0, 2, repeat('y', 3000)), (2, NULL, 'NaN', 'b'), (3, 3, 3, 'c')",
    'UPDATE "full" SET n = 2 WHERE id = 1',
    'UPDATE "full" SET id = 30, n = 4 WHERE id = 3',
    'DELETE FROM "full" WHERE id = 1',
    "INSERT INTO other_key VALUES (1, 'a', 'x'), (2, 'b', 'y')",
    "UPDATE other_key SET body = 'z' WHERE id = 1",
    "UPDATE other_key SET code = 'c' WHERE id = 1",
    "UPDATE other_key SET id = 3 WHERE id = 2",
    "DELETE FROM other_key WHERE id = 3",
    'INSERT INTO "Od.d, 😀"."t, ""x"".y" VALUES (1, \'a,b\', 2), (2, E\'\\u00fc\', 3)',
    'UPDATE "Od.d, 😀"."t, ""x"".y" SET k2 = \'c\' WHERE k1 = 1',
    "INSERT INTO pairs VALUES (1, 'a'), (2, 'b')",
    "UPDATE pairs SET b = 'c' WHERE a = 1",
    "INSERT INTO parts VALUES (1, 1, 'a'), (2, 11, 'b')",
    "UPDATE parts SET day = 12 WHERE id = 1",
    "UPDATE parts SET v = 'c'",
    "BEGIN; SAVEPOINT a; INSERT INTO pairs VALUES (7, 'x'); ROLLBACK TO a; INSERT INTO pairs VALUES (8, 'x'); COMMIT",
    "BEGIN; INSERT INTO pairs VALUES (9, 'x'); ROLLBACK",
    "SELECT pg_logical_emit_message(true, 'others', 'x'), pg_logical_emit_message(false, 'rowferry', 'y')",
    "UPDATE \"full\" SET body = 'q' WHERE id = 2",
    "BEGIN; INSERT INTO unselected VALUES (1, 'x'); INSERT INTO pairs VALUES (6, 'second'); COMMIT",
    "BEGIN; TRUNCATE pairs; INSERT INTO pairs VALUES (5, 'after'); COMMIT",
)
TABLES = ("every", "full", "other_key", "pairs", "parts")
ODD = TableName("Od.d, 😀", 't, "x".y')
NAMES = [*(TableName("public", name) for name in TABLES), ODD]
SELECTED = [*TABLES, "ratios", 'Od%2Ed%2C%20%F0%9F%98%80.t%2C%20"x"%2Ey']
# Those of its columns whose nulls 2.5 does not tell from NaN and infinities.
UNCLEAR = {"n", "f", "f4", "f8"}


@dataclasses.dataclass
class Pipeline:
    """A reader and what it published."""

    reader: Reader
    consumer: Consumer

    def streamed(self) -> dict[TableName, list[dict[str, Any]]]:
        """All that the stream said of each table, in order."""
        self.reader.caught_up()
        published = self.consumer.all_published(NAMES)
        return {
            name: [told(event) for event in sorted(each.streamed(), key=lambda event: event.version)]
            for name, each in published.items()
        }


@pytest.fixture
def pipelines(
    wal2json_database: Database, make_reader: MakeReader, consumer: Consumer, other_topic_prefix: str
) -> tuple[Pipeline, Pipeline]:
    """One of pgoutput and one of wal2json, of the same tables, with topics of their own."""
    wal2json_database.execute(DEFINED)
    tables = {"TABLES": json.dumps(SELECTED)}
    own = {"PLUGIN": "wal2json", "KAFKA__PREFIX": other_topic_prefix, "SLOT": f"slot_{other_topic_prefix}"}
    one = make_reader(wal2json_database, **tables)
    other = make_reader(wal2json_database, **tables, **own)
    return Pipeline(one, consumer), Pipeline(other, Consumer(consumer.kafka, other_topic_prefix))


def told(event: Event) -> dict[str, Any]:
    """All of an event but what is of its topics (versions, names), and when it was read; NaN equals itself so."""
    fields = dataclasses.asdict(event)
    for name in ("version", "ts_ms", "below_version", "schema"):
        del fields[name]
    for name in ("before", "after"):
        fields[name] = None if fields[name] is None else {key: str(value) for key, value in fields[name].items()}
    return fields


def place(event: dict[str, Any]) -> tuple[Any, Any]:
    """The numbers that count changes of all tables with wal2json, and of the published ones with pgoutput."""
    source, transaction = dict(event["source"]), dict(event["transaction"] or {})
    counted = source.pop("ordinal"), transaction.pop("total_order", None)
    return counted, (source, transaction)


def test_same_change_is_the_same_event_and_no_change_is_lost(
    wal2json_database: Database, pipelines: tuple[Pipeline, Pipeline]
) -> None:
    """Through kills, renames and definitions that change; red without `with_all_published`, `_doubted`, `Shape`."""
    database, (pgoutput, wal2json) = wal2json_database, pipelines
    for each in pipelines:
        each.reader.start().snapshots_over(len(SELECTED))
    for statement in CHANGES:
        database.execute(statement)
    expected, found = pgoutput.streamed(), wal2json.streamed()
    assert pgoutput.reader.stop() == 0
    database.execute("SELECT pg_drop_replication_slot(%s)", (pgoutput.reader.slot,))
    for name in NAMES:
        assert len(found[name]) == len(expected[name]) > 2, name
        for ours, theirs in zip(found[name], expected[name], strict=True):
            compare(ours, theirs)
    counted = [place(event)[0] for event in found[NAMES[3]] if event["after"] == {"a": "6", "b": "second"}]
    assert counted == [(2, 2)]
    told_once = wal2json.reader.said("numbers_inexact")
    assert (len(told_once), wal2json.reader.said("streaming")[0]["plugin"]) == (1, "wal2json")
    goes_on(database, wal2json)


def compare(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Red for whatever an event says otherwise, but for what the plugin cannot tell."""
    read_again = set(ours["refetched"]) - set(theirs["refetched"])
    assert read_again <= UNCLEAR
    assert ours["omitted"] == theirs["omitted"]
    for name in ("op", "after"):
        assert ours[name] == theirs[name]
    if ours["before"] != theirs["before"]:  # the key alone, where the old row has values that cannot be told
        assert {theirs["before"][name] for name in UNCLEAR & theirs["before"].keys()} & {"None", "nan", "NaN"}
        assert ours["before"] == {"id": theirs["before"]["id"]}
    assert place(ours)[1] == place(theirs)[1]


def goes_on(database: Database, pipeline: Pipeline) -> None:
    reader, consumer = pipeline.reader, pipeline.consumer
    # Killed inside a transaction that is larger than one of Kafka, and while changes come.
    reader.kill()
    database.execute("INSERT INTO pairs SELECT n, 'many' FROM generate_series(100, 30000) n")
    database.execute("UPDATE pairs SET b = 'moved' WHERE a % 3 = 0")
    reader.start().wait_for("streaming", count=2)
    database.execute("DELETE FROM pairs WHERE a % 5 = 0")
    reader.kill()
    reader.start().wait_for("streaming", count=3).caught_up()
    assert_equal(database, consumer)
    # Definitions: DDL that sends nothing; a name of a moment; a partition with another name; a key that is no number.
    read_again = len(reader.said("snapshot_over"))
    database.execute("ALTER TABLE other_key ADD COLUMN more text DEFAULT 'given'; UPDATE other_key SET body = 'w'")
    database.execute(
        "BEGIN; ALTER TABLE pairs RENAME TO moment; INSERT INTO moment VALUES (50000, 'meanwhile');"
        " ALTER TABLE moment RENAME TO pairs; COMMIT"
    )
    database.execute("INSERT INTO ratios VALUES (1.5, 1), ('NaN', 2); UPDATE ratios SET k = 'Infinity' WHERE k = 1.5")
    reader.snapshots_over(read_again + 3)
    database.execute("ALTER TABLE \"parts.2\" RENAME TO parts_3; UPDATE parts SET v = 'under another name'")
    reader.snapshots_over(read_again + 4)
    database.execute("CREATE TABLE parts_4 PARTITION OF parts FOR VALUES FROM (20) TO (30)")
    database.execute("INSERT INTO parts VALUES (9, 25, 'new')")
    reader.wait_for("session_restarts", count=3).snapshots_over(read_again + 5).caught_up()
    assert_equal(database, consumer)
    assert reader.stop() == 0


def assert_equal(database: Database, consumer: Consumer) -> None:
    names = [name for name in (*TABLES, "ratios") if name != "every"]
    for name in names:
        assert consumer.published(name).rows(name) == rows_in_database(database, name), name


ITEMS = "CREATE TABLE items (id int PRIMARY KEY, s text); INSERT INTO items VALUES (1, 'a')"


@pytest.mark.remedy("the plugin belongs to the slot: set plugin")
def test_plugin_belongs_to_its_slot(wal2json_database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    """`auto` takes what is there; another one is refused with the way to it, and needs no publication."""
    wal2json_database.execute(ITEMS)
    first = make_reader(wal2json_database, PLUGIN="wal2json").start().snapshots_over(1)
    assert first.stop() == 0
    refused = make_reader(wal2json_database, PLUGIN="pgoutput").start()
    assert refused.exit_code() == 78
    remedy = (
        "the plugin belongs to the slot: set plugin: wal2json; to change it, run `cdc-reader reset --execute` before "
        "you set the other"
    )
    assert remedy in refused.tail()
    reset = make_reader(wal2json_database, PLUGIN="pgoutput").start("reset", "--execute")
    assert (reset.exit_code(), "one of plugin 'wal2json'" in reset.tail()) == (78, True)
    again = make_reader(wal2json_database, PLUGIN="auto").start().wait_for("streaming", plugin="wal2json")
    wal2json_database.execute("INSERT INTO items VALUES (2, 'b')")
    assert again.caught_up().stop() == 0
    assert wal2json_database.execute("SELECT count(*) FROM pg_publication") == [(0,)]
    assert make_reader(wal2json_database, PLUGIN="wal2json").start("reset", "--execute").exit_code() == 0
    other = make_reader(wal2json_database, PLUGIN="auto").start().wait_for("streaming", plugin="pgoutput")
    assert other.snapshots_over(1).caught_up().stop() == 0
    assert consumer.published("items").rows("items") == rows_in_database(wal2json_database, "items")


@pytest.mark.remedy("install the slot's output plugin on the server")
def test_server_without_the_plugin_is_told_with_what_to_install(database: Database, make_reader: MakeReader) -> None:
    database.execute(ITEMS)
    reader = make_reader(database, PLUGIN="wal2json").start()
    assert reader.exit_code() == 78
    assert "install the slot's output plugin on the server (wal2json: Debian's package" in reader.tail()
    assert "or set another `plugin`" in reader.tail()
    assert make_reader(database, PLUGIN="pgoutput").start().snapshots_over(1).stop() == 0


ENCODINGS = {
    "SQL_ASCII": (b"INSERT INTO items VALUES (2, '\xe9\xff'), (3, 'z\xc3\xbc')", {"z\u00fc"}),
    "LATIN1": ("INSERT INTO items VALUES (2, 'é'), (3, 'zü')".encode("latin1"), {"é", "zü"}),
}


@pytest.mark.rule("P8")
@pytest.mark.parametrize(("encoding", "statement", "expected"), [(k, *v) for k, v in ENCODINGS.items()], ids=ENCODINGS)
def test_p8_texts_are_those_of_the_database(
    wal2json_database: Database,
    make_reader: MakeReader,
    consumer: Consumer,
    encoding: str,
    statement: bytes,
    expected: set[str],
) -> None:
    """The plugin writes in the database's own encoding, and asks nobody."""
    options = f"ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
    with databases.temporary(wal2json_database.server_dsn, template="template0", options=options) as other:
        other.execute_bytes(ITEMS.encode())
        told_in_utf8 = dataclasses.replace(other, dsn=f"{other.dsn}?client_encoding=UTF8")
        reader = make_reader(told_in_utf8, dsn=other.dsn, PLUGIN="wal2json").start().snapshots_over(1)
        other.execute_bytes(statement)
        reader.caught_up()
        streamed = consumer.published("items").streamed()
        assert {event.after["s"] for event in streamed if event.after} - {None} == expected
        left_out = [event for event in streamed if event.omitted]
        assert len(left_out) == (encoding == "SQL_ASCII")
        assert reader.stop() == 0


@pytest.mark.remedy("set plugin: pgoutput, for which the server makes UTF-8 of it")
def test_encoding_of_several_bytes_is_refused(wal2json_database: Database, make_reader: MakeReader) -> None:
    options = "ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C'"
    with databases.temporary(wal2json_database.server_dsn, template="template0", options=options) as other:
        other.execute(ITEMS)
        reader = make_reader(other, PLUGIN="wal2json").start()
        assert (reader.exit_code(), "set plugin: pgoutput, for which the" in reader.tail()) == (78, True)
        assert make_reader(other, PLUGIN="pgoutput").start().snapshots_over(1).stop() == 0
