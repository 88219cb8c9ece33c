"""Rules D1 and D9 on real servers: what values and documents take from the catalog changes under the rows."""

from __future__ import annotations

import pytest

from schemas.offsets import SnapshotProgress
from schemas.tables import Relationship
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.integration.cdc_reader.tables import rows_in_database
from tests.waiting import eventually

WAIT_S = 120.0

STATES = """
    CREATE TYPE state AS ENUM ('a', 'b', 'open');
    CREATE DOMAIN checked AS state CHECK (VALUE IS NOT NULL);
    CREATE TYPE pair AS (state checked, n int);
    CREATE TYPE states AS RANGE (subtype = state, multirange_type_name = many_states);
    CREATE TABLE items (
        id int PRIMARY KEY, one checked, several state[], paired pair[], ranged states, many many_states);
    INSERT INTO items SELECT n, 'open', '{open}', ARRAY[ROW('open', n)::pair], '[a,open]', '{[a,open]}'
        FROM generate_series(1, 5) n;
    CREATE TABLE keyed (state state, n int, text text, PRIMARY KEY (state, n));
    INSERT INTO keyed VALUES ('a', 1, 'x'), ('b', 2, 'y');
    CREATE TABLE others (id int PRIMARY KEY, text text);
"""


def equal(database: Database, consumer: Consumer, table: str) -> bool:
    return consumer.published(table).rows(table) == rows_in_database(database, table)


def scans(reader: Reader, table: str) -> int:
    return len(reader.said("snapshot_over", table=f"public.{table}"))


@pytest.mark.rule("D1")
def test_d1_renamed_label_reaches_every_row_and_key(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(STATES)
    reader = make_reader(database).start().snapshots_over(3, WAIT_S)
    database.execute("ALTER TYPE state RENAME VALUE 'open' TO 'opened'; ALTER TYPE state RENAME VALUE 'a' TO 'alpha'")
    database.execute("DELETE FROM keyed WHERE state = 'alpha'; UPDATE keyed SET text = 'yy' WHERE state = 'b'")
    for table in ("items", "keyed"):
        reader.wait_for("snapshot_over", count=2, table=f"public.{table}", timeout_s=WAIT_S)
    reader.caught_up(WAIT_S)
    assert equal(database, consumer, "items")
    assert equal(database, consumer, "keyed")
    assert scans(reader, "others") == 1


@pytest.mark.rule("D1")
def test_d1_added_label_is_no_change_until_it_is_renamed(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(STATES)
    reader = make_reader(database).start().snapshots_over(3, WAIT_S)
    database.execute("ALTER TYPE state ADD VALUE 'c' BEFORE 'open'")
    known = "label_added"
    eventually(lambda: any(" c" in part for part in consumer.entries()["public.items"].types), WAIT_S, known)
    database.execute("INSERT INTO keyed VALUES ('c', 3, 'z')")
    reader.caught_up(WAIT_S)
    assert (scans(reader, "items"), scans(reader, "keyed")) == (1, 1)
    assert equal(database, consumer, "keyed")
    reader.kill()
    database.execute("ALTER TYPE state RENAME VALUE 'c' TO 'gamma'")
    reader.start().wait_for("snapshot_over", count=2, table="public.keyed", timeout_s=WAIT_S).caught_up(WAIT_S)
    assert equal(database, consumer, "keyed")


PEOPLE = """
    CREATE TABLE people (id int PRIMARY KEY, name text); INSERT INTO people SELECT g, 'p' FROM generate_series(1, 4) g;
    CREATE TABLE tasks (id int PRIMARY KEY, owner int, name text);
    INSERT INTO tasks SELECT g, 1 + g % 4, 't' FROM generate_series(1, 6) g;
"""
OWNED = Relationship("out", "owner", "public.people", "id", "belongs_to", declared=True)
OWNS = Relationship("in", "owner", "public.tasks", "id", "has_many", declared=True)


@pytest.mark.rule("D9")
def test_d9_edges_follow_the_foreign_keys_and_rows_are_read_again_without_a_sweep(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(PEOPLE)
    reader = make_reader(database).start().snapshots_over(2, WAIT_S)
    before = consumer.published("tasks").events
    database.execute("ALTER TABLE tasks ADD CONSTRAINT owned FOREIGN KEY (owner) REFERENCES people")
    reader.wait_for("snapshot_over", count=2, table="public.tasks", timeout_s=WAIT_S).caught_up(WAIT_S)
    entries = consumer.entries()
    assert entries["public.tasks"].relationships == (OWNED,)
    assert entries["public.people"].relationships == (OWNS,)
    again = [event for event in consumer.published("tasks").events if event.version > max(e.version for e in before)]
    assert sorted((event.op, event.after_text()["id"]) for event in again) == [("r", str(n)) for n in range(1, 7)]
    assert all(event.version > entries["public.tasks"].version for event in again)
    assert {event.schema.fingerprint for event in again} == {entries["public.tasks"].schema_fingerprint}
    assert {event.schema.fingerprint for event in before}.isdisjoint({event.schema.fingerprint for event in again})
    database.execute("ALTER TABLE tasks RENAME CONSTRAINT owned TO owner_of")
    database.execute("COMMENT ON TABLE tasks IS 'to do'")
    eventually(lambda: consumer.entries()["public.tasks"].description == "to do", WAIT_S, "the description")
    reader.caught_up(WAIT_S)
    assert (scans(reader, "tasks"), scans(reader, "people")) == (2, 1), "neither a name nor a description is an edge"
    database.execute("ALTER TABLE tasks DROP CONSTRAINT owner_of")
    reader.wait_for("snapshot_over", count=3, table="public.tasks", timeout_s=WAIT_S)
    assert consumer.entries()["public.people"].relationships == ()
    progress = consumer.offsets()["snapshot:public.tasks"]
    assert progress is not None
    assert SnapshotProgress(**progress).state == "done"
