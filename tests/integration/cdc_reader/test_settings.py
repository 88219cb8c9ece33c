"""What settings of the reader do that no other test turns: each is changed, and its effect is seen from outside."""

from __future__ import annotations

import os
import signal
import threading
import time
import urllib.request
import uuid
from datetime import timedelta

import psycopg
import pytest

from cdc_runtime.kafka.producer import IdempotentProducer
from devstack.postgres import PostgresServer
from schemas.control import Command, Kind
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.integration.cdc_reader.tables import rows_in_database
from tests.waiting import eventually

ITEMS = """
CREATE TABLE items (id int PRIMARY KEY, body text);
INSERT INTO items SELECT i, repeat('x', 500) FROM generate_series(1, 200) i;
"""


def metric(reader: Reader, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    port = reader.said("health and metrics served")[-1]["port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    samples = [line for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
    return sum(float(line.rsplit(" ", 1)[1]) for line in samples if all(each in line for each in wanted))


def commits(reader: Reader) -> float:
    return metric(reader, "rowferry_kafka_transaction_commit_duration_seconds_count")


def test_reference_transcoder_publishes_the_same_rows(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(ITEMS)
    reader = make_reader(database, TRANSCODER="reference").start().snapshots_over(1)
    database.execute("UPDATE items SET body = 'new' WHERE id = 1; DELETE FROM items WHERE id = 2")
    reader.caught_up()
    assert reader.said("transcoder", implementation="reference")
    assert consumer.published("items").rows("items") == rows_in_database(database, "items")


def test_versions_begin_above_the_seed(database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    database.execute(ITEMS)
    make_reader(database, VERSION_SEED=4 * 10**18).start().snapshots_over(1).caught_up()
    assert min(event.version for event in consumer.published("items").events) > 4 * 10**18


def test_chunks_are_bounded_by_bytes(database: Database, make_reader: MakeReader) -> None:
    database.execute(ITEMS)
    reader = make_reader(database, SNAPSHOT__CHUNK_BYTES=2048).start().snapshots_over(1)
    eventually(lambda: metric(reader, "rowferry_snapshot_chunks_total", table="public.items") >= 10, 150, "ten chunks")


def test_one_worker_reads_one_table_after_the_other(database: Database, make_reader: MakeReader) -> None:
    database.execute("".join(ITEMS.replace("items", name) for name in ("a", "b", "c")))
    reader = make_reader(database, SNAPSHOT__WORKERS=1, SNAPSHOT__CHUNK_ROWS=50).start().snapshots_over(3)
    steps = [line["event"] for line in reader.log() if line["event"] in ("snapshot_begins", "snapshot_over")]
    assert steps == ["snapshot_begins", "snapshot_over"] * 3


def test_kafka_transactions_are_bounded_by_bytes(database: Database, make_reader: MakeReader) -> None:
    database.execute(ITEMS)
    reader = make_reader(database, COMMIT__MAX_BYTES=4096).start().snapshots_over(1).caught_up()
    before = commits(reader)
    database.execute("UPDATE items SET body = body || 'y'")
    reader.caught_up()
    eventually(lambda: commits(reader) - before >= 20, 150, "twenty commits")


def test_kafka_transactions_are_bounded_by_time(database: Database, make_reader: MakeReader) -> None:
    database.execute(ITEMS)
    counts: dict[float, float] = {}
    for wait_s in (0.001, 10):
        reader = make_reader(database, COMMIT__MAX_WAIT_S=wait_s).start().snapshots_over(1 if not counts else 0)
        reader.caught_up()
        reader.stop()
        with database.connect() as connection:
            for number in range(1500):
                connection.execute("UPDATE items SET body = %s WHERE id = 1", (str(number),))
        reader.start().wait_for("streaming", count=2)
        counts[wait_s] = commits(reader.caught_up())
        reader.stop()
    assert counts[0.001] > counts[10]


def test_server_is_told_that_we_live_as_often_as_set(database: Database, make_reader: MakeReader) -> None:
    database.execute(ITEMS)
    reader = make_reader(database, STATUS_INTERVAL_S=0.2, HEARTBEAT_INTERVAL_S=3600).start().snapshots_over(1)
    reader.caught_up()
    seen = set()

    def told_six_times() -> bool:
        seen.update(
            row[0]
            for row in database.execute(
                "SELECT reply_time FROM pg_stat_replication JOIN pg_replication_slots ON active_pid = pid"
                " WHERE slot_name = %s",
                (reader.slot,),
            )
        )
        return len(seen) >= 6

    eventually(told_six_times, 150, "six replies")
    assert max(seen) - min(seen) < timedelta(seconds=20), "six replies of the default, one in 5 s, take 25 s"


@pytest.mark.remedy("set kafka.replication_factor to as many brokers as there are, or fewer")
def test_topics_are_made_with_the_copies_that_are_set(database: Database, make_reader: MakeReader) -> None:
    database.execute(ITEMS)
    reader = make_reader(database, KAFKA__REPLICATION_FACTOR=9).start()
    assert reader.exit_code() == 78
    assert "eplication factor" in reader.tail()
    assert "set kafka.replication_factor to as many brokers as there are, or fewer" in reader.tail()
    make_reader(database, KAFKA__REPLICATION_FACTOR=1).start().snapshots_over(1)


def test_row_that_cannot_be_had_is_waited_for_as_long_as_set(
    own_postgres: PostgresServer, own_database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    """A commit that waits for a standby is streamed before others see it, so its row cannot be read again."""
    own_database.execute(f"ALTER DATABASE {own_database.name} SET synchronous_commit = local")
    own_database.execute("CREATE TABLE items (id int PRIMARY KEY, n int, body text)")
    own_database.execute("ALTER TABLE items ALTER body SET STORAGE EXTERNAL")
    own_database.execute("INSERT INTO items VALUES (1, 1, repeat('x', 20000))")
    with own_database.connect() as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        connection.execute("SELECT pg_reload_conf()")
    reader = make_reader(own_database, REFETCH_WAIT_S=0.3).start().snapshots_over(1).caught_up()
    with own_database.connect() as waiting:
        waiting.execute("SET synchronous_commit = on")
        commit = threading.Thread(target=lambda: waiting.execute("UPDATE items SET n = 2"))
        began = time.monotonic()
        commit.start()
        [update] = eventually(lambda: consumer.published("items").streamed("u"), 150, "the update")
        took_s = time.monotonic() - began
        own_database.execute("SELECT pg_cancel_backend(%s)", (waiting.info.backend_pid,))
        commit.join(20)
    assert [column.column for column in update.omitted] == ["body"]
    assert took_s < 5, "waited as long as by default"
    rows = rows_in_database(own_database, "items")
    eventually(lambda: consumer.published("items").rows("items") == rows, 150, "the row, read again")
    assert reader.running()


def test_watermark_that_does_not_come_is_tried_again(
    own_postgres: PostgresServer, own_database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    own_database.execute(ITEMS)
    reader = make_reader(own_database, SNAPSHOT__WATERMARK_TIMEOUT_S=0.5).start().snapshots_over(1).caught_up()
    sender = walsender(own_database.dsn, reader.slot)
    os.kill(sender, signal.SIGSTOP)
    try:
        ask_for_snapshot(consumer, "public.items")
        reader.wait_for("watermark_overdue", table="public.items")
    finally:
        os.kill(sender, signal.SIGCONT)
    reader.snapshots_over(2).caught_up()
    assert consumer.published("items").rows("items") == rows_in_database(own_database, "items")


def walsender(dsn: str, slot: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", (slot,)).fetchone()
    assert row is not None
    return int(row[0])


def ask_for_snapshot(consumer: Consumer, table: str) -> None:
    command = Command(uuid.uuid4().hex, Kind.SNAPSHOT, (table,), "a test", time.time_ns() // 1_000_000)
    producer = IdempotentProducer(consumer.settings)
    producer.send(consumer.topics.control, command.id.encode(), command.to_json())
    producer.flush_or_raise()
    producer.close()
