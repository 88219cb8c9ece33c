"""What happens when something happens at the wrong moment."""

from __future__ import annotations

import pytest

from devstack.kafka import KafkaServer
from devstack.postgres import PostgresServer
from tests.databases import Database, create
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer
from tests.integration.cdc_reader.tables import rows_in_database
from tests.waiting import eventually

ITEMS = "CREATE TABLE items (id bigint PRIMARY KEY, name text)"
MANY = f"{ITEMS}; INSERT INTO items SELECT n, 'row ' || n FROM generate_series(1, 1200) n"


def equal(database: Database, consumer: Consumer, table: str = "items") -> bool:
    return consumer.published(table).rows(table) == rows_in_database(database, table)


def test_restart_of_the_database_is_outlived(
    own_postgres: PostgresServer, make_reader: MakeReader, consumer: Consumer
) -> None:
    database = create(own_postgres.dsn)
    database.execute(MANY)
    reader = make_reader(database).start().snapshots_over(1)
    own_postgres.restart()
    database.execute("UPDATE items SET name = 'after the restart' WHERE id < 10")
    reader.wait_for("streaming", count=2).caught_up()
    assert reader.running()
    assert equal(database, consumer)


def test_outage_of_kafka_is_outlived_with_the_slot_alive(
    own_postgres: PostgresServer, own_kafka: KafkaServer, make_reader: MakeReader, topic_prefix: str
) -> None:
    own_postgres.restart(settings={"wal_sender_timeout": "2s"})
    database = create(own_postgres.dsn)
    database.execute(ITEMS)
    reader = make_reader(database, kafka=own_kafka.bootstrap_servers, STATUS_INTERVAL_S=0.5).start().snapshots_over(1)
    own_kafka.pause()
    database.execute("INSERT INTO items VALUES (1, 'while Kafka stood')")
    [(sender,)] = database.execute("SELECT active_pid FROM pg_replication_slots")

    def still_told() -> bool:
        # Longer than the server's patience: the status clock runs though the stream's thread waits for Kafka.
        rows = database.execute(
            "SELECT 1 FROM pg_stat_replication WHERE pid = %s AND reply_time - backend_start > '5 s'::interval",
            (sender,),
        )
        return bool(rows)

    eventually(still_told, 150, f"the walsender to live; {reader.tail()}")
    own_kafka.resume()
    reader.caught_up()
    assert equal(database, Consumer(own_kafka.bootstrap_servers, topic_prefix))


def test_column_of_a_type_that_is_only_text_turns_the_stream_to_text(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(MANY)
    reader = make_reader(database, HEARTBEAT_INTERVAL_S=60).start().wait_for("streaming", binary=True).snapshots_over(1)
    database.execute(
        "CREATE TYPE mood AS ENUM ('good'); ALTER TABLE items ADD COLUMN moods mood[], ADD COLUMN span int4range;"
        "INSERT INTO items VALUES (4999, 'new', '{good,NULL}', '[1,5)')"
    )
    reader.snapshots_over(2).caught_up()
    assert [line["binary"] for line in reader.said("streaming")] == [True, True]
    assert equal(database, consumer)
    database.execute("ALTER TABLE items ADD COLUMN cost money; INSERT INTO items VALUES (5000, 'new', NULL, NULL, 1)")
    reader.wait_for("streaming", binary=False).snapshots_over(3).caught_up()
    assert reader.said("stream_in_text")[-1]["because_of"] == ["public.items.cost (money)"]
    assert equal(database, consumer)
    database.execute("ALTER TABLE items DROP COLUMN cost; INSERT INTO items VALUES (5001, 'newer')")
    reader.wait_for("snapshot_over", count=4).caught_up()
    assert equal(database, consumer)


def test_table_dropped_while_it_is_scanned_stops_nothing(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(f"{MANY}; CREATE TABLE others (id int PRIMARY KEY); INSERT INTO others VALUES (1)")
    reader = make_reader(database, SNAPSHOT__CHUNK_ROWS=2).start().wait_for("snapshot_begins", table="public.items")
    database.execute("DROP TABLE items")
    reader.wait_for("table_removed_from_index", table="public.items")
    database.execute("INSERT INTO others VALUES (2)")
    reader.caught_up()
    eventually(lambda: equal(database, consumer, "others"), 150, "the other table")
    assert consumer.published("items").rows("items") == {}


def test_key_of_an_enum_goes_on_behind_the_first_chunk(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(
        "CREATE SCHEMA kinds; CREATE DOMAIN kinds.code AS text;"
        "CREATE TYPE state AS ENUM ('zero', 'one', 'two', 'three');"
        "CREATE TABLE items (state state, code kinds.code, PRIMARY KEY (state, code));"
        "INSERT INTO items SELECT s, n::text FROM unnest(enum_range(NULL::state)) s, generate_series(1, 50) n"
    )
    reader = make_reader(database, SNAPSHOT__CHUNK_ROWS=7).start().snapshots_over(1)
    assert equal(database, consumer)
    assert reader.running()


def test_d4_table_that_left_replication_and_came_back_is_scanned_again(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(MANY)
    reader = make_reader(database).start().snapshots_over(1)
    database.execute("ALTER TABLE items REPLICA IDENTITY NOTHING")
    reader.wait_for("table_polled", table="public.items")
    reader.wait_for("streaming", count=2)
    database.execute("UPDATE items SET name = 'unseen' WHERE id = 1; DELETE FROM items WHERE id = 2")
    database.execute("ALTER TABLE items REPLICA IDENTITY DEFAULT")
    reader.wait_for("snapshot_over", count=2, table="public.items").caught_up()
    assert equal(database, consumer)


def test_unreadable_commands_are_passed_over(database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    database.execute(MANY)
    reader = make_reader(database).start().snapshots_over(1)
    consumer.send(consumer.topics.control, b"broken", b"{not json")
    consumer.send(
        consumer.topics.control,
        b"odd",
        b'{"id":"odd","kind":"reread","tables":["public.items"],"keys":["abc"],"requested_by":"test",'
        b'"requested_at_ms":0,"force":false,"state":"requested","detail":"","format":1}',
    )
    eventually(
        lambda: any(each.id == "odd" and each.state.value == "refused" for each in consumer.readable_commands()),
        20,
        f"a refusal; {reader.tail()}",
    )
    reader.stop()
    reader.start().wait_for("streaming", count=2).caught_up()


@pytest.mark.rule("V5")
def test_v5_rows_that_could_not_be_had_are_asked_for_together(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    """Updates beside large values, then a lock on the table: VACUUM FULL right after a mass update."""
    database.execute(
        "CREATE TABLE items (id bigint PRIMARY KEY, n int, body text);"
        "ALTER TABLE items ALTER body SET STORAGE EXTERNAL;"
        "INSERT INTO items SELECT n, 0, repeat(md5(n::text), 100) FROM generate_series(1, 1000) n"
    )
    reader = make_reader(database, REFETCH_WAIT_S=0.5).start().snapshots_over(1, 120)
    with database.connect() as holder:
        holder.execute("BEGIN; UPDATE items SET n = 1; LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
        holder.execute("COMMIT; BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
        reader.wait_for("refetch_failed", timeout_s=120)
        holder.execute("ROLLBACK")
    reader.caught_up(120)
    eventually(lambda: equal(database, consumer), 120, f"all rows, whole; {reader.tail()}")
    eventually(lambda: all(each.over for each in consumer.commands().values()), 120, "all commands to be over")
    assert 1 <= len(consumer.commands()) < 10
