"""Rules P1 to P8 and V5, V8 on real servers: restarts, takeovers, gaps, large values."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg

from schemas.names import TableName
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer
from tests.integration.cdc_reader.tables import rows_in_database
from tests.waiting import eventually

ITEMS = "CREATE TABLE items (id bigint PRIMARY KEY, name text, body text)"
OUT_OF_LINE = f"{ITEMS}; ALTER TABLE items ALTER body SET STORAGE EXTERNAL"
LARGE = "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, 4000) n)"


def equal(database: Database, consumer: Consumer, table: str = "items") -> bool:
    return consumer.published(table).rows(table) == rows_in_database(database, table)


def test_p2_second_reader_waits_and_takes_over(database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    database.execute(ITEMS)
    first = make_reader(database).start().snapshots_over(1)
    second = make_reader(database).start().wait_for("standby")
    database.execute("INSERT INTO items VALUES (1, 'before', NULL)")
    first.caught_up()
    assert first.running(), "a standby fenced the active reader"
    first.kill()
    second.wait_for("streaming")
    database.execute("INSERT INTO items VALUES (2, 'after', NULL)")
    second.caught_up()
    assert [event.op for event in consumer.published("items").streamed()] == ["c", "c"]


def test_p3_idle_slot_moves_by_heartbeats(database: Database, make_reader: MakeReader) -> None:
    database.execute(f"{ITEMS}; CREATE TABLE unpublished (a int)")
    reader = make_reader(database, EXCLUDE='["unpublished"]').start().snapshots_over(1)
    before = database.execute("SELECT pg_current_wal_lsn()::text")[0][0]
    database.execute("INSERT INTO unpublished SELECT generate_series(1, 20000)")

    def moved() -> bool:
        return bool(
            database.execute(
                "SELECT confirmed_flush_lsn > %s::pg_lsn FROM pg_replication_slots WHERE slot_name = %s",
                (before, reader.slot),
            )[0][0]
        )

    eventually(moved, 150, f"an idle slot to move; {reader.tail()}")


def test_p3_slot_that_somebody_else_moved_is_a_gap(database: Database, make_reader: MakeReader) -> None:
    database.execute(ITEMS)
    reader = make_reader(database).start().snapshots_over(1).caught_up()
    reader.stop()
    database.execute("INSERT INTO items VALUES (1, 'never sent', NULL)")
    database.execute("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (reader.slot,))
    reader.start()
    assert reader.exit_code() == 81
    assert "something else read from it" in reader.tail()


def test_p4_slot_made_anew_is_not_taken_for_the_old_one(database: Database, make_reader: MakeReader) -> None:
    database.execute(ITEMS)
    reader = make_reader(database).start().snapshots_over(1).caught_up()
    reader.stop()
    database.execute("SELECT pg_drop_replication_slot(%s)", (reader.slot,))
    database.execute("INSERT INTO items VALUES (1, 'never sent', NULL)")
    reader.start()
    assert reader.exit_code() == 80
    assert "got none" in reader.tail()
    database.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (reader.slot,))
    reader.start()
    assert reader.exit_code() == 81


def test_p5_reset_reads_everything_again_and_sweeps_what_is_gone(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(f"{ITEMS}; INSERT INTO items SELECT n, 'row', NULL FROM generate_series(1, 100) n")
    reader = make_reader(database).start().snapshots_over(1)
    reader.stop()
    newest = max(event.version for event in consumer.published("items").events)
    database.execute("SELECT pg_drop_replication_slot(%s)", (reader.slot,))
    database.execute("DELETE FROM items WHERE id <= 20; INSERT INTO items VALUES (500, 'while nobody listened', NULL)")
    reader.start("reset")
    assert reader.exit_code() == 0
    assert "run again with --execute to do it" in reader.tail()
    reader.start("reset", "--execute")
    assert reader.exit_code() == 0
    reader.start().snapshots_over(2).caught_up()
    assert equal(database, consumer)
    sweeps = [event.below_version or 0 for event in consumer.published("items").events if event.op == "s"]
    assert sorted(sweeps)[-3] > newest, "versions ran back (rule V8)"


def test_p5_topics_that_all_came_back_empty_are_a_gap(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    # One alone is its table's matter (D8): test_set_aside.
    database.execute(f"{ITEMS}; CREATE TABLE others (id integer PRIMARY KEY)")
    reader = make_reader(database).start().snapshots_over(2)
    reader.stop()
    for name in ("items", "others"):
        consumer.delete_topic(consumer.topics.table(TableName("public", name)))
    reader.start()
    assert reader.exit_code() == 81
    assert "expected the 2 topics as they were when rows were published to them" in reader.tail()


def test_p6_killed_inside_a_split_transaction_nothing_comes_twice(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(ITEMS)
    reader = make_reader(database, COMMIT__MAX_ROWS=500).start().snapshots_over(1)
    database.execute("INSERT INTO items SELECT n, 'row ' || n, repeat('x', 500) FROM generate_series(1, 60000) n")
    eventually(lambda: (consumer.offsets().get("position") or {}).get("open"), 150, "an open transaction")
    reader.kill()
    opened = (consumer.offsets()["position"] or {})["open"]
    reader.start().wait_for("streaming", count=2).caught_up()
    published = consumer.published("items")
    assert len(published.events) == 60_000 + 3, "3 are the sweep of the first snapshot"
    assert equal(database, consumer)
    assert opened is None or 0 < opened["ordinal"] <= 60_000


def test_large_transaction_passes_in_bounded_memory(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(ITEMS)
    reader = make_reader(database).start().snapshots_over(1)
    database.execute("INSERT INTO items SELECT n, 'row ' || n, repeat('y', 200) FROM generate_series(1, 200000) n")
    reader.caught_up(120)
    assert reader.process is not None
    peak_kb = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{reader.process.pid}/status").read_text())
    assert peak_kb is not None
    assert int(peak_kb[1]) < 200 * 1024
    ends = consumer.admin().end_offsets(
        consumer.admin().topic_partitions(consumer.topics.table(TableName("public", "items")))
    )
    assert sum(ends.values()) >= 200_000


def test_v5_unchanged_large_values_are_read_again(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(f"{OUT_OF_LINE}; INSERT INTO items VALUES (1, 'a', {LARGE}), (2, 'b', {LARGE})")
    reader = make_reader(database).start().snapshots_over(1)
    database.execute("UPDATE items SET name = 'A' WHERE id = 1")
    database.execute(
        "BEGIN; UPDATE items SET name = 'B' WHERE id = 2; UPDATE items SET name = 'BB' WHERE id = 2; COMMIT"
    )
    database.execute("UPDATE items SET id = 3 WHERE id = 1")
    reader.caught_up()
    published = consumer.published("items")
    assert published.rows("items") == rows_in_database(database, "items")
    updates = published.streamed("u")
    assert [event.refetched for event in updates if event.after and event.after["id"] == 2] == [("body",)] * 2
    assert all(not event.omitted for event in updates if event.after and event.after["id"] == 2)


def test_v5_full_identity_needs_no_second_read(database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    database.execute(
        f"{OUT_OF_LINE}; ALTER TABLE items REPLICA IDENTITY FULL; INSERT INTO items VALUES (1, 'a', {LARGE})"
    )
    reader = make_reader(database).start().snapshots_over(1)
    database.execute("UPDATE items SET name = 'A'")
    reader.caught_up()
    [update] = consumer.published("items").streamed("u")
    assert update.refetched == ()
    assert update.before is not None
    assert equal(database, consumer)


def test_p8_row_that_does_not_fit_goes_out_with_the_column_omitted(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(f"{ITEMS}; INSERT INTO items VALUES (1, 'large from the snapshot', repeat('z', 17000000))")
    reader = make_reader(database).start().snapshots_over(1)
    database.execute("INSERT INTO items VALUES (2, 'large from the stream', repeat('z', 17000000))")
    database.execute("INSERT INTO items VALUES (3, 'small', 'goes on')")
    reader.caught_up()
    events = {event.after["id"]: event for event in consumer.published("items").events if event.after}
    assert [(item.column, item.reason) for item in events[1].omitted] == [
        ("body", "the row is larger than max.message.bytes")
    ]
    assert [(item.column, item.reason) for item in events[2].omitted] == [
        ("body", "the row is larger than max.message.bytes")
    ]
    assert events[3].after == {"id": 3, "name": "small", "body": "goes on"}


def test_reader_outlives_its_connections(database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    database.execute(ITEMS)
    reader = make_reader(database).start().snapshots_over(1)
    with psycopg.connect(database.server_dsn, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name LIKE %s",
            (database.name, "rowferry%"),
        )
    database.execute("INSERT INTO items VALUES (1, 'after the cut', NULL)")
    reader.wait_for("streaming", count=2).caught_up()
    assert equal(database, consumer)
