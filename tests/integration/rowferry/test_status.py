"""`rowferry status` tells what slot, topics and index show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.databases import Database
from tests.integration.cdc_reader.readers import Reader
from tests.integration.rowferry.commands import Rowferry
from tests.integration.rowferry.indexed import IndexedRows
from tests.servers import VespaAddress
from tests.waiting import eventually


@pytest.fixture
def reader(database: Database, kafka: str, topic_prefix: str, tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(database, kafka, topic_prefix, tmp_path, {"KAFKA__PARTITIONS": "1"})
    yield reader
    reader.close()


@pytest.fixture
def rowferry(
    capsys: pytest.CaptureFixture[str],
    reader: Reader,
    vespa: VespaAddress,
    vespa_namespace: str,
) -> Rowferry:
    return Rowferry(
        capsys,
        *("--database-url", reader.database.dsn, "--slot", reader.slot),
        *("--kafka-bootstrap-servers", reader.kafka, "--kafka.prefix", reader.prefix),
        *("--vespa-url", vespa.url, "--vespa.namespace", vespa_namespace, "--group", f"group-{reader.prefix}"),
    )


def test_nothing_is_there_before_the_first_start(rowferry: Rowferry) -> None:
    ran = rowferry("status", "--json")

    assert (ran.code, ran.json["slot"], ran.json["position"], ran.json["tables"]) == (0, None, None, {})
    assert ran.json["errors"] == {}


def test_running_reader_shows_its_slot_and_position(rowferry: Rowferry, reader: Reader) -> None:
    reader.database.execute("CREATE TABLE photos (id integer PRIMARY KEY); CREATE TABLE keyless (a integer)")
    reader.database.execute("INSERT INTO photos SELECT generate_series(1, 5)")
    reader.start().snapshots_over(1).caught_up()

    found = rowferry("status", "--json").json

    assert (found["slot"]["active"], found["slot"]["wal_status"]) == (True, "reserved")
    assert (found["position"]["slot"], found["position"]["database"]) == (reader.slot, reader.database.name)
    assert found["tables"] == {"replication": 1, "none": 1}
    assert [(each["table"], each["state"], each["rows"]) for each in found["snapshots"]] == [
        ("public.photos", "done", 5)
    ]


@pytest.mark.rule("D8")
@pytest.mark.remedy("ADD PRIMARY KEY ({});")
def test_d8_table_whose_key_is_gone_is_named_with_its_remedy(rowferry: Rowferry, reader: Reader) -> None:
    reader.database.execute("CREATE TABLE photos (id integer PRIMARY KEY); CREATE TABLE keyless (a integer)")
    reader.start().snapshots_over(1)
    reader.database.execute("ALTER TABLE photos DROP CONSTRAINT photos_pkey")
    reader.wait_for("table_not_streamed", table="public.photos")

    reason = "its primary key was (id integer), and is gone"
    assert rowferry("status", "--json").json["set_aside"] == {"public.photos": reason}
    [finding] = [each for each in rowferry("doctor", "--json").json["checks"] if each["id"] == "tables.public.photos"]
    assert (finding["status"], finding["found"]) == ("failed", f"public.photos: none, {reason}")
    reader.database.execute(finding["remedy"])

    reader.snapshots_over(2)
    assert rowferry("status", "--json").json["set_aside"] == {}
    assert "tables.public.photos" not in {each["id"] for each in rowferry("doctor", "--json").json["checks"]}


def commit(reader: Reader, topic: str, next_offset: int) -> None:
    """Commit an offset as a sink would, without joining the group for good."""
    options = {"bootstrap.servers": reader.kafka, "group.id": f"group-{reader.prefix}", "enable.auto.commit": False}
    with closing(Consumer(options)) as consumer:
        consumer.commit(offsets=[TopicPartition(topic, 0, next_offset)], asynchronous=False)


def test_lag_counts_the_records_that_a_group_has_not_handled(rowferry: Rowferry, reader: Reader) -> None:
    reader.database.execute("CREATE TABLE photos (id integer PRIMARY KEY)")
    reader.database.execute("INSERT INTO photos SELECT generate_series(1, 5)")
    reader.start().snapshots_over(1).caught_up()
    topic = f"{reader.prefix}.public.photos"

    def lag() -> int:
        [group] = rowferry("status", "--json").json["groups"]
        assert group["members"] == 0
        return group["lag_records"]

    # Five rows and the sweep that ends their snapshot; markers of transactions are no records.
    assert lag() == 6
    commit(reader, topic, 4)
    assert lag() == 2
    commit(reader, topic, 6)
    assert lag() <= 1
    reader.database.execute("INSERT INTO photos VALUES (6)")
    reader.caught_up()
    before = lag()
    reader.database.execute("INSERT INTO photos VALUES (7), (8)")
    eventually(lambda: lag() == before + 2, what="two records more")


def test_counts_stand_beside_each_other(rowferry: Rowferry, index: IndexedRows, database: Database) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY); INSERT INTO photos VALUES (1), (2), (3)")
    index.put_all(database)
    index.remove("photos/3")
    index.put({"deleted": True, "version": 5}, "photos/4")

    ran = rowferry("status", "--counts", "--json")

    assert (ran.code, ran.json["counts"]) == (0, [{"table": "photos", "rows": 3, "documents": 2}])


def test_kafka_that_does_not_answer_hides_nothing_else(rowferry: Rowferry, reader: Reader) -> None:
    reader.database.execute(f"SELECT pg_create_logical_replication_slot('{reader.slot}', 'pgoutput')")

    ran = rowferry("status", "--json", "--kafka-bootstrap-servers", "127.0.0.1:1")

    assert ran.code == 69
    assert list(ran.json["errors"]) == ["kafka"]
    assert (ran.json["slot"]["name"], ran.json["slot"]["active"]) == (reader.slot, False)


def test_database_that_does_not_answer_is_told_with_exit_69(rowferry: Rowferry) -> None:
    ran = rowferry("status", "--database-url", "postgresql://nobody@127.0.0.1:1/none")

    assert (ran.code, ran.out.splitlines()[0].partition(": ")[0]) == (69, "database")
