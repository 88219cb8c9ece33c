"""One table's trouble is its own (rule D8): the others are streamed, and it comes back when the cause is gone."""

from __future__ import annotations

import re
from typing import Any

import pytest

from schemas.names import TableName
from tests.databases import Database, Role
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.integration.cdc_reader.tables import rows_in_database
from tests.waiting import eventually

pytestmark = pytest.mark.rule("D8")
ITEMS = """
    CREATE TABLE items (id bigint PRIMARY KEY, name text);
    INSERT INTO items SELECT n, 'row ' || n FROM generate_series(1, 20) n;
"""
OTHERS = """
    CREATE TABLE others (id int PRIMARY KEY, name text);
    INSERT INTO others VALUES (1, 'one'), (2, 'two');
"""
BY_LEAF = "WITH (publish_via_partition_root = false)"


@pytest.fixture
def role(database: Database) -> Role:
    """A role that may read and stream, under an administrator's publication of two tables."""
    made = database.create_role("REPLICATION")
    database.execute(
        f"{ITEMS} {OTHERS} GRANT USAGE ON SCHEMA public TO {made.name};"
        f"GRANT SELECT ON items, others TO {made.name};"
        f"CREATE PUBLICATION rowferry FOR TABLE items, others {BY_LEAF}"
    )
    return made


def others_are_streamed(database: Database, reader: Reader, consumer: Consumer, table: str = "items") -> None:
    """In the one process, of which nobody had to restart anything."""
    database.execute(f"INSERT INTO {table} VALUES ((SELECT max(id) + 1 FROM {table}), 'later')")
    reader.caught_up(120)
    same(database, consumer, table)


def same(database: Database, consumer: Consumer, table: str) -> None:
    assert consumer.published(table).rows(table) == rows_in_database(database, table)


def set_aside(reader: Reader, table: str) -> dict[str, Any]:
    """What the log says of the table, once."""
    reader.wait_for("table_not_streamed", table=f"public.{table}", timeout_s=120)
    [line] = reader.said("table_not_streamed", table=f"public.{table}")
    return line


def test_d8_table_that_we_may_not_publish_stops_no_other(
    database: Database, make_reader: MakeReader, consumer: Consumer, role: Role
) -> None:
    reader = make_reader(database, dsn=role.dsn).start().snapshots_over(2, 120)
    database.execute(f"CREATE TABLE third (id int PRIMARY KEY, name text); GRANT SELECT ON third TO {role.name};")
    line = set_aside(reader, "third")
    assert "only the owner" in line["why"]
    others_are_streamed(database, reader, consumer)
    database.execute("INSERT INTO third VALUES (1, 'one')")
    database.execute(line["remedy"])
    reader.wait_for("snapshot_over", table="public.third", timeout_s=120)
    same(database, consumer, "third")
    assert reader.said("session_ended") == []


FORBIDDEN = {
    "no SELECT": ("REVOKE SELECT ON others FROM {role}", "no right to SELECT the table"),
    "no SELECT of a column": (
        "REVOKE SELECT ON others FROM {role}; GRANT SELECT (id) ON others TO {role}",
        "no right to SELECT column 'name' of the table",
    ),
    "row security": ("ALTER TABLE others ENABLE ROW LEVEL SECURITY", "row security hides rows of it from us"),
    "it left the publication": ("ALTER PUBLICATION rowferry DROP TABLE others", "it is not in the publication"),
}


@pytest.mark.parametrize(("statement", "why"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_d8_table_that_we_may_no_longer_read_or_publish_waits_for_the_right(
    database: Database, make_reader: MakeReader, consumer: Consumer, role: Role, statement: str, why: str
) -> None:
    reader = make_reader(database, dsn=role.dsn).start().snapshots_over(2, 120)
    database.execute(statement.format(role=role.name))
    line = set_aside(reader, "others")
    assert why in line["why"]
    database.execute("DELETE FROM others WHERE id = 1; INSERT INTO others VALUES (3, 'three')")
    others_are_streamed(database, reader, consumer)
    assert consumer.entries()["public.others"].capture.reason == line["why"]
    assert "others/1" in consumer.published("others").rows("others"), "its rows stay while it is away"
    database.execute(line["remedy"])
    reader.wait_for("snapshot_over", table="public.others", count=2, timeout_s=120)
    others_are_streamed(database, reader, consumer, "others")
    assert reader.said("session_ended") == []


@pytest.mark.since_postgres(15, "row filters and column lists")
@pytest.mark.remedy("{} DROP TABLE {};\n{} ADD TABLE {};")
@pytest.mark.parametrize("running", [True, False], ids=["while the reader runs", "before it starts"])
def test_d8_table_that_is_published_without_its_key_is_set_aside(
    database: Database, make_reader: MakeReader, consumer: Consumer, role: Role, running: bool
) -> None:
    """Red without `_published_without_key`: nothing could be planned, for no table."""
    reader = make_reader(database, dsn=role.dsn)
    if running:
        reader.start().snapshots_over(2, 120)
    database.execute("ALTER PUBLICATION rowferry SET TABLE items, others (name)")
    if not running:
        reader.start()
    line = set_aside(reader, "others")
    assert line["why"] == "it is published without primary-key column 'id'"
    database.execute("INSERT INTO others VALUES (3, 'three')")
    others_are_streamed(database, reader, consumer)
    database.execute(line["remedy"])
    reader.wait_for("snapshot_over", table="public.others", count=1 + running, timeout_s=120)
    others_are_streamed(database, reader, consumer, "others")


@pytest.mark.remedy("{}\nGRANT SELECT ON {} TO {};")
def test_d8_table_of_a_schema_that_is_closed_waits_for_the_right(
    database: Database, make_reader: MakeReader, consumer: Consumer, role: Role
) -> None:
    database.execute(
        "CREATE SCHEMA app; CREATE TABLE app.third (id int PRIMARY KEY); ALTER PUBLICATION rowferry ADD TABLE app.third"
    )
    reader = make_reader(database, dsn=role.dsn, TABLES='["items", "app.third"]').start()
    reader.wait_for("table_not_streamed", table="app.third", why="no right to use schema app", timeout_s=120)
    others_are_streamed(database, reader, consumer)
    [line] = reader.said("table_not_streamed", table="app.third")
    database.execute(line["remedy"])
    reader.wait_for("snapshot_over", table="app.third", timeout_s=120)


@pytest.mark.since_postgres(15, "row filters and column lists")
@pytest.mark.remedy("ALTER PUBLICATION {} DROP TABLE {};")
def test_d8_partitions_that_are_published_unlike_wait_until_they_are_alike(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(
        f"{ITEMS} CREATE TABLE parts (id int PRIMARY KEY, name text) PARTITION BY RANGE (id);"
        "CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (100);"
        "CREATE TABLE part_2 PARTITION OF parts FOR VALUES FROM (100) TO (200);"
        "INSERT INTO parts VALUES (1, 'one'), (100, 'hundred');"
        f"CREATE PUBLICATION rowferry FOR TABLE items, part_1 WHERE (id > 50), part_2 {BY_LEAF}"
    )
    reader = make_reader(database).start()
    line = set_aside(reader, "parts")
    others_are_streamed(database, reader, consumer)
    database.execute(line["remedy"])

    reader.wait_for("snapshot_over", table="public.parts", timeout_s=120)
    same(database, consumer, "parts")


def test_d8_table_that_is_locked_holds_up_no_start(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    """As VACUUM FULL locks it for hours; one that is published, and one that is still to be."""
    database.execute(f"{ITEMS} {OTHERS} ALTER TABLE others ALTER COLUMN name SET DEFAULT 'none'")
    reader = make_reader(database).start().snapshots_over(2, 120)
    with database.connect() as holder:
        reader.kill()
        database.execute("CREATE TABLE third (id int PRIMARY KEY); INSERT INTO third VALUES (1)")
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE others, third IN ACCESS EXCLUSIVE MODE")
        reader.start().wait_for("streaming", count=2, timeout_s=120)
        assert "cannot be added to the publication" in set_aside(reader, "third")["why"]
        others_are_streamed(database, reader, consumer)
        holder.execute("ROLLBACK")
    reader.wait_for("snapshot_over", table="public.third", timeout_s=120)
    same(database, consumer, "third")


def test_d8_dropped_table_whose_topic_is_gone_too_is_forgotten(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(f"{ITEMS} {OTHERS}")
    reader = make_reader(database).start().snapshots_over(2, 120)
    reader.stop()
    database.execute("DROP TABLE others")
    consumer.delete_topic(consumer.topics.table(TableName("public", "others")))
    reader.start().wait_for("streaming", count=2, timeout_s=120)
    others_are_streamed(database, reader, consumer)
    eventually(lambda: consumer.entries()["public.others"].deleted, 150, "the entry to be deleted")
    assert reader.said("session_ended") == []


def test_d8_topic_that_is_gone_is_made_and_filled_again(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(f"{ITEMS} {OTHERS}")
    reader = make_reader(database).start().snapshots_over(2, 120)
    reader.stop()
    consumer.delete_topic(consumer.topics.table(TableName("public", "others")))
    reader.start().wait_for("snapshot_over", table="public.others", count=2, timeout_s=120)
    others_are_streamed(database, reader, consumer, "others")
    others_are_streamed(database, reader, consumer)
    assert len(reader.said("snapshot_over", table="public.items")) == 1


@pytest.mark.remedy("rename the table, or add {name!r} to the setting 'exclude'")
def test_d8_tables_without_a_topic_of_their_name_are_left_out(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    long = "ä" * 31
    database.execute(
        f"{ITEMS} CREATE SCHEMA app; CREATE SCHEMA app_user; CREATE SCHEMA {long};"
        "CREATE TABLE app.user_roles (id int PRIMARY KEY); CREATE TABLE app_user.roles (id int PRIMARY KEY);"
        f"CREATE TABLE {long}.{long} (id int PRIMARY KEY)"
    )
    reader = make_reader(database, TABLES='["items", "app.user_roles"]').start().snapshots_over(2, 120)
    reader.stop()
    reader.settings = {"TABLES": f'["items", "app.user_roles", "app_user.roles", "{long}.{long}"]'}
    reader.start().wait_for("streaming", count=2, timeout_s=120)
    others_are_streamed(database, reader, consumer)
    why = {line["table"]: line["why"] for line in reader.said("table_not_streamed")}
    assert "are one for Kafka" in why["app_user.roles"]
    assert "longer than the 249 characters" in why[str(TableName(long, long))]
    reader.stop()
    remedies = {line["table"]: line["remedy"] for line in reader.said("table_not_streamed")}
    asked = re.fullmatch("rename the table, or add '([a-z_.]+)' to the setting 'exclude'", remedies["app_user.roles"])
    assert asked is not None
    assert remedies[str(TableName(long, long))].startswith("rename the table, or add ")
    database.execute(f"ALTER TABLE {long}.{long} RENAME TO short")
    tables = f'["items", "app.user_roles", "app_user.roles", "{long}.short"]'
    reader.settings = {"TABLES": tables, "EXCLUDE": f'["{asked[1]}"]'}
    reader.start().wait_for("snapshot_over", table=str(TableName(long, "short")), timeout_s=120)
    others_are_streamed(database, reader, consumer)
    assert len(reader.said("table_not_streamed")) == len(remedies)
