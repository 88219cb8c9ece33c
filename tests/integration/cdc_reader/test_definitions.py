"""Rules D1 to D7 on real servers: tables that change while they are captured."""

from __future__ import annotations

import pytest

from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer
from tests.integration.cdc_reader.tables import rows_in_database
from tests.waiting import eventually

TWO = """
    CREATE TABLE items (id bigint PRIMARY KEY, name text);
    INSERT INTO items SELECT n, 'row ' || n FROM generate_series(1, 100) n;
    CREATE TABLE others (id bigint PRIMARY KEY, name text);
    INSERT INTO others SELECT n, 'other ' || n FROM generate_series(1, 100) n;
"""


def equal(database: Database, consumer: Consumer, table: str) -> bool:
    return consumer.published(table).rows(table) == rows_in_database(database, table)


def test_d1_added_column_with_a_default_reaches_every_row(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(TWO)
    reader = make_reader(database).start().snapshots_over(2)
    database.execute("ALTER TABLE items ADD COLUMN state text DEFAULT 'open'")
    database.execute("INSERT INTO items VALUES (1001, 'new', 'closed')")
    database.execute("INSERT INTO others VALUES (1001, 'goes on')")
    reader.wait_for("snapshot_over", count=2, table="public.items").caught_up()
    assert equal(database, consumer, "items")
    assert equal(database, consumer, "others")
    assert len(reader.said("snapshot_over", table="public.others")) == 1
    assert [column.name for column in consumer.entries()["public.items"].columns] == ["id", "name", "state"]


def test_d1_ddl_that_sends_nothing_is_found(database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    database.execute(TWO)
    reader = make_reader(database).start().snapshots_over(2)
    database.execute("ALTER TABLE items ALTER COLUMN name TYPE int USING length(name)")
    reader.wait_for("snapshot_over", count=2, table="public.items").caught_up()
    assert equal(database, consumer, "items")


def test_d1_table_dropped_and_made_anew_is_another_table(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(TWO)
    reader = make_reader(database).start().snapshots_over(2)
    database.execute(
        "BEGIN; DROP TABLE items; CREATE TABLE items (id bigint PRIMARY KEY, title text);"
        "INSERT INTO items VALUES (5, 'five'), (6, 'six'); COMMIT"
    )
    reader.wait_for("snapshot_over", count=2, table="public.items").caught_up()
    assert equal(database, consumer, "items")


def test_d1_dropped_table_leaves_the_topics(database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    database.execute(TWO)
    reader = make_reader(database).start().snapshots_over(2)
    database.execute("DROP TABLE items")
    reader.wait_for("table_taken_out", table="public.items").caught_up()
    eventually(lambda: consumer.published("items").rows("items") == {}, 60, "no row of a dropped table")
    assert consumer.entries()["public.items"].deleted


def test_new_table_is_captured_by_itself(database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    database.execute(TWO)
    reader = make_reader(database).start().snapshots_over(2)
    database.execute("CREATE TABLE third (a text, b int, PRIMARY KEY (b, a)); INSERT INTO third VALUES ('x/y', 1)")
    reader.wait_for("snapshot_over", table="public.third").caught_up()
    database.execute("INSERT INTO third VALUES ('', 2)")
    reader.caught_up()
    assert consumer.published("third").rows("third") == {
        "third/1,x%2Fy": {"a": "x/y", "b": "1"},
        "third/2,%00": {"a": "", "b": "2"},
    }


def test_d2_publication_made_anew_is_a_gap(database: Database, make_reader: MakeReader) -> None:
    database.execute(TWO)
    reader = make_reader(database).start().snapshots_over(2)
    reader.stop()
    database.execute("DROP PUBLICATION rowferry; CREATE PUBLICATION rowferry FOR TABLE items, others")
    reader.start()
    assert reader.exit_code() == 81
    assert "expected the publication as it was" in reader.tail()
    assert "cdc-reader reset --execute" in reader.tail()


def test_d2_table_taken_out_and_put_back_is_a_gap(database: Database, make_reader: MakeReader) -> None:
    database.execute(TWO)
    reader = make_reader(database).start().snapshots_over(2)
    reader.stop()
    database.execute("ALTER PUBLICATION rowferry DROP TABLE items; ALTER PUBLICATION rowferry ADD TABLE items")
    reader.start()
    assert reader.exit_code() == 81
    assert "public.items" in reader.tail()


def test_d3_partitions_are_published_under_their_root(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(
        "CREATE TABLE logs (id bigint, day date, text text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);"
        "CREATE TABLE logs_a PARTITION OF logs FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');"
        "CREATE TABLE logs_b PARTITION OF logs FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');"
        "INSERT INTO logs VALUES (1, '2024-03-01', 'a'), (2, '2025-03-01', 'b')"
    )
    reader = make_reader(database).start().snapshots_over(1)
    database.execute("INSERT INTO logs VALUES (3, '2024-04-01', 'c');UPDATE logs SET day = '2025-05-05' WHERE id = 1")
    reader.caught_up()
    assert equal(database, consumer, "logs")
    database.execute("TRUNCATE logs_a")
    reader.wait_for("snapshot_over", count=2, table="public.logs").caught_up()
    assert equal(database, consumer, "logs")
    database.execute("CREATE TABLE logs_c PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')")
    database.execute("INSERT INTO logs SELECT n, '2026-02-02', 'in a new leaf' FROM generate_series(9, 15) n")
    reader.wait_for("snapshot_over", count=3, table="public.logs").caught_up()
    assert equal(database, consumer, "logs")
    database.execute("ALTER TABLE logs DETACH PARTITION logs_b")
    reader.wait_for("snapshot_over", count=4, table="public.logs").caught_up()
    assert equal(database, consumer, "logs")


def test_d4_table_without_a_usable_identity_is_reported(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(
        f"{TWO} ALTER TABLE items REPLICA IDENTITY NOTHING;CREATE TABLE keyless (a int); INSERT INTO keyless VALUES (1)"
    )
    reader = make_reader(database).start().snapshots_over(1)
    told = {line["table"]: line["mode"] for line in reader.said("table_not_streamed")}
    assert told == {"public.items": "polling", "public.keyless": "none"}
    database.execute("UPDATE items SET name = 'the application goes on' WHERE id = 1; DELETE FROM keyless")
    assert consumer.entries()["public.items"].capture.mode == "polling"


def test_d6_changed_key_is_refused(database: Database, make_reader: MakeReader) -> None:
    database.execute(TWO)
    reader = make_reader(database).start().snapshots_over(2)
    reader.stop()
    database.execute("ALTER TABLE items DROP CONSTRAINT items_pkey; ALTER TABLE items ADD PRIMARY KEY (name)")
    reader.start()
    assert reader.exit_code() == 81
    assert "primary key" in reader.tail()


def test_d7_topics_of_another_source_are_refused(database: Database, make_reader: MakeReader) -> None:
    database.execute(TWO)
    make_reader(database).start().snapshots_over(2).stop()
    second = make_reader(database, SOURCE="second", SLOT="second_slot_of_d7", PUBLICATION="second").start()
    assert second.exit_code() == 81
    assert "belong to source" in second.tail()


MISTAKES = {
    "another key": "UPDATE items SET id = id + 1000 WHERE id = 1",
    "a delete": "DELETE FROM items WHERE id = 1",
    "both, and a row of its own": "DELETE FROM items WHERE id < 3; INSERT INTO items VALUES (30, 'new', 30)",
}


@pytest.mark.rule("D4")
@pytest.mark.parametrize("change", MISTAKES.values(), ids=MISTAKES)
def test_d4_identity_that_lacked_the_key_for_a_moment(
    database: Database, make_reader: MakeReader, consumer: Consumer, change: str
) -> None:
    """The identity of now is not that of the event: its change names no row."""
    database.execute(
        "CREATE TABLE items (id bigint PRIMARY KEY, name text, code int NOT NULL UNIQUE);"
        "INSERT INTO items SELECT n, 'row ' || n, n FROM generate_series(1, 20) n"
    )
    reader = make_reader(database).start().snapshots_over(1)
    database.execute(
        f"ALTER TABLE items REPLICA IDENTITY USING INDEX items_code_key; {change};"
        "ALTER TABLE items REPLICA IDENTITY DEFAULT"
    )
    reader.wait_for("snapshot_begins", cause="changes came without the primary key").snapshots_over(2).caught_up()
    assert consumer.published("items").rows("items") == rows_in_database(database, "items")
