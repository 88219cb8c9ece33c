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


UNRELATED = {
    "statistics": "ALTER TABLE items ALTER COLUMN name SET STATISTICS 500",
    "default": "ALTER TABLE items ALTER COLUMN name SET DEFAULT 'x'; COMMENT ON TABLE items IS 'what there is'",
    "rights": "GRANT SELECT (name) ON items TO PUBLIC; ALTER TABLE items OWNER TO CURRENT_USER",
    "constraint": "ALTER TABLE items ADD CONSTRAINT n CHECK (name <> '') NOT VALID; ALTER TABLE items VALIDATE"
    " CONSTRAINT n; ALTER TABLE items ALTER COLUMN name SET NOT NULL",
    "options": "ALTER TABLE items SET (fillfactor = 70); CREATE INDEX ON items (name)",
}


@pytest.mark.rule("D1")
def test_d1_ddl_that_no_row_depends_on_reads_nothing(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    """Each is followed by a table of its own, so that its comparison is known to be over."""
    database.execute(TWO)
    reader = make_reader(database).start().snapshots_over(2)
    for at, statement in enumerate(UNRELATED.values()):
        database.execute(statement)
        database.execute(f"CREATE TABLE more_{at} (id int PRIMARY KEY)")
        reader.wait_for("snapshot_over", table=f"public.more_{at}")
    reader.stop()
    for statement in ("ALTER TABLE items ALTER COLUMN name SET STATISTICS 9", "GRANT INSERT (name) ON items TO PUBLIC"):
        database.execute(statement)
    reader.start().wait_for("streaming", count=2 + len(UNRELATED)).caught_up()
    assert len(reader.said("snapshot_begins", table="public.items")) == 1
    assert sum(event.op == "r" for event in consumer.published("items").events) == 100
    entry = consumer.entries()["public.items"]
    assert (entry.columns[1].default, entry.columns[1].nullable, entry.description) == (
        "'x'::text",
        False,
        "what there is",
    )


@pytest.mark.rule("D1")
@pytest.mark.parametrize("stopped", [False, True], ids=["streaming", "stopped"])
def test_d1_column_renamed_and_back_misses_no_row(
    database: Database, make_reader: MakeReader, consumer: Consumer, *, stopped: bool
) -> None:
    database.execute(TWO)
    reader = make_reader(database).start().snapshots_over(2)
    if stopped:
        reader.stop()
    database.execute("ALTER TABLE items RENAME COLUMN name TO title")
    database.execute("UPDATE items SET title = 'another' WHERE id = 7")
    database.execute("ALTER TABLE items RENAME COLUMN title TO name")
    if stopped:
        reader.start()
    reader.wait_for("snapshot_over", count=2, table="public.items").caught_up()
    assert equal(database, consumer, "items")
    assert len(reader.said("snapshot_over", table="public.others")) == 1


MEMBER_IS_ROOT = """
    CREATE TABLE parts (id int PRIMARY KEY, name text) PARTITION BY RANGE (id);
    CREATE TABLE first PARTITION OF parts FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (id);
    CREATE TABLE leaf PARTITION OF first FOR VALUES FROM (0) TO (50);
    INSERT INTO parts SELECT n, 'row ' || n FROM generate_series(1, 9) n;
    CREATE PUBLICATION rowferry FOR TABLE parts;
"""


@pytest.mark.rule("D3")
@pytest.mark.parametrize(("of", "to", "values"), [("first", "leaf", 50), ("parts", "first", 100)])
def test_d3_partition_that_was_detached_for_a_time_misses_no_row(
    database: Database, make_reader: MakeReader, consumer: Consumer, of: str, to: str, values: int
) -> None:
    """Its changes were not published meanwhile, where the member of the publication is its root."""
    database.execute(MEMBER_IS_ROOT)
    reader = make_reader(database).start().snapshots_over(1)
    reader.stop()
    database.execute(f"ALTER TABLE {of} DETACH PARTITION {to}")
    database.execute("UPDATE leaf SET name = 'another' WHERE id = 7; DELETE FROM leaf WHERE id = 8")
    database.execute(f"ALTER TABLE {of} ATTACH PARTITION {to} FOR VALUES FROM (0) TO ({values})")
    reader.start().wait_for("streaming", count=2).caught_up()
    eventually(lambda: equal(database, consumer, "parts"), 150, "all rows of the partition")


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
    reader.wait_for("table_removed_from_index", table="public.items").caught_up()
    eventually(lambda: consumer.published("items").rows("items") == {}, 150, "no row of a dropped table")
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
    assert "as it was when the position was stored" in reader.tail()
    assert "cdc-reader reset --execute" in reader.tail()


def test_d2_table_taken_out_and_put_back_is_read_again_and_swept(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(TWO)
    reader = make_reader(database).start().snapshots_over(2)
    reader.stop()
    database.execute("ALTER PUBLICATION rowferry DROP TABLE items")
    database.execute("DELETE FROM items WHERE id = 1; INSERT INTO items VALUES (200, 'not published')")
    database.execute("ALTER PUBLICATION rowferry ADD TABLE items")
    reader.start().wait_for("snapshot_over", count=2, table="public.items").caught_up()
    eventually(lambda: equal(database, consumer, "items"), what="the rows of the table")
    assert len(reader.said("snapshot_over", table="public.others")) == 1


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


LOGS = """
    CREATE TABLE logs (id bigint, day date, text text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
    CREATE TABLE logs_a PARTITION OF logs FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    INSERT INTO logs SELECT n, '2024-03-01', 'a' FROM generate_series(1, 1000) n;
"""
ATTACHED = """
    CREATE TABLE logs_b (text text, day date NOT NULL, id bigint NOT NULL, PRIMARY KEY (id, day));
    INSERT INTO logs_b (id, day, text) SELECT n, '2025-03-01', 'attached' FROM generate_series(1, 30) n;
    ALTER TABLE logs ATTACH PARTITION logs_b FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    UPDATE logs SET day = '2025-04-04' WHERE id = 5 AND day = '2024-03-01';
"""


@pytest.mark.rule("D3")
def test_d3_partition_that_comes_is_read_alone(database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    """An empty one, one with rows, and one with rows and its columns in another order while no reader runs."""

    def rows_read() -> int:
        return sum(event.op == "r" for event in consumer.published("logs").events)

    database.execute(LOGS)
    reader = make_reader(database).start().snapshots_over(1)
    database.execute("CREATE TABLE logs_c PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')")
    reader.snapshots_over(2).caught_up()
    assert rows_read() == 1_000
    database.execute(
        "CREATE TABLE logs_d PARTITION OF logs FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');"
        "INSERT INTO logs SELECT n, '2027-02-02', 'in a new one' FROM generate_series(1, 20) n"
    )
    reader.snapshots_over(3)
    reader.stop()
    database.execute(ATTACHED)
    reader.start().snapshots_over(4).caught_up()
    assert equal(database, consumer, "logs")
    # The row that was moved has come by the stream or by the scan, once or twice.
    assert 1_050 <= rows_read() <= 1_051
    assert [line.get("partition") for line in reader.said("snapshot_over")] == [
        None,
        '"public"."logs_c"',
        '"public"."logs_d"',
        '"public"."logs_b"',
    ]
    database.execute("UPDATE logs SET text = 'changed', day = '2024-05-05' WHERE text = 'attached' AND id < 4")
    reader.caught_up()
    assert equal(database, consumer, "logs")
    sweeps = {event.below_version for event in consumer.published("logs").events if event.op == "s"}
    assert len(sweeps) == 1, "swept behind the first scan alone"


def test_d4_table_without_a_usable_identity_is_reported(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(
        f"{TWO} ALTER TABLE items REPLICA IDENTITY NOTHING;CREATE TABLE keyless (a int); INSERT INTO keyless VALUES (1)"
    )
    reader = make_reader(database).start().snapshots_over(1)
    told = {line["table"]: line["mode"] for line in reader.said("table_not_streamed")}
    assert told == {"public.keyless": "none"}
    assert [line["table"] for line in reader.said("table_polled")] == ["public.items"]
    database.execute("UPDATE items SET name = 'the application goes on' WHERE id = 1; DELETE FROM keyless")
    assert consumer.entries()["public.items"].capture.mode == "polling"


def test_d7_topics_of_another_source_are_refused(database: Database, make_reader: MakeReader) -> None:
    database.execute(TWO)
    make_reader(database).start().snapshots_over(2).stop()
    second = make_reader(database, SOURCE="second", SLOT="second_slot_of_d7", PUBLICATION="second").start()
    assert second.exit_code() == 78
    assert "belongs to source" in second.tail()


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
