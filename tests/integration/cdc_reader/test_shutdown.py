"""A server that wants to shut down is let go, and nothing is lost or twice behind its next start."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import psycopg
import pytest

from devstack import postgres
from tests.databases import Database, create
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.integration.cdc_reader.tables import rows_in_database
from tests.waiting import eventually

ITEMS = "CREATE TABLE items (id bigint PRIMARY KEY, name text)"
STOP_S = 20.0
UNDER_WAY = 200  # transactions, before the server is stopped under load


@contextmanager
def writing(database: Database) -> Iterator[None]:
    """Single rows are inserted, one commit each, until the server is gone."""
    done = threading.Semaphore(0)

    def write() -> None:
        try:
            with database.connect() as connection:
                for number in count(1):
                    connection.execute("INSERT INTO items VALUES (%s, 'under load')", (number,))
                    done.release()
        except psycopg.OperationalError:
            return

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    for _ in range(UNDER_WAY):
        assert done.acquire(timeout=150), "the writer stands still"
    yield
    writer.join(60)
    assert not writer.is_alive()


def confirmed_again(database: Database, readers: list[Reader]) -> None:
    """Wait until either reader streams, and everything committed so far is confirmed."""
    eventually(lambda: sum(len(each.said("streaming")) for each in readers) >= 2, 150, readers[0].tail())
    readers[0].caught_up()


@pytest.mark.rule("P13", "P4", "P3")
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "load"])
@pytest.mark.parametrize("version", [16, 18])
def test_p13_server_that_shuts_down_is_let_go_by_reader_and_standby(
    version: int, *, busy: bool, make_reader: MakeReader, consumer: Consumer
) -> None:
    with postgres.start(version=version) as server:
        database = create(server.dsn)
        database.execute(f"{ITEMS}; INSERT INTO items SELECT -n, 'row' FROM generate_series(1, 1200) n")
        active = make_reader(database).start().snapshots_over(1).caught_up()
        standby = make_reader(database).start().wait_for("standby")
        if busy:
            with writing(database):
                server.stop(STOP_S)
        else:
            server.stop(STOP_S)
        assert not server.alive

        server.restart()
        database.execute("UPDATE items SET name = 'after the restart' WHERE id > -10")
        confirmed_again(database, [active, standby])
        assert active.running()
        assert standby.running()
        assert consumer.published("items").rows("items") == rows_in_database(database, "items")
        streamed = [(event.source.commit_lsn, event.source.ordinal) for event in consumer.published("items").streamed()]
        assert len(streamed) == len(set(streamed))


@pytest.mark.rule("P3")
def test_answers_leave_the_slot_where_kafka_has_it(database: Database, make_reader: MakeReader) -> None:
    # The server asks at half of its patience, which is shorter than the reader's interval: only answers keep it.
    database.execute(f"ALTER DATABASE {database.name} SET wal_sender_timeout = '2s'; {ITEMS}")
    reader = make_reader(database, STATUS_INTERVAL_S=60).start().snapshots_over(1).caught_up()
    [(sender, before)] = database.execute(
        "SELECT active_pid, confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = %s", (reader.slot,)
    )
    answered = "SELECT 1 FROM pg_stat_replication WHERE pid = %s AND reply_time - backend_start > '6 s'::interval"
    eventually(lambda: database.execute(answered, (sender,)), 150, f"the walsender to live; {reader.tail()}")
    follows = (
        "SELECT 1 FROM pg_replication_slots s JOIN pg_stat_replication r ON r.pid = s.active_pid"
        " WHERE r.pid = %s AND r.flush_lsn = s.confirmed_flush_lsn AND r.flush_lsn >= %s::pg_lsn"
        " AND r.sync_state = 'async'"
    )
    eventually(lambda: database.execute(follows, (sender, before)), 150, "what is confirmed to be shown again")
