"""Rules S1 to S7 on real servers: snapshots beside the stream."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from cdc_runtime.kafka.producer import IdempotentProducer
from schemas.control import Command, Kind, State
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.integration.cdc_reader.tables import rows_in_database
from tests.waiting import eventually

ROWS = 1200
ITEMS = f"""
    CREATE TABLE items (id bigint PRIMARY KEY, name text);
    INSERT INTO items SELECT n, 'row ' || n FROM generate_series(1, {ROWS}) n;
"""


def waits_for_a_lock(database: Database) -> bool:
    """Whether a chunk's COPY hangs behind a lock: the low watermark is received, the high one not yet written."""
    return bool(
        database.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE 'COPY (SELECT%'"
        )
    )


def hold_a_chunk(database: Database, reader: Reader, consumer: Consumer) -> psycopg.Connection[tuple[object, ...]]:
    """Stop the snapshot of `items` between two watermarks; the connection holds the lock, with a transaction open."""
    connection = database.connect()
    connection.autocommit = False
    reader.start().wait_for("snapshot_begins")
    # Behind the first chunk: before it, the lock would be waited for as a writer's (rule S4).
    eventually(lambda: (consumer.offsets().get("snapshot:public.items") or {}).get("last_key"), 150, "a chunk done")
    connection.execute("LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
    eventually(lambda: waits_for_a_lock(database), 150, f"a chunk to wait for the lock; {reader.tail()}")
    return connection


def test_s6_snapshot_killed_between_watermarks_goes_on(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(ITEMS)
    reader = make_reader(database, SNAPSHOT__CHUNK_ROWS=1)
    with hold_a_chunk(database, reader, consumer) as connection:
        done = consumer.offsets()["snapshot:public.items"]
        assert done is not None
        connection.execute("UPDATE items SET name = name || ' written while the chunk was open'")
        connection.execute("DELETE FROM items WHERE id % 7 = 0")
        connection.execute(f"INSERT INTO items VALUES ({ROWS + 1}, 'new while the chunk was open')")
        reader.kill()
        connection.commit()
    reader.start().wait_for("streaming", count=2).snapshots_over(1).caught_up()
    resumed = reader.said("snapshot_begins", resumed=True)
    published = consumer.published("items")
    assert published.rows("items") == rows_in_database(database, "items")
    reads = [record.key for record, event in published.records if event and event.op == "r"]
    assert len(reads) == len(set(reads)), "a chunk that was done was read again"
    assert resumed or done["last_key"] is None


def test_rows_written_inside_a_chunk_win_over_it(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(ITEMS)
    reader = make_reader(database, SNAPSHOT__CHUNK_ROWS=2)
    with hold_a_chunk(database, reader, consumer) as connection:
        connection.execute("UPDATE items SET name = 'newer' WHERE id > 600")
        connection.execute("UPDATE items SET id = id + 5000 WHERE id > 1100")
        connection.commit()
    reader.snapshots_over(1).caught_up()
    assert consumer.published("items").rows("items") == rows_in_database(database, "items")


def test_s2_truncate_voids_the_open_chunk(database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    database.execute(ITEMS)
    reader = make_reader(database, SNAPSHOT__CHUNK_ROWS=2)
    with hold_a_chunk(database, reader, consumer) as connection:
        connection.execute("TRUNCATE items")
        connection.execute("INSERT INTO items VALUES (1, 'after the truncate')")
        connection.commit()
    reader.snapshots_over(1).caught_up()
    assert consumer.published("items").rows("items") == {"items/1": {"id": "1", "name": "after the truncate"}}


def test_s4_snapshot_waits_for_writers_of_before(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute("CREATE TABLE other (id int PRIMARY KEY)")
    reader = make_reader(database).start().snapshots_over(1)
    with database.connect() as writer:
        writer.autocommit = False
        writer.execute(ITEMS)
        writer.commit()
        writer.execute("INSERT INTO items VALUES (9001, 'written before the table was published')")
        reader.wait_for("snapshot_waits_for_writers")
        assert reader.said("snapshot_over", table="public.items") == []
        writer.commit()
    reader.wait_for("snapshot_over", table="public.items").caught_up()
    assert consumer.published("items").rows("items") == rows_in_database(database, "items")


def test_s5_row_security_is_refused_not_hidden(database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    role = database.create_role("REPLICATION")
    database.execute(
        f"{ITEMS} ALTER TABLE items ENABLE ROW LEVEL SECURITY;"
        f"GRANT USAGE ON SCHEMA public TO {role.name}; GRANT SELECT ON items TO {role.name};"
        "CREATE PUBLICATION rowferry FOR TABLE items WITH (publish_via_partition_root = false)"
    )
    reader = make_reader(database, dsn=role.dsn).start()
    reader.wait_for("table_not_streamed", table="public.items", why="row security hides rows of it from us")
    reader.caught_up()
    assert consumer.entries()["public.items"].capture.mode == "none"


@pytest.mark.remedy("ask for a snapshot of {table} with force: docs/how-to/snapshot.md")
def test_s7_sweep_of_a_scan_with_too_few_rows_is_held(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(ITEMS)
    reader = make_reader(database).start().snapshots_over(1)
    reader.stop()
    database.execute("DELETE FROM pg_class WHERE false")  # nothing: the rows go while nobody listens
    database.execute("SELECT pg_drop_replication_slot(%s)", (reader.slot,))
    database.execute("DELETE FROM items WHERE id > 10")
    reader.start("reset", "--execute")
    assert reader.exit_code() == 0, reader.tail()
    reader.start().wait_for("sweep_held", table="public.items")
    progress = eventually(
        lambda: (consumer.offsets()["snapshot:public.items"] or {}).get("state") == "held", 20, "a held sweep"
    )
    assert progress
    [line] = reader.said("sweep_held", table="public.items")
    assert line["remedy"].endswith("ask for a snapshot of public.items with force: docs/how-to/snapshot.md")
    ask_as_on_the_page(consumer, force=True)
    eventually(lambda: consumer.commands()["op-1"].state is State.DONE, 150, f"the sweep; {reader.tail()}")
    assert consumer.published("items").rows("items") == rows_in_database(database, "items")


def ask_as_on_the_page(consumer: Consumer, *, force: bool = False) -> None:
    """Run the program of the page that remedies name, for this broker and this table."""
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "snapshot.md").read_text()
    program = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert program is not None
    text = program[1].replace("public.orders", "public.items")
    text = text.replace(
        'bootstrap_servers="localhost:9092"', f'bootstrap_servers="{consumer.kafka}", prefix="{consumer.prefix}"'
    )
    if force:
        assert "`force=True`" in page
        text = text.replace('id="op-1",', 'id="op-1", force=True,')
    subprocess.run([sys.executable, "-c", text], check=True, timeout=120)


@pytest.mark.rule("S8")
@pytest.mark.remedy("REINDEX TABLE {table};")
def test_s8_index_of_another_order_is_made_again(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    """As after a new libc: what is in the index was put there by another order than that of now."""
    database.execute("CREATE TYPE state AS ENUM ('a', 'c')")
    database.execute("ALTER TYPE state ADD VALUE 'b' BEFORE 'c'")
    database.execute(
        "CREATE TABLE items (id state PRIMARY KEY, name text); INSERT INTO items VALUES ('a'), ('b'), ('c')"
    )
    database.execute("UPDATE pg_enum SET enumsortorder = 9 WHERE enumlabel = 'b' AND enumtypid = 'state'::regtype")
    for way in ("enable_seqscan", "enable_sort", "enable_bitmapscan"):
        database.execute(f"ALTER DATABASE {database.name} SET {way} = off")
    reader = make_reader(database).start().wait_for("snapshot_out_of_order", table="public.items")
    [line] = reader.said("snapshot_out_of_order", table="public.items")
    statement, semicolon, _ = line["remedy"].partition(";")
    database.execute(statement + semicolon)
    ask_as_on_the_page(consumer)

    reader.wait_for("snapshot_over", table="public.items", state="done")
    assert consumer.published("items").rows("items") == rows_in_database(database, "items")


def ask(consumer: Consumer, command: Command) -> None:
    producer = IdempotentProducer(consumer.settings)
    producer.send(consumer.topics.control, command.id.encode(), command.to_json())
    producer.flush_or_raise()
    producer.close()


def test_keys_asked_for_are_read_again(database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    database.execute(ITEMS)
    reader = make_reader(database).start().snapshots_over(1)
    ask(consumer, Command("again-1", Kind.REREAD, ("public.items",), "test", 0, keys=("7", "8", "90000")))
    eventually(lambda: consumer.commands()["again-1"].state is State.DONE, 150, f"the rows; {reader.tail()}")
    published = consumer.published("items")
    counts = {
        key: [op.op for record, op in published.records if record.key == key and op] for key in (b"7", b"8", b"90000")
    }
    assert counts == {b"7": ["r", "r"], b"8": ["r", "r"], b"90000": ["d"]}


def test_snapshot_asked_for_is_taken_while_streaming_goes_on(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(ITEMS)
    reader = make_reader(database).start().snapshots_over(1)
    ask(consumer, Command("snap-1", Kind.SNAPSHOT, ("public.items",), "test", 0))
    eventually(lambda: consumer.commands()["snap-1"].state is State.DONE, 150, f"the snapshot; {reader.tail()}")
    reads = [event for event in consumer.published("items").events if event.op == "r"]
    assert len(reads) == 2 * ROWS
    ask(consumer, Command("snap-2", Kind.SNAPSHOT, ("public.nothing",), "test", 0))
    eventually(lambda: consumer.commands()["snap-2"].state is State.REFUSED, 150, f"a refusal; {reader.tail()}")
