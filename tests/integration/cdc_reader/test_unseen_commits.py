"""What scans wait for where commits come in two steps: in the stream and not yet visible (S1), or prepared (S4)."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from devstack.postgres import PostgresServer
from schemas.control import Command, Kind, State
from tests.databases import Database, create
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.integration.cdc_reader.tables import rows_in_database
from tests.waiting import eventually

CHANGES = "DELETE FROM items WHERE id = 7; INSERT INTO items VALUES (500, 'new')"
# The session waits in the last of these, which others do not see yet.
WAYS = {
    "a commit": f"SET synchronous_commit = on; BEGIN; {CHANGES}; COMMIT",
    "of a prepared transaction": f"BEGIN; {CHANGES}; PREPARE TRANSACTION 'held'; SET synchronous_commit = on;"
    " COMMIT PREPARED 'held'",
}


@pytest.fixture(scope="module")
def server(start_postgres: Callable[..., PostgresServer]) -> Iterator[PostgresServer]:
    """A PostgreSQL whose commits can be made to wait."""
    settings = {"max_prepared_transactions": 5, "synchronous_commit": "local"}
    with start_postgres(settings=settings) as server:
        yield server


@contextmanager
def without_a_standby(database: Database) -> Iterator[None]:
    """Commits that ask for a standby find none meanwhile."""
    with database.connect() as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        connection.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
            connection.execute("SELECT pg_reload_conf()")


def write(database: Database, statements: str) -> threading.Thread:
    """Run these, one by one, in a session of their own that may have to wait."""

    def run() -> None:
        with database.connect() as connection:
            for statement in statements.split("; "):
                connection.execute(statement.encode())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def ask_for_snapshot(consumer: Consumer, table: str = "public.items") -> None:
    command = Command(secrets.token_hex(4), Kind.SNAPSHOT, (table,), "test", 0)
    consumer.send(consumer.topics.control, command.id.encode(), command.to_json())


@pytest.mark.rule("S1")
@pytest.mark.parametrize("statements", WAYS.values(), ids=WAYS)
def test_s1_restarts_while_a_commit_waits_for_a_standby(
    server: PostgresServer, make_reader: MakeReader, consumer: Consumer, statements: str
) -> None:
    """The role may see nothing of other sessions; of a prepared transaction that waits, nobody sees an xid."""
    database = create(server.dsn)
    role = database.create_role("REPLICATION")
    database.execute(
        "CREATE TABLE items (id bigint PRIMARY KEY, name text);"
        "INSERT INTO items SELECT n, 'row' FROM generate_series(1, 20) n;"
        "CREATE TABLE others (id int PRIMARY KEY);"
        f"GRANT SELECT ON items, others TO {role.name};"
        "CREATE PUBLICATION rowferry FOR TABLE items, others WITH (publish_via_partition_root = false)"
    )
    reader = make_reader(database, dsn=role.dsn, SNAPSHOT__WATERMARK_TIMEOUT_S=2).start().snapshots_over(2).caught_up()
    with without_a_standby(database):
        writer = write(database, statements)
        eventually(lambda: "items/500" in consumer.published("items").rows("items"), 150, "the commit in the topic")
        database.execute("INSERT INTO others VALUES (1)")  # the one that waits is not the last one
        reader.caught_up().kill()
        reader.start().wait_for("streaming", count=2)
        if "PREPARE" not in statements:
            [line] = reader.said("snapshots_wait_for_transactions")
            assert any("since when is hidden from us: GRANT pg_read_all_stats TO " in who for who in line["waits_for"])
        database.execute("ALTER TABLE others ADD COLUMN more int")  # a restart within the process
        reader.wait_for("streaming", count=3)
        ask_for_snapshot(consumer)
        eventually(lambda: over(consumer) or waits(reader), 150, f"a chunk; {reader.tail()}")
        assert database.execute("SELECT count(*) FROM items WHERE id IN (7, 500)") == [(1,)], "not visible to others"
    writer.join(60)
    eventually(lambda: over(consumer), 150, f"the snapshot; {reader.tail()}")
    reader.caught_up()
    assert consumer.published("items").rows("items") == rows_in_database(database, "items")


def over(consumer: Consumer) -> bool:
    return any(command.state is State.DONE for command in consumer.commands().values())


def waits(reader: Reader) -> bool:
    return any("not visible" in line["reason"] for line in reader.said("chunk_failed", table="public.items"))


@pytest.mark.rule("S4")
def test_s4_writer_that_prepares_while_it_is_waited_for(
    server: PostgresServer, make_reader: MakeReader, consumer: Consumer
) -> None:
    database = create(server.dsn)
    database.execute("CREATE TABLE others (id int PRIMARY KEY)")
    reader = make_reader(database).start().snapshots_over(1)
    with database.connect() as writer:
        writer.execute("CREATE TABLE items (id bigint PRIMARY KEY, name text)")
        writer.execute("BEGIN")
        writer.execute("INSERT INTO items VALUES (1, 'written before the table was published')")
        reader.wait_for("snapshot_waits_for_writers")
        writer.execute("PREPARE TRANSACTION 'writer'")
        prepared = "must end first: prepared transaction writer, since "
        eventually(lambda: prepared in str(reader.status()["snapshots_waiting"]), 150, "who it is, on /statusz")
        for count in (2, 3, 4):  # time enough for the scan that must wait
            ask_for_snapshot(consumer, "public.others")
            reader.wait_for("snapshot_over", count=count, table="public.others")
        assert reader.said("snapshot_over", table="public.items") == []
        writer.execute("COMMIT PREPARED 'writer'")
    reader.wait_for("snapshot_over", table="public.items").caught_up()
    assert consumer.published("items").rows("items") == rows_in_database(database, "items")
