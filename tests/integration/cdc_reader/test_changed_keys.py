"""Rules D6 and D8 on real servers: a key that comes, goes or changes is its table's own matter."""

from __future__ import annotations

import re

import pytest

from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.integration.cdc_reader.tables import rows_in_database
from tests.waiting import eventually

TWO = """
    CREATE TABLE items (id bigint PRIMARY KEY, name text NOT NULL);
    INSERT INTO items SELECT n, 'row ' || n FROM generate_series(1, 20) n;
    CREATE TABLE others (id bigint PRIMARY KEY);
"""
T = 180.0


def same(database: Database, consumer: Consumer, table: str = "items") -> None:
    assert consumer.published(table).rows(table) == rows_in_database(database, table)


def others_go_on(database: Database, reader: Reader, consumer: Consumer) -> None:
    database.execute("INSERT INTO others SELECT coalesce(max(id), 0) + 1 FROM others")
    reader.caught_up(T)
    same(database, consumer, "others")


def told(reader: Reader) -> str:
    """The remedy, once the table has left."""
    reader.wait_for("table_not_streamed", table="public.items", timeout_s=T)
    [line] = reader.said("table_not_streamed", table="public.items")
    return str(line["remedy"])


@pytest.mark.rule("D8")
def test_d8_key_that_is_added_later_has_the_table_captured(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    """The order of pg_restore, and of CREATE TABLE AS: the table, its rows, and the key last."""
    database.execute(f"{TWO} CREATE TABLE restored (id int NOT NULL, v text); INSERT INTO restored VALUES (1, 'a')")
    reader = make_reader(database).start().snapshots_over(2, T)
    database.execute("ALTER TABLE restored ADD PRIMARY KEY (id)")
    reader.wait_for("snapshot_over", table="public.restored", timeout_s=T)
    database.execute("INSERT INTO restored VALUES (2, 'b')")
    reader.caught_up(T)
    same(database, consumer, "restored")
    assert reader.said("session_ended") == []


@pytest.mark.rule("D6", "D8")
@pytest.mark.remedy("ADD PRIMARY KEY ({});")
def test_d8_dropped_key_costs_its_table_alone_until_it_is_restored(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(TWO)
    reader = make_reader(database).start().snapshots_over(2, T)
    database.execute("ALTER TABLE items DROP CONSTRAINT items_pkey")
    remedy = told(reader)
    others_go_on(database, reader, consumer)
    database.execute("UPDATE items SET name = 'the application goes on' WHERE id = 1; DELETE FROM items WHERE id = 2")
    assert len(consumer.published("items").rows("items")) == 20
    assert consumer.entries()["public.items"].primary_key == ("id",)
    database.execute(remedy)
    reader.wait_for("snapshot_over", table="public.items", count=2, timeout_s=T).caught_up(T)
    same(database, consumer)
    assert reader.said("session_ended") == []


OTHER_KEYS = {
    "another column": "ALTER TABLE items DROP CONSTRAINT items_pkey; ALTER TABLE items ADD PRIMARY KEY (name)",
    "one more column": "ALTER TABLE items DROP CONSTRAINT items_pkey; ALTER TABLE items ADD PRIMARY KEY (name, id)",
    "another type": "ALTER TABLE items ALTER id TYPE text USING 'number ' || id",
    "another table": "DROP TABLE items; CREATE TABLE items (code text PRIMARY KEY); INSERT INTO items VALUES ('one')",
}


@pytest.mark.timeout(600)
@pytest.mark.rule("D6", "D8")
@pytest.mark.remedy("`table_removed_from_index`")
@pytest.mark.parametrize("running", [False, True], ids=["between two lives", "in one life"])
@pytest.mark.parametrize("change", OTHER_KEYS.values(), ids=OTHER_KEYS)
def test_d6_changed_key_leaves_capture_and_comes_back_as_it_is_told(
    database: Database, make_reader: MakeReader, consumer: Consumer, change: str, running: bool
) -> None:
    """The topic never holds two kinds of keys: the rows of the first are taken out before the table is read anew."""
    database.execute(TWO)
    reader = make_reader(database).start().snapshots_over(2, T)
    before = consumer.published("items").rows("items")
    if not running:
        reader.stop()
    database.execute(change)
    database.execute("DELETE FROM items WHERE items::text LIKE '%7%'")
    if not running:
        reader.start()
    remedy = told(reader)
    others_go_on(database, reader, consumer)
    # What the stream brought under the first key as well was published; nothing was under another one.
    assert consumer.published("items").rows("items").keys() <= before.keys()
    assert consumer.published("items").rows("items") != {}
    [(table, until)] = re.findall(
        r"add '(.*)' to the setting 'exclude' and start the reader, until it logs `(\w+)`;", remedy
    )
    reader.stop()
    reader.settings = {"EXCLUDE": f'["{table}"]'}
    reader.start().wait_for(until, table="public.items", timeout_s=T).caught_up(T)
    assert consumer.published("items").rows("items") == {}
    reader.stop()
    reader.settings = {}
    reader.start().wait_for("snapshot_over", table="public.items", count=2, timeout_s=T).caught_up(T)
    same(database, consumer)
    others_go_on(database, reader, consumer)
    assert reader.said("session_ended") == []


@pytest.mark.rule("D6")
@pytest.mark.parametrize("running", [False, True], ids=["between two lives", "in one life"])
@pytest.mark.parametrize("identity", ["DEFAULT", "FULL"])
def test_d6_renamed_key_column_goes_on(
    database: Database, make_reader: MakeReader, consumer: Consumer, identity: str, running: bool
) -> None:
    """Its bytes do not change; changes of before, and of between, are in the log under another name."""
    database.execute(f"{TWO} ALTER TABLE items REPLICA IDENTITY {identity}")
    reader = make_reader(database).start().snapshots_over(2, T)
    if not running:
        reader.stop()
    database.execute("UPDATE items SET name = 'of before' WHERE id = 1; DELETE FROM items WHERE id = 2")
    database.execute("ALTER TABLE items RENAME COLUMN id TO ident")
    database.execute("UPDATE items SET name = 'of then' WHERE ident = 3; DELETE FROM items WHERE ident = 4")
    if not running:
        reader.start()
    reader.wait_for("snapshot_over", table="public.items", count=2, timeout_s=T).caught_up(T)
    same(database, consumer)
    database.execute("ALTER TABLE items RENAME COLUMN ident TO id")
    database.execute("UPDATE items SET id = 100 WHERE id = 5")

    def followed() -> bool:
        names = [column.name for column in consumer.entries()["public.items"].columns]
        return names == ["id", "name"] and reader.said("snapshot_over", table="public.items")[2:] != []

    eventually(followed, T, f"the table to be read under its old name; {reader.tail()}")
    reader.caught_up(T)
    same(database, consumer)
    assert reader.said("session_ended") == []
    assert reader.said("table_not_streamed") == []


@pytest.mark.timeout(600)
@pytest.mark.rule("D6")
def test_d6_partition_count_that_changed_is_its_tables_matter(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(TWO)
    reader = make_reader(database).start().snapshots_over(2, T)
    reader.stop()
    consumer.add_partitions(f"{consumer.topics.prefix}.public.items", 9)
    reader.start()
    told(reader)
    others_go_on(database, reader, consumer)
    reader.stop()
    reader.settings = {"EXCLUDE": '["items"]'}
    reader.start().wait_for("table_removed_from_index", table="public.items", timeout_s=T).stop()
    reader.settings = {}
    reader.start().wait_for("snapshot_over", table="public.items", count=2, timeout_s=T).caught_up(T)
    same(database, consumer)
    assert consumer.entries()["public.items"].partitions == 9
