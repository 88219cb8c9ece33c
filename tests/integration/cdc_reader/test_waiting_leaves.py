"""A partition that cannot be published waits, and its root goes on, on a real server (rules D3, D8, S5)."""

from __future__ import annotations

import pytest

from tests.databases import Database, Role
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.waiting import eventually

pytestmark = [pytest.mark.rule("D8"), pytest.mark.rule("D3")]
T = 120
PARTS = """
    CREATE TABLE parts (id int, kind text, note text, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
    CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
    CREATE TABLE parts_b PARTITION OF parts FOR VALUES IN ('b');
    INSERT INTO parts SELECT n, (ARRAY['a', 'b'])[n % 2 + 1], 'row ' || n FROM generate_series(1, 20) n;
"""
CLOSED = "CREATE SCHEMA closed; CREATE TABLE closed.parts_c PARTITION OF parts FOR VALUES IN ('c');"
FILL = "INSERT INTO parts SELECT n, 'c', 'waits' FROM generate_series(1, 9) n;"


@pytest.fixture
def role(database: Database) -> Role:
    """A role that may read the root and stream, and owns nothing, under an administrator's publication."""
    made = database.create_role("REPLICATION")
    database.execute(
        f"{PARTS} GRANT USAGE ON SCHEMA public TO {made.name}; GRANT SELECT ON parts TO {made.name};"
        "CREATE PUBLICATION rowferry FOR TABLE parts_a, parts_b"
    )
    return made


def holds(consumer: Consumer) -> set[str]:
    return set(consumer.published("parts").rows("parts"))


def streamed(database: Database, *kinds: str) -> set[str]:
    rows = database.execute("SELECT 'parts/' || id || ',' || kind FROM parts WHERE kind = ANY (%s)", [list(kinds)])
    return {str(row[0]) for row in rows}


def waits(reader: Reader, partition: str) -> str:
    """The remedy that the log prints for it, once."""
    reader.wait_for("partition_not_streamed", partition=partition, timeout_s=T)
    [line] = reader.said("partition_not_streamed", partition=partition)
    assert line["table"] == "public.parts"
    return str(line["remedy"])


@pytest.mark.remedy("GRANT USAGE ON SCHEMA {} TO {};")
@pytest.mark.remedy("GRANT SELECT ON {} TO {};")
@pytest.mark.remedy("ALTER PUBLICATION {} ADD TABLE {}{}{};")
def test_d8_partition_that_we_may_not_publish_waits_and_the_others_are_streamed(
    database: Database, make_reader: MakeReader, consumer: Consumer, role: Role
) -> None:
    """Rows move to it and back meanwhile; when the remedy is executed, it alone is read."""
    reader = make_reader(database, dsn=role.dsn).start().snapshots_over(1, T)
    database.execute(CLOSED + FILL)
    remedy = waits(reader, "closed.parts_c")
    database.execute(
        "INSERT INTO parts VALUES (21, 'a', 'new'); UPDATE parts SET kind = 'c' WHERE id = 12;"
        "UPDATE parts SET kind = 'b' WHERE id = 8 AND kind = 'c'; UPDATE parts SET kind = 'c' WHERE id = 13"
    )
    database.execute("UPDATE parts SET kind = 'a', note = 'back' WHERE id = 13")
    reader.caught_up(T)
    assert holds(consumer) == streamed(database, "a", "b")
    entry = consumer.entries()["public.parts"]
    assert (entry.capture.mode, list(entry.waiting)) == ("replication", ["closed.parts_c"])
    database.execute(remedy)
    reader.wait_for("snapshot_over", partition='"closed"."parts_c"', timeout_s=T).caught_up(T)
    eventually(lambda: holds(consumer) == streamed(database, "a", "b", "c"), 30, "all rows")
    assert consumer.entries()["public.parts"].waiting == {}
    assert len(reader.said("snapshot_over")) == 2
    assert reader.said("session_ended") == []
    assert reader.said("table_not_streamed") == []


def test_s5_rows_of_a_partition_that_waits_are_not_read_with_its_root(
    database: Database, make_reader: MakeReader, consumer: Consumer, role: Role
) -> None:
    """Red where a chunk takes all rows of the root: who deletes one of these tells nobody."""
    database.execute("CREATE TABLE parts_c PARTITION OF parts FOR VALUES IN ('c');" + FILL)
    reader = make_reader(database, dsn=role.dsn, SNAPSHOT__CHUNK_ROWS="4").start().snapshots_over(1, T)
    remedy = waits(reader, "public.parts_c")
    assert holds(consumer) == streamed(database, "a", "b")
    [line] = reader.said("snapshot_over")
    assert line["rows"] == 20
    database.execute("DELETE FROM parts WHERE kind = 'c' AND id < 5")
    database.execute(remedy)
    reader.wait_for("snapshot_over", partition='"public"."parts_c"', timeout_s=T).caught_up(T)
    assert holds(consumer) == streamed(database, "a", "b", "c")


@pytest.mark.since_postgres(15, "row filters and column lists")
def test_s5_partition_that_is_added_without_the_filter_of_the_others_waits(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    """Red where its root is set aside since its partitions are published unlike."""
    database.execute(PARTS)
    database.execute("CREATE PUBLICATION rowferry FOR TABLE parts_a WHERE (id > 5), parts_b WHERE (id > 5)")
    reader = make_reader(database).start().snapshots_over(1, T)
    database.execute("CREATE TABLE parts_c PARTITION OF parts FOR VALUES IN ('c');" + FILL)
    remedy = waits(reader, "public.parts_c")
    database.execute("UPDATE parts SET note = 'goes on' WHERE id = 10")
    reader.caught_up(T)
    database.execute(remedy)
    reader.wait_for("snapshot_over", partition='"public"."parts_c"', timeout_s=T).caught_up(T)
    kept = {row for row in streamed(database, "a", "b", "c") if int(row.removeprefix("parts/").split(",")[0]) > 5}
    assert holds(consumer) == kept


def test_d8_partition_that_is_locked_while_it_is_added_waits_alone(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(PARTS)
    reader = make_reader(database).start().snapshots_over(1, T)
    with database.connect() as holder:
        reader.kill()
        database.execute("CREATE TABLE parts_c PARTITION OF parts FOR VALUES IN ('c');" + FILL)
        holder.execute("BEGIN; LOCK TABLE parts_c IN ACCESS EXCLUSIVE MODE")
        reader.start().wait_for("partition_not_streamed", partition="public.parts_c", timeout_s=T)
        database.execute("INSERT INTO parts_a VALUES (31, 'a', 'goes on')")
        reader.caught_up(T)
        assert "parts/31,a" in holds(consumer)
        holder.execute("ROLLBACK")
    reader.wait_for("snapshot_over", partition='"public"."parts_c"', timeout_s=T).caught_up(T)
    assert holds(consumer) == streamed(database, "a", "b", "c")
    assert reader.said("table_not_streamed") == []


def test_d3_rows_of_a_partition_that_leaves_the_publication_stay_until_it_is_back(
    database: Database, make_reader: MakeReader, consumer: Consumer, role: Role
) -> None:
    reader = make_reader(database, dsn=role.dsn).start().snapshots_over(1, T)
    database.execute("ALTER PUBLICATION rowferry DROP TABLE parts_b")
    remedy = waits(reader, "public.parts_b")
    database.execute("DELETE FROM parts WHERE kind = 'b' AND id < 9; INSERT INTO parts VALUES (40, 'a', 'new')")
    reader.caught_up(T)
    assert holds(consumer) == streamed(database, "a", "b") | {f"parts/{n},b" for n in (1, 3, 5, 7)}
    database.execute(remedy)
    reader.wait_for("snapshot_over", count=2, timeout_s=T).caught_up(T)
    assert holds(consumer) == streamed(database, "a", "b")
