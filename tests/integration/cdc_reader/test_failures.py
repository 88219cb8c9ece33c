"""What a reader says and how it exits when something is wrong: one clear line, the right code."""

from __future__ import annotations

import re
import socket

import pytest

from cdc_reader.postgres.advisory_lock import slot_lock
from cdc_reader.reset import reset
from cdc_reader.settings import ReaderSettings
from cdc_runtime.kafka.errors import TopicMissing
from cdc_runtime.settings.models import load
from devstack.postgres import PostgresServer
from schemas.errors import SlotBusy
from schemas.topics import Topics
from tests.databases import Database, url
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer

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


@pytest.mark.remedy("ALTER ROLE <the user of database_url> REPLICATION;")
def test_role_without_replication_is_exit_77_with_the_statement(database: Database, make_reader: MakeReader) -> None:
    role = database.create_role()
    database.execute(f"{ITEMS}; ALTER TABLE items OWNER TO {role.name}")
    database.execute(f"GRANT CREATE ON DATABASE {database.name} TO {role.name}")
    reader = make_reader(database, dsn=role.dsn).start()
    assert reader.exit_code() == 77
    statement = reader.tail().splitlines()[-1]
    assert statement == "ALTER ROLE <the user of database_url> REPLICATION;"
    database.execute(statement.replace("<the user of database_url>", role.name))

    reader.start().caught_up()


@pytest.mark.remedy("CREATE PUBLICATION {}{} WITH ({}, {})")
def test_role_that_may_not_publish_prints_the_sql(database: Database, make_reader: MakeReader) -> None:
    role = database.create_role("REPLICATION")
    database.execute(f"{ITEMS}; GRANT SELECT ON items TO {role.name}")
    reader = make_reader(database, dsn=role.dsn).start()
    assert reader.exit_code() == 77
    statement = reader.tail().splitlines()[-1]
    assert statement.startswith('CREATE PUBLICATION "rowferry" FOR TABLE "public"."items"')
    database.execute(statement)

    reader.start().snapshots_over(1)


@pytest.mark.rule("D8")
def test_d8_table_that_may_not_be_read_from_the_start_waits_for_the_right(
    database: Database, make_reader: MakeReader
) -> None:
    role = database.create_role("REPLICATION")
    database.execute(f"{ITEMS}; CREATE PUBLICATION rowferry FOR TABLE items")
    reader = make_reader(database, dsn=role.dsn).start().wait_for("table_not_streamed", table="public.items")
    (event,) = reader.said("table_not_streamed", table="public.items")
    database.execute(event["remedy"])

    reader.snapshots_over(1)


def test_wal_level_replica_is_exit_78_with_the_remedy(own_postgres: PostgresServer, make_reader: MakeReader) -> None:
    own_postgres.restart(settings={"wal_level": "replica"})
    database = Database("postgres", own_postgres.dsn, own_postgres.dsn)
    reader = make_reader(database).start()
    assert reader.exit_code() == 78
    assert "\nALTER SYSTEM SET wal_level = 'logical'" in reader.tail()


@pytest.mark.remedy("list your standbys by name in synchronous_standby_names instead of '*'")
def test_p11_synchronous_standby_names_that_match_us_are_refused(
    own_postgres: PostgresServer, make_reader: MakeReader
) -> None:
    own_postgres.restart(settings={"synchronous_standby_names": "*", "synchronous_commit": "local"})
    database = Database("postgres", own_postgres.dsn, own_postgres.dsn)
    reader = make_reader(database).start()
    assert reader.exit_code() == 78
    assert "list your standbys by name in synchronous_standby_names instead of '*'" in last_line(reader.tail())
    with database.connect() as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'near, far'")
        connection.execute("SELECT pg_reload_conf()")

    reader.start().caught_up()


@pytest.mark.remedy("point database_url at the primary")
def test_standby_is_refused_and_its_primary_is_read(
    database: Database, own_postgres: PostgresServer, make_reader: MakeReader
) -> None:
    (own_postgres.cluster / "standby.signal").touch()
    own_postgres.restart()
    standby = make_reader(Database("postgres", own_postgres.dsn, own_postgres.dsn)).start()
    assert standby.exit_code() == 78
    assert "got a standby" in last_line(standby.tail())
    assert "point database_url at the primary" in last_line(standby.tail())

    make_reader(database).start().caught_up()


@pytest.mark.remedy("set ROWFERRY_DATABASE_URL=postgresql://user:password@host:5432/database")
def test_database_that_is_not_set_is_named_by_its_variable(database: Database, make_reader: MakeReader) -> None:
    reader = make_reader(database, DATABASE_URL="").start()
    assert reader.exit_code() == 78
    asked = re.search(r"set ROWFERRY_([A-Z_]+)=postgresql://user:password@host:5432/database", reader.tail())
    assert asked is not None
    reader.settings = {asked[1]: database.dsn}

    reader.start().caught_up()


def test_unreachable_database_is_exit_69_after_the_start_time_out(database: Database, make_reader: MakeReader) -> None:
    nowhere = url(database.dsn, port=str(free_port()))
    reader = make_reader(database, dsn=nowhere, START_TIMEOUT_S=1).start()
    assert reader.exit_code() == 69
    assert "check host and port" in last_line(reader.tail())


@pytest.mark.remedy("start the brokers, or set kafka.bootstrap_servers")
def test_unreachable_kafka_is_exit_69_after_the_start_time_out(database: Database, make_reader: MakeReader) -> None:
    database.execute(ITEMS)
    reader = make_reader(database, kafka=f"127.0.0.1:{free_port()}", START_TIMEOUT_S=1).start()
    assert reader.exit_code(60) == 69
    assert "start the brokers, or set kafka.bootstrap_servers" in last_line(reader.tail())

    make_reader(database).start().snapshots_over(1)


@pytest.mark.remedy("start the service that owns them (cdc-reader run), or check kafka.prefix")
def test_topics_of_a_reader_that_never_ran_are_there_once_it_does(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    """As sink and fetcher wait for them."""
    asked = "start the service that owns them (cdc-reader run), or check kafka.prefix"
    owned = [consumer.topics.tables, consumer.topics.schemas, consumer.topics.control]
    with pytest.raises(TopicMissing) as caught:
        consumer.admin().wait_for_topics(owned, 0.5)
    assert caught.value.remedy == asked
    make_reader(database).start("run").wait_for("streaming")
    assert consumer.admin().wait_for_topics(owned, 60)

    wrong = Topics(f"{consumer.prefix}x")
    with pytest.raises(TopicMissing, match=f"{consumer.prefix}x") as caught:
        consumer.admin().wait_for_topics([wrong.tables], 0.5)
    assert caught.value.remedy == asked


@pytest.mark.remedy("the partition count of a topic is for ever (keys would change their partition)")
def test_topic_of_ours_with_more_partitions_is_made_again(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(ITEMS)
    reader = make_reader(database).start().snapshots_over(1)
    reader.stop()
    consumer.add_partitions(consumer.topics.tables, 2)
    assert reader.start().exit_code() == 78
    asked = re.search(
        "stop the services, run `cdc-reader (reset --execute)`, delete topic ([a-z0-9._]+) and start them; every table",
        reader.tail(),
    )
    assert asked is not None
    assert reader.start(*asked[1].split()).exit_code() == 0
    consumer.delete_topic(asked[2])

    reader.start().snapshots_over(2).caught_up()


@pytest.mark.remedy("stop the other reader, or set standby: true to wait for it")
def test_second_reader_without_standby_is_exit_75(database: Database, make_reader: MakeReader) -> None:
    database.execute(ITEMS)
    first = make_reader(database).start().snapshots_over(1)
    second = make_reader(database, STANDBY="false").start()
    assert second.exit_code() == 75
    assert "another reader holds slot" in last_line(second.tail())
    assert "stop the other reader, or set standby: true to wait for it" in last_line(second.tail())
    make_reader(database, STANDBY="true").start().wait_for("standby").stop()
    first.stop()

    second.start().caught_up()


@pytest.mark.remedy("stop that reader, and its standbys, first")
def test_reset_is_refused_while_a_reader_runs(database: Database, make_reader: MakeReader) -> None:
    database.execute(ITEMS)
    reader = make_reader(database).start().snapshots_over(1)
    standby = make_reader(database).start().wait_for("standby")
    reset = make_reader(database).start("reset", "--execute")
    assert reset.exit_code() == 75
    assert "stop that reader, and its standbys, first" in last_line(reset.tail())
    standby.stop()
    reader.stop()

    assert reset.start("reset", "--execute").exit_code() == 0
    reader.start().snapshots_over(2)


@pytest.mark.remedy("try again")
def test_reset_that_missed_a_reader_by_a_moment_is_tried_again(
    database: Database, make_reader: MakeReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was gone before it could be named; the real ones are always seen."""
    reader = make_reader(database)
    settings = load(ReaderSettings, [], environ=reader.environment)
    with database.connect() as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", slot_lock(reader.slot))
        monkeypatch.setattr("cdc_reader.reset.slot_holders", lambda *_: ())
        with pytest.raises(SlotBusy, match="a moment ago") as caught:
            reset(settings, execute=True)
    assert caught.value.remedy == "try again"

    assert "done: forget" in reset(settings, execute=True)
