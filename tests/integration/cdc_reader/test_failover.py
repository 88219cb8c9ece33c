"""A primary that is gone, and a standby that was promoted: on without a loss, or halted with what to do."""

from __future__ import annotations

import re
import shlex

import psycopg
import pytest

from devstack import postgres
from devstack.postgres import PostgresServer
from devstack.postgres_standby import PostgresStandby, start_standby
from tests import databases
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.integration.cdc_reader.tables import rows_in_database
from tests.waiting import eventually

ITEMS = "CREATE TABLE items (id bigint PRIMARY KEY, name text)"


def on(server: PostgresServer, database: Database) -> Database:
    """The same database on another server."""
    return Database(database.name, server.dsn_of(database.name), server.dsn)


def has_replayed(standby: PostgresStandby, database: Database) -> None:
    [(lsn,)] = database.execute("SELECT pg_current_wal_lsn()::text")
    copy = on(standby, database)

    def there() -> bool:
        return bool(copy.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (lsn,))[0][0])

    eventually(there, 150, f"the standby to be at {lsn}")


def equal(database: Database, consumer: Consumer) -> bool:
    return consumer.published("items").rows("items") == rows_in_database(database, "items")


@pytest.mark.rule("P4")
def test_reader_goes_on_from_the_slot_of_a_promoted_standby(make_reader: MakeReader, consumer: Consumer) -> None:
    """Nothing that the standby lacks is published: the server waits for it (`synchronized_standby_slots`)."""
    settings = {"synchronized_standby_slots": "standby"}
    with postgres.start(version=18, settings=settings) as primary, start_standby(primary) as standby:
        database = databases.create(primary.dsn)
        database.execute(f"{ITEMS}; INSERT INTO items VALUES (1, 'read whole')")
        reader = make_reader(database, FAILOVER="true").start().snapshots_over(1)
        database.execute("INSERT INTO items VALUES (2, 'streamed')")
        reader.caught_up()
        eventually(lambda: is_synchronised(standby, reader), 150, "the standby to have the slot")
        standby.stop()
        database.execute("INSERT INTO items VALUES (3, 'lost with the primary')")
        primary.kill()
        standby.restart()
        standby.promote()

        reader.kill()
        moved = on(standby, database)
        with psycopg.connect(moved.dsn, autocommit=True, replication="database") as walsender:
            walsender.execute(f'ALTER_REPLICATION_SLOT "{reader.slot}" (FAILOVER false)'.encode())
        moved.execute("INSERT INTO items VALUES (4, 'of the new primary')")
        after = make_reader(moved, FAILOVER="true").start().caught_up()
        streamed = consumer.published("items").streamed()
        assert sorted(int(str((event.after or {})["id"])) for event in streamed) == [2, 4]
        assert equal(moved, consumer)
        assert not after.said("snapshot_over")
        assert after.said("slot_has_failover")
        assert moved.execute("SELECT failover FROM pg_replication_slots") == [(True,)]
        after.stop()


def is_synchronised(standby: PostgresStandby, reader: Reader) -> bool:
    query = (
        "SELECT synced AND NOT temporary AND invalidation_reason IS NULL FROM pg_replication_slots WHERE slot_name = %s"
    )
    with psycopg.connect(standby.dsn) as connection:
        return connection.execute(query, (reader.slot,)).fetchall() == [(True,)]


@pytest.mark.rule("P3", "P4")
@pytest.mark.remedy("set failover: false")
def test_promoted_standby_without_the_slot_halts_the_reader_with_what_to_do(
    make_reader: MakeReader, consumer: Consumer
) -> None:
    """One that has all that was published, and one that has not: neither is read on as if nothing had happened."""
    with (
        postgres.start(version=16) as primary,
        start_standby(primary, slot="near") as near,
        start_standby(primary, slot="far") as far,
    ):
        database = databases.create(primary.dsn)
        database.execute(f"{ITEMS}; INSERT INTO items VALUES (1, 'read whole')")
        reader = make_reader(database, FAILOVER="true").start()
        assert reader.exit_code() == 78
        [remedy] = re.findall(r"set (failover: false)$", reader.tail(), re.MULTILINE)
        name, _, value = remedy.partition(": ")
        reader.settings = {name.upper(): value}
        reader.start().snapshots_over(1).caught_up()

        has_replayed(far, database)
        far.stop()
        database.execute("INSERT INTO items VALUES (2, 'streamed')")
        reader.caught_up().stop()
        has_replayed(near, database)
        moved = make_reader(on(near, database)).start()
        assert moved.exit_code() == 78
        assert "point database_url at the primary" in moved.tail()
        primary.kill()
        near.promote()
        far.restart()
        far.promote()

        lacking = make_reader(on(far, database)).start()
        assert lacking.exit_code() == 81
        assert "this server has no changes that were published after that" in lacking.tail()

        moved.start()
        assert moved.exit_code() == 80
        assert "got none; to read every table again" in moved.tail()
        command = re.findall(r"run `cdc-reader ([a-z -]+)`, then start the reader", moved.tail())[-1]
        moved.database.execute("DELETE FROM items WHERE id = 1; INSERT INTO items VALUES (3, 'of the new primary')")
        assert moved.start(*shlex.split(command)).exit_code() == 0
        moved.start().snapshots_over(1).caught_up()
        assert equal(moved.database, consumer)
        moved.stop()
