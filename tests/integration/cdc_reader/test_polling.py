"""Rules L1 and L2 on real servers: what the stream does not bring is polled, beside what it brings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.control import Command, Kind, State
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.waiting import eventually

TABLES = """
    CREATE TABLE items (id bigint PRIMARY KEY, name text, open bool DEFAULT true);
    INSERT INTO items (id, name) SELECT n, 'row ' || n FROM generate_series(1, 300) n;
    CREATE VIEW open_items AS SELECT id, upper(name) AS name FROM items WHERE open;
    CREATE MATERIALIZED VIEW counts AS SELECT open, count(*) AS rows FROM items GROUP BY open;
    CREATE TABLE nameless (id bigint PRIMARY KEY, name text);
    ALTER TABLE nameless REPLICA IDENTITY NOTHING;
    INSERT INTO nameless SELECT n, 'row ' || n FROM generate_series(1, 300) n;
    CREATE TABLE keyless (a int, b text, note text);
    INSERT INTO keyless SELECT n, 'b' || n, 'note' FROM generate_series(1, 200) n;
    CREATE TABLE parts (id bigint, name text) PARTITION BY RANGE (id);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (100);
    CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100) TO (200);
    INSERT INTO parts SELECT n, 'row ' || n FROM generate_series(1, 150) n;
    CREATE TABLE refused (a int);
"""
OTHERS = """
    CREATE TABLE times (id bigint PRIMARY KEY, at timestamptz);
    INSERT INTO times SELECT n, now() - n * interval '1 day' FROM generate_series(0, 200) n;
    CREATE VIEW stamped AS SELECT id, to_char(at, 'YYYY') AS year, at::timestamp AS at FROM times;
    CREATE VIEW slow AS SELECT 1 AS id FROM pg_sleep(600);
"""
KEYS = {"open_items": ["id"], "counts": ["open"], "keyless": ["a", "b"], "parts": ["id"]}
POLLED = {"open_items": "id", "counts": "open", "nameless": "id", "keyless": "a, b", "parts": "id"}
STAMPED = {
    "KEYS": json.dumps(KEYS | {"stamped": ["id"], "slow": ["id"]}),
    "POLLING__TIMESTAMP_COLUMNS": "stamped=at",
    "POLLING__OVERLAP_S": "3600",
    "POLLING__STATEMENT_TIMEOUT_S": "2",
    "POLLING__INTERVALS": "slow=2",
    "POLLING__WHOLE_INTERVAL_S": "3600",
}
SETTINGS = {"KEYS": json.dumps(KEYS), "POLLING__INTERVAL_S": "1", "POLLING__WORKERS": "2"}


def in_database(database: Database, table: str) -> dict[str, dict[str, str]]:
    """The rows as PostgreSQL prints them, by document id."""
    key = POLLED.get(table, "id").split(", ")
    rows = database.execute(f"SELECT to_jsonb(t) FROM {table} t")
    texts = [{name: _text(value) for name, value in row.items() if value is not None} for (row,) in rows]
    return {f"{table}/{','.join(row[name] for name in key)}": row for row in texts}


def _text(value: object) -> str:
    return ("t" if value else "f") if isinstance(value, bool) else str(value)


def equal(database: Database, consumer: Consumer, table: str) -> Callable[[], bool]:
    return lambda: consumer.published(table).rows(table) == in_database(database, table)


def all_equal(database: Database, consumer: Consumer, reader: Reader, *tables: str) -> None:
    for table in tables or POLLED:
        eventually(equal(database, consumer, table), 150, f"{table} to be as it is in the database: {reader.tail()}")


@pytest.mark.rule("L1")
def test_l1_what_cannot_be_streamed_is_polled(database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    database.execute(TABLES + OTHERS)
    reader = make_reader(database, **SETTINGS | STAMPED).start().wait_for("streaming")
    all_equal(database, consumer, reader)
    # What takes too long is its own trouble.
    reader.wait_for("poll_failed", table="public.slow")
    [line] = reader.said("poll_failed", table="public.slow")
    assert line["reason"] == "cannot see whether the key is one: canceling statement due to statement timeout"
    entries = consumer.entries()
    assert {name: entry.capture.mode for name, entry in entries.items()} == {
        "public.items": "replication",
        "public.times": "replication",
        "public.stamped": "polling",
        "public.slow": "polling",
        "public.refused": "none",
        **{f"public.{name}": "polling" for name in POLLED},
    }
    assert entries["public.keyless"].primary_key == ("a", "b")
    before = {name: len(consumer.published(name).records) for name in POLLED}
    database.execute(
        "UPDATE items SET name = 'changed' WHERE id % 50 = 0; UPDATE items SET open = false WHERE id > 280;"
        "DELETE FROM items WHERE id <= 5; INSERT INTO items VALUES (1000, 'new');"
        "UPDATE nameless SET name = 'changed' WHERE id = 7 OR id = 0;"
        "INSERT INTO nameless VALUES (1001, 'new');"
        "UPDATE keyless SET note = 'changed' WHERE a = 3; DELETE FROM keyless WHERE a < 3;"
        "INSERT INTO keyless VALUES (900, 'b900', 'new');"
        "DELETE FROM parts WHERE id < 10; INSERT INTO parts VALUES (199, 'new');"
        "REFRESH MATERIALIZED VIEW counts"
    )
    all_equal(database, consumer, reader)
    polled = consumer.published("open_items").events
    assert {event.source.mode for event in polled} == {"polling"}
    # What did not change was not published again.
    after = {name: len(consumer.published(name).records) - before[name] for name in POLLED}
    assert after == {"open_items": 6 - 1 + 2 * 25 + 1, "counts": 2, "nameless": 2, "keyless": 1 + 4 + 1, "parts": 19}
    # By a timestamp column, newer rows are found at once; one that did not move is found when all are read.
    stamped = len(consumer.published("stamped").records)
    database.execute(
        "INSERT INTO times VALUES (900, now()); UPDATE times SET at = at - interval '2 years' WHERE id = 100"
    )
    eventually(lambda: len(consumer.published("stamped").records) > stamped, 150, f"a newer row: {reader.tail()}")
    polled_again(reader, "stamped")
    assert len(consumer.published("stamped").records) == stamped + 1
    database.execute("DELETE FROM times WHERE id = 50")
    eventually(lambda: len(consumer.published("stamped").records) == stamped + 3, 150, f"a delete: {reader.tail()}")
    assert reader.stop() == 0


def ask(consumer: Consumer, table: str, kind: Kind = Kind.SNAPSHOT, **more: Any) -> None:
    """Send a command, and wait until it is done."""
    command = Command(f"{kind}-{table}", kind, (f"public.{table}",), "test", 1, **more)
    consumer.send(consumer.topics.control, command.id.encode(), command.to_json())
    eventually(lambda: consumer.commands()[command.id].over, 150, f"{command.id} to be over")
    assert consumer.commands()[command.id].state is State.DONE


def polled_again(reader: Reader, table: str) -> None:
    """Wait until a poll that begins from now on is over: two more, whatever was under way."""
    before = polls(reader, table)
    eventually(lambda: polls(reader, table) >= before + 2, 150, f"two polls of {table}: {reader.tail()}")


def polls(reader: Reader, table: str) -> int:
    name = f'rowferry_polls_total{{state="done",table="public.{table}"}} '
    held = name.replace("done", "held")
    lines = reader.answer("/metrics").splitlines()
    return sum(int(float(line.rpartition(" ")[2])) for line in lines if line.startswith((name, held)))


@pytest.mark.rule("L1", "L2", "S7")
@pytest.mark.remedy("SELECT {}, count(*) FROM {} GROUP BY {} HAVING count(*) > 1 shows which")
@pytest.mark.remedy("correct 'keys', and start the reader again")
@pytest.mark.remedy("give `polling.directory` a folder with room that the reader may write to")
def test_l2_polled_tables_live_through_moves_kills_and_mistakes(
    database: Database, make_reader: MakeReader, consumer: Consumer, tmp_path: Path
) -> None:
    database.execute(TABLES)
    database.execute("INSERT INTO keyless VALUES (1, 'b1', 'the same key')")
    wrong = SETTINGS | {"KEYS": json.dumps(KEYS | {"counts": ["opened"]}), "POLLING__DIRECTORY": str(tmp_path / "gone")}
    reader = make_reader(database, **wrong).start().wait_for("streaming")
    [line] = reader.said("table_not_streamed", table="public.counts")
    assert line["why"] == "the setting 'keys' names no key of it: it has no column 'opened'"
    assert line["remedy"] == "correct 'keys', and start the reader again"
    reader.wait_for("poll_failed", table="public.nameless")
    [line] = reader.said("poll_failed", table="public.nameless")[:1]
    assert line["remedy"] == "give `polling.directory` a folder with room that the reader may write to"
    reader.kill()

    # A table that is streamed and one that is polled, a named key that is none.
    reader = make_reader(database, **SETTINGS).start().wait_for("poll_failed", table="public.keyless")
    [line] = reader.said("poll_failed", table="public.keyless")[:1]
    shows, _, _ = line["remedy"].partition(" shows which")
    assert database.execute(shows) == [(1, "b1", 2)]
    database.execute("DELETE FROM keyless WHERE note = 'the same key'")
    all_equal(database, consumer, reader)

    # A row that commits long after it was written, and after a poll (its time would be the start of its transaction).
    with database.connect() as late, late.transaction():
        late.execute("INSERT INTO nameless VALUES (5000, 'late')")
        polled_again(reader, "nameless")
    all_equal(database, consumer, reader, "nameless")

    # A view that loses its rows loses none in the index, until somebody insists.
    database.execute("CREATE OR REPLACE VIEW open_items AS SELECT id, upper(name) AS name FROM items WHERE false")
    reader.wait_for("deletes_held", table="public.open_items")
    assert len(consumer.published("open_items").rows("open_items")) == 300
    ask(consumer, "open_items", Kind.SWEEP, force=True)
    all_equal(database, consumer, reader, "open_items")
    database.execute("CREATE OR REPLACE VIEW open_items AS SELECT id, upper(name) AS name FROM items WHERE open")
    all_equal(database, consumer, reader, "open_items")
    ask(consumer, "open_items", Kind.REREAD, keys=("7", "99999"))
    read, gone = sorted(consumer.published("open_items").events, key=lambda event: event.version)[-2:]
    assert (read.source.mode, read.op, read.after_text()) == ("polling", "r", {"id": "7", "name": "ROW 7"})
    assert gone.op == "d"

    # From the stream to polling and back, while rows change, and killed.
    items = [SETTINGS | {"POLLING__TABLES": "items"}, SETTINGS]
    for at, settings in enumerate(items):
        database.execute(f"DELETE FROM items WHERE id % 97 = {at}; UPDATE items SET name = 'before {at}' WHERE id < 9")
        reader.kill()
        database.execute(
            f"INSERT INTO items VALUES ({2000 + at}, 'while none ran'); DELETE FROM items WHERE id = {at + 9}"
        )
        reader = make_reader(database, **settings).start().wait_for("streaming")
        database.execute(f"UPDATE items SET name = 'after {at}' WHERE id > 290; DELETE FROM items WHERE id = {at + 20}")
        all_equal(database, consumer, reader, "items", "open_items")
        newest = max(consumer.published("items").events, key=lambda event: event.version)
        assert newest.source.mode in ({"polling"} if at == 0 else {"snapshot", "stream"})
    members = database.execute("SELECT tablename FROM pg_publication_tables WHERE pubname = 'rowferry'")
    assert members == [("items",)]
    assert reader.stop() == 0
    assert [each for each in tmp_path.iterdir() if each.name.startswith("rowferry-polls")] == []
