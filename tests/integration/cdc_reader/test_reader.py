"""The reader on real servers: what a read_committed consumer sees of the changes of a database."""

from __future__ import annotations

from devstack.sample.workload import Workload, run
from schemas.names import TableName
from tests.databases import SAMPLE, Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer
from tests.integration.cdc_reader.tables import differences, tables_in_database

ITEMS = "CREATE TABLE items (id bigint PRIMARY KEY, name text, body text)"


def test_every_kind_of_change_is_published_in_commit_order(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(f"{ITEMS}; INSERT INTO items VALUES (1, 'one', NULL)")
    reader = make_reader(database).start().snapshots_over(1)
    for statement in (
        "INSERT INTO items VALUES (2, 'two', NULL)",
        "UPDATE items SET name = 'TWO' WHERE id = 2",
        "UPDATE items SET id = 3 WHERE id = 2",
        "DELETE FROM items WHERE id = 3",
        "BEGIN; INSERT INTO items VALUES (4, 'four', NULL); UPDATE items SET name = 'FOUR' WHERE id = 4; COMMIT",
        "BEGIN; INSERT INTO items VALUES (5, 'never', NULL); ROLLBACK",
    ):
        database.execute(statement)
    reader.caught_up()
    published = consumer.published("items")
    assert [event.op for event in sorted(published.streamed(), key=lambda event: event.version)] == list("cudcdcu")
    assert published.rows("items") == {
        "items/1": {"id": "1", "name": "one"},
        "items/4": {"id": "4", "name": "FOUR"},
    }
    assert reader.stop() == 0


def test_truncate_is_published_into_every_partition(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(f"{ITEMS}; INSERT INTO items SELECT n, 'row', NULL FROM generate_series(1, 50) n")
    reader = make_reader(database).start().snapshots_over(1)
    database.execute("BEGIN; TRUNCATE items; INSERT INTO items VALUES (7, 'after', NULL); COMMIT")
    reader.caught_up()
    published = consumer.published("items")
    truncates = [record.partition for record, event in published.records if event and event.op == "t"]
    assert sorted(truncates) == [0, 1, 2]
    assert published.rows("items") == {"items/7": {"id": "7", "name": "after"}}


def test_sample_under_load_is_published_as_it_is(
    sample_database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    tables = len(tables_in_database(sample_database))
    reader = make_reader(sample_database).start().wait_for("streaming")
    run(sample_database.dsn, Workload(SAMPLE, rate_per_s=200, seconds=5))
    reader.snapshots_over(tables).caught_up()
    assert list(differences(sample_database, consumer)) == []


def test_sample_under_load_survives_kills(
    sample_database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    reader = make_reader(sample_database, COMMIT__MAX_ROWS=20, SNAPSHOT__CHUNK_ROWS=20).start().wait_for("streaming")
    for at in range(3):
        run(sample_database.dsn, Workload(SAMPLE, rate_per_s=150, seconds=2))
        reader.kill()
        reader.start().wait_for("streaming", count=at + 2)
    run(sample_database.dsn, Workload(SAMPLE, rate_per_s=150, seconds=1))
    reader.caught_up()
    tables = tables_in_database(sample_database)
    reader.wait_for("snapshot_over", count=len(tables))
    reader.caught_up()
    assert list(differences(sample_database, consumer)) == []
    published = consumer.all_published([TableName("public", table) for table in tables])
    for table, records in published.items():
        streamed = records.streamed()
        seen = [
            (event.source.commit_lsn, event.source.ordinal, event.op, str(event.after))
            for event in streamed
            if event.op != "t"
        ]
        assert len(seen) == len(set(seen)), f"{table}: a change was published twice"
