"""Rule P12 on real servers: a wrong `database_url`, and printed remedies, leave the right pipeline alone."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from devstack.postgres import PostgresServer
from schemas.topics import offsets_topic
from tests import databases
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.integration.cdc_reader.tables import rows_in_database

ITEMS = "CREATE TABLE items (id bigint PRIMARY KEY, name text)"
pytestmark = pytest.mark.rule("P12")


@pytest.fixture
def other(postgres_dsn: str) -> Iterator[Database]:
    """Another database of the same server, with a table of the same name."""
    with databases.temporary(postgres_dsn) as fresh:
        fresh.execute(f"{ITEMS}; INSERT INTO items VALUES (7, 'of another')")
        yield fresh


def ends(reader: Reader, *arguments: str) -> str:
    """Run a command to its end; what it said, behind its exit code."""
    before = len(reader.log_file.read_text()) if reader.log_file.exists() else 0
    code = reader.start(*arguments).exit_code()
    return f"{code}: {reader.log_file.read_text()[before:]}"


@pytest.mark.remedy("correct database_url; only where this database has taken the place of the other for good")
def test_p12_wrong_database_url_and_the_remedy_leave_the_right_pipeline(
    database: Database, other: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    """The reader of the right database runs on meanwhile; then it is said that the source was moved."""
    database.execute(f"{ITEMS}; INSERT INTO items VALUES (1, 'ours')")
    right = make_reader(database).start().snapshots_over(1)
    wrong = make_reader(other)
    [(system_id,)] = database.execute("SELECT system_identifier::text FROM pg_control_system()")
    words = (
        f"this position belongs to database '{database.name}' (system {system_id}), "
        f"this server is '{other.name}' (system {system_id}); correct database_url"
    )
    for arguments in ((), ("reset",), ("reset", "--execute")):
        told = ends(wrong, *arguments)
        assert told.startswith("78: ")
        assert words in told
    assert other.execute("SELECT count(*) FROM pg_publication")[0] == (0,)
    assert other.execute("SELECT count(*) FROM pg_replication_slots WHERE database = %s", (other.name,))[0] == (0,)

    [(pid,)] = database.execute("SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", (right.slot,))
    told = ends(make_reader(database, name="reset"), "reset", "--execute")
    assert told.startswith("75: ")
    assert f"pid {pid} (rowferry-rowferry at 127.0.0.1)" in told

    database.execute("INSERT INTO items VALUES (2, 'ours')")
    right.caught_up()
    assert right.said("session_ended") == [], "somebody fenced it"
    assert consumer.published("items").rows("items") == rows_in_database(database, "items")

    right.stop()
    # Where the old server is gone there is no slot of it either.
    database.execute("SELECT pg_drop_replication_slot(%s)", (right.slot,))
    assert "run again with --execute to do it" in ends(wrong, "reset", "--source-moved")
    assert ends(wrong, "reset", "--source-moved", "--execute").startswith("0: ")
    wrong.start().snapshots_over(1).caught_up()
    assert consumer.published("items").rows("items") == rows_in_database(other, "items")
    assert (consumer.offsets()["position"] or {})["database"] == other.name


def test_p12_position_of_another_system_is_named_and_left(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    topic = consumer.topics.offsets("rowferry")
    consumer.admin().ensure_topics([offsets_topic(topic)])
    position = {
        "incarnation": "one",
        "version": 9,
        "start_lsn": 8,
        "system_id": "7710590895706758353",
        "timeline": 1,
        "database": database.name,
        "slot": "rowferry",
        "format": 1,
    }
    consumer.send(topic, b"position", json.dumps(position).encode())
    database.execute(ITEMS)
    reader = make_reader(database)
    words = rf"belongs to database '{database.name}' \(system 7710590895706758353\), this server is"
    for arguments in ((), ("reset", "--execute")):
        told = ends(reader, *arguments)
        assert told.startswith("78: ")
        assert re.search(words, told)
    assert consumer.offsets()["position"] == position
    assert database.execute("SELECT count(*) FROM pg_publication")[0] == (0,)


@pytest.mark.remedy(
    "correct database_url, or choose another `slot`", "set `slot` to the reader's, or correct database_url"
)
def test_p12_slot_of_another_database_is_looked_at_and_kept(
    database: Database, other: Database, make_reader: MakeReader
) -> None:
    reader = make_reader(database)
    other.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (reader.slot,))
    told = ends(reader, "reset", "--execute")
    assert told.startswith("78: ")
    assert f"in database '{other.name}'" in told
    assert "set `slot` to the reader's, or correct database_url" in told
    told = ends(reader)
    assert told.startswith("78: ")
    assert "correct database_url, or choose another `slot`" in told
    assert other.execute("SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s", (reader.slot,))[0] == (1,)

    free = {"SLOT": f"{reader.slot}_2"}
    make_reader(database, **free).start().wait_for("streaming").stop()
    assert ends(make_reader(database, **free), "reset").startswith("0: ")
    corrected = make_reader(other, KAFKA__PREFIX=f"{reader.prefix}b")
    assert ends(corrected, "reset").startswith("0: ")
    corrected.start().snapshots_over(1).caught_up()


@pytest.mark.rule("P4")
@pytest.mark.remedy("look at database_url: a copy of the server answers like this")
def test_p4_copy_of_the_server_is_told_from_one_that_was_restored(
    own_postgres: PostgresServer, make_reader: MakeReader, consumer: Consumer
) -> None:
    """First somebody else answers at the address; then the copy has taken the server's place for good."""
    database = databases.create(own_postgres.dsn)
    database.execute(f"{ITEMS}; INSERT INTO items VALUES (1, 'before')")
    reader = make_reader(database).start().snapshots_over(1).caught_up()
    reader.stop()
    own_postgres.stop()
    copy = own_postgres.cluster.with_name("copy")
    subprocess.run(["cp", "-a", own_postgres.cluster, copy], check=True)
    own_postgres.restart()
    database.execute("INSERT INTO items SELECT n, 'after' FROM generate_series(2, 20000) n")
    reader.start().caught_up()
    reader.stop()

    def swap() -> None:
        own_postgres.stop()
        other = copy.with_name("other")
        own_postgres.cluster.rename(other)
        copy.rename(own_postgres.cluster)
        other.rename(copy)
        own_postgres.restart()

    asked = "look at database_url: a copy of the server answers like this"
    swap()
    told = ends(reader)
    assert told.startswith("81: ")
    assert asked in told
    swap()
    reader.start().caught_up()
    assert consumer.published("items").rows("items") == rows_in_database(database, "items")
    reader.stop()

    swap()
    told = ends(reader, "reset", "--execute")
    assert told.startswith("81: ")
    assert asked in told
    would = ends(reader, "reset", "--source-moved")
    assert "run again with --execute to do it" in would
    assert ends(reader, "reset", "--source-moved", "--execute").startswith("0: ")
    reader.start().snapshots_over(2).caught_up()
    assert consumer.published("items").rows("items") == rows_in_database(database, "items")


@pytest.mark.rule("D7")
@pytest.mark.remedy("set another kafka.prefix for one of the two readers; where the source was renamed, set `slot`")
def test_d7_topics_of_another_source_are_left_by_another_prefix_or_taken_over_with_its_slot(
    database: Database, make_reader: MakeReader
) -> None:
    database.execute(ITEMS)
    first = make_reader(database).start().snapshots_over(1)
    first.stop()
    second = make_reader(database, SOURCE="second", SLOT=f"{first.slot}_2")
    told = ends(second)
    assert told.startswith("78: ")
    assert "set another kafka.prefix for one of the two readers; where the source was renamed, set `slot` to" in told

    make_reader(database, SOURCE="second", SLOT=f"{first.slot}_2", KAFKA__PREFIX=f"{first.prefix}b").start().wait_for(
        "streaming"
    ).stop()
    renamed = make_reader(database, SOURCE="second").start().snapshots_over(1)
    assert renamed.said("source_renamed")


@pytest.mark.rule("D7")
@pytest.mark.remedy("correct database_url, or set another kafka.prefix; only where")
def test_d7_topics_are_known_by_system_and_database_whatever_is_forgotten_or_renamed(
    database: Database, other: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(f"{ITEMS}; INSERT INTO items VALUES (1, 'ours')")
    right, wrong = make_reader(database).start().snapshots_over(1), make_reader(other)
    right.stop()
    assert ends(right, "reset", "--execute").startswith("0: ")
    assert consumer.offsets()["position"] is None
    for arguments in ((), ("reset", "--execute")):
        told = ends(wrong, *arguments)
        assert told.startswith("78: ")
        assert f"these topics belong to database '{database.name}' (system " in told
        assert "correct database_url, or set another kafka.prefix; only where" in told
    make_reader(other, KAFKA__PREFIX=f"{right.prefix}b", SLOT=f"{right.slot}_b").start().wait_for("streaming").stop()
    other.execute("DROP PUBLICATION rowferry")
    right.start().snapshots_over(2).stop()
    assert ends(right, "reset", "--execute").startswith("0: ")
    assert "run again with --execute to do it" in ends(wrong, "reset", "--source-moved")
    assert other.execute("SELECT count(*) FROM pg_publication")[0] == (0,)

    assert ends(wrong, "reset", "--source-moved", "--execute").startswith("0: ")
    wrong.start().snapshots_over(1).stop()
    assert consumer.published("items").rows("items") == rows_in_database(other, "items")

    other.execute("INSERT INTO items VALUES (8, 'of another')")
    renamed = make_reader(other, SOURCE="second").start().snapshots_over(1)
    assert [event["before"] for event in renamed.said("source_renamed")] == ["rowferry"]
    renamed.stop()
    assert consumer.published("items").rows("items") == rows_in_database(other, "items")
