"""What a reader says and how it exits when something is wrong: one clear line, the right code."""

from __future__ import annotations

import socket

import pytest

from devstack.postgres import PostgresServer
from tests.databases import Database, url
from tests.integration.cdc_reader.conftest import MakeReader

ITEMS = "CREATE TABLE items (id bigint PRIMARY KEY, name text)"


def last_line(text: str) -> str:
    return [line for line in text.splitlines() if line.startswith("cdc-reader: ")][-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


SETTINGS = {
    "a number out of range": ({"COMMIT__MAX_ROWS": "0"}, 78, "commit.max_rows"),
    "a name that is not known": ({"SLOTT": "x"}, 78, "slot"),
    "no database": ({"DATABASE_URL": ""}, 78, "database_url"),
    "a slot name PostgreSQL refuses": ({"SLOT": "Not-A-Slot"}, 78, "slot"),
}


@pytest.mark.parametrize(("settings", "code", "names"), SETTINGS.values(), ids=SETTINGS)
def test_bad_setting_is_one_line_and_exit_78(
    database: Database, make_reader: MakeReader, settings: dict[str, str], code: int, names: str
) -> None:
    reader = make_reader(database, **settings).start()
    assert reader.exit_code() == code
    assert names in last_line(reader.tail())


def test_unknown_flag_is_a_usage_error(database: Database, make_reader: MakeReader) -> None:
    reader = make_reader(database).start("run", "--slto", "x")
    assert reader.exit_code() == 64
    assert "did you mean --slot" in last_line(reader.tail())


def test_wrong_password_is_exit_77_and_is_not_printed(own_database: Database, make_reader: MakeReader) -> None:
    """On a server of our own: one that was named may trust whoever comes."""
    reader = make_reader(own_database, dsn=url(own_database.dsn, password="s3cret-and-wrong")).start()
    assert reader.exit_code() == 77
    assert "password authentication failed" in last_line(reader.tail())
    assert "s3cret" not in reader.tail()


def test_unknown_database_is_exit_77(database: Database, make_reader: MakeReader) -> None:
    reader = make_reader(database, dsn=url(database.dsn, dbname="no_such_database")).start()
    assert reader.exit_code() == 77
    assert "does not exist" in last_line(reader.tail())


def test_role_without_replication_is_exit_77_with_the_statement(database: Database, make_reader: MakeReader) -> None:
    role = database.create_role()
    database.execute(ITEMS)
    reader = make_reader(database, dsn=role.dsn).start()
    assert reader.exit_code() == 77
    assert "REPLICATION" in last_line(reader.tail())


def test_role_that_may_not_publish_prints_the_sql(database: Database, make_reader: MakeReader) -> None:
    role = database.create_role("REPLICATION")
    database.execute(f"{ITEMS}; GRANT SELECT ON items TO {role.name}")
    reader = make_reader(database, dsn=role.dsn).start()
    assert reader.exit_code() == 77
    assert 'CREATE PUBLICATION "rowferry" FOR TABLE "public"."items"' in reader.tail()


def test_role_that_may_not_read_a_table_is_exit_77(database: Database, make_reader: MakeReader) -> None:
    role = database.create_role("REPLICATION")
    database.execute(f"{ITEMS}; CREATE PUBLICATION rowferry FOR TABLE items")
    reader = make_reader(database, dsn=role.dsn).start()
    assert reader.exit_code() == 77
    assert "permission denied for table items" in last_line(reader.tail())


def test_wal_level_replica_is_exit_78_with_the_remedy(own_postgres: PostgresServer, make_reader: MakeReader) -> None:
    own_postgres.restart(settings={"wal_level": "replica"})
    database = Database("postgres", own_postgres.dsn, own_postgres.dsn)
    reader = make_reader(database).start()
    assert reader.exit_code() == 78
    assert "ALTER SYSTEM SET wal_level = 'logical'" in last_line(reader.tail())


def test_p11_synchronous_standby_names_that_match_us_are_refused(
    own_postgres: PostgresServer, make_reader: MakeReader
) -> None:
    own_postgres.restart(settings={"synchronous_standby_names": "*", "synchronous_commit": "local"})
    database = Database("postgres", own_postgres.dsn, own_postgres.dsn)
    reader = make_reader(database).start()
    assert reader.exit_code() == 78
    assert "synchronous_standby_names" in last_line(reader.tail())


def test_unreachable_database_is_exit_69_after_the_start_time_out(database: Database, make_reader: MakeReader) -> None:
    nowhere = url(database.dsn, port=str(free_port()))
    reader = make_reader(database, dsn=nowhere, START_TIMEOUT_S=1).start()
    assert reader.exit_code() == 69
    assert "check host and port" in last_line(reader.tail())


def test_unreachable_kafka_is_exit_69_after_the_start_time_out(database: Database, make_reader: MakeReader) -> None:
    database.execute(ITEMS)
    reader = make_reader(database, kafka=f"127.0.0.1:{free_port()}", START_TIMEOUT_S=1).start()
    assert reader.exit_code(60) == 69
    assert "Kafka" in last_line(reader.tail())


def test_second_reader_without_standby_is_exit_75(database: Database, make_reader: MakeReader) -> None:
    database.execute(ITEMS)
    make_reader(database).start().snapshots_over(1)
    second = make_reader(database, STANDBY="false").start()
    assert second.exit_code() == 75
    assert "another reader holds slot" in last_line(second.tail())


def test_reset_is_refused_while_a_reader_runs(database: Database, make_reader: MakeReader) -> None:
    database.execute(ITEMS)
    make_reader(database).start().snapshots_over(1)
    reset = make_reader(database).start("reset", "--execute")
    assert reset.exit_code() == 75
    assert "stop the reader first" in last_line(reset.tail())
