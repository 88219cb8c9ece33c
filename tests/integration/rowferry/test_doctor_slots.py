"""The doctor's checks of a slot that nobody reads: as long as its WAL is there, and after."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import Database
from tests.integration.cdc_reader.readers import Reader
from tests.integration.rowferry.patients import Patient
from tests.waiting import eventually


@pytest.fixture
def reader(own_patient: Patient, kafka: str, topic_prefix: str, tmp_path: Path) -> Iterator[Reader]:
    """One that has read the table and was stopped."""
    made = Reader(own_patient.database, kafka, topic_prefix, tmp_path, dsn=own_patient.role.dsn)
    made.start().snapshots_over(1).caught_up().stop()
    yield made
    made.close()


def fall_behind(reader: Reader) -> None:
    """The server keeps less than lies between the slot and now; that goes with the next checkpoint."""
    with reader.database.connect() as connection:
        for _ in range(6):
            connection.execute("SELECT pg_switch_wal()")
            connection.execute("SELECT pg_logical_emit_message(true, 'test', 'a segment')")
        for setting in ("max_slot_wal_keep_size = '1MB'", "max_wal_size = '32MB'"):
            connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        connection.execute("SELECT pg_reload_conf()")
    eventually(lambda: wal_status(reader.database, reader.slot) == "unreserved", what="the slot to be behind")


def wal_status(database: Database, slot: str) -> str:
    [(found,)] = database.execute("SELECT wal_status FROM pg_replication_slots WHERE slot_name = %s", (slot,))
    return str(found)


@pytest.mark.remedy("cdc-reader run", "start the reader at once")
def test_slot_that_nobody_reads_is_mended_by_the_reader(own_patient: Patient, reader: Reader) -> None:
    finding = own_patient.examine()["slot"]
    assert (finding["status"], finding["found"].partition(",")[0]) == ("warning", "one that no one reads")
    program, command = finding["remedy"].split()
    assert program == "cdc-reader"
    reader.start(command).caught_up()
    assert own_patient.examine()["slot"]["status"] == "ok"
    reader.stop()

    fall_behind(reader)
    finding = own_patient.examine()["slot"]
    assert (finding["status"], finding["remedy"]) == ("warning", "start the reader at once")
    shown = own_patient.rowferry("status", "--json").json["slot"]
    assert (shown["wal_status"], [each.rpartition("; ")[2] for each in shown["alarms"]]) == (
        "unreserved",
        ["start the reader at once"],
    )
    reader.start().caught_up()
    eventually(lambda: wal_status(reader.database, reader.slot) != "unreserved", what="the slot to have come after")
    with own_patient.database.connect() as connection:
        connection.execute("CHECKPOINT")

    reader.caught_up()
    assert own_patient.examine()["slot"]["status"] == "ok"


@pytest.mark.remedy("raise max_slot_wal_keep_size; {}")
def test_slot_whose_wal_is_gone_is_begun_again(own_patient: Patient, reader: Reader) -> None:
    fall_behind(reader)
    with own_patient.database.connect() as connection:
        connection.execute("CHECKPOINT")
    finding = own_patient.examine()["slot"]
    assert finding["status"] == "failed"
    asked = re.match(r"raise max_slot_wal_keep_size; .*run `cdc-reader ([a-z -]+)`, then start", finding["remedy"])
    assert asked is not None
    assert reader.start().exit_code() == 80
    assert finding["remedy"] in reader.tail()

    with own_patient.database.connect() as connection:
        connection.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '64GB'")
        connection.execute("SELECT pg_reload_conf()")
    assert reader.start(*asked[1].split()).exit_code() == 0
    reader.start().snapshots_over(2).caught_up()
    assert own_patient.examine()["slot"]["status"] == "ok"


@pytest.mark.remedy("ALTER SYSTEM SET max_slot_wal_keep_size = '{}MB'")
def test_alarm_of_a_reader_that_runs_is_answered_before_the_slot_is_lost(own_patient: Patient, reader: Reader) -> None:
    """A transaction that stays open keeps WAL, whatever the reader confirms."""
    reader.settings = {"NEIGHBOUR_TIMEOUT_S": "2"}
    with reader.database.connect() as other, other.transaction():
        other.execute("SELECT pg_logical_emit_message(true, 'test', 'it stays open')")
        reader.start().caught_up()
        fall_behind(reader)
        [alarm] = reader.wait_for("slot_in_danger").said("slot_in_danger")
        assert alarm["found"] == "one that loses its WAL at the next checkpoint"
        assert reader.status()["slot_in_danger"] == [alarm["found"]]
        labels = f'slot="{reader.slot}",state="unreserved"'
        assert f"rowferry_reader_slot_state{{{labels}}} 1.0" in reader.answer("/metrics")
        finding = own_patient.examine()["slot"]
        assert (finding["status"], finding["sql"]) == ("warning", True)

        own_patient.run_sql(alarm["remedy"])
        reader.wait_for("slot_is_safe")
        other.execute("CHECKPOINT")
        assert own_patient.examine()["slot"]["status"] == "ok"
    assert len(reader.said("slot_in_danger")) == 1
    reader.caught_up()


@pytest.mark.since_postgres(18, "idle_replication_slot_timeout")
@pytest.mark.remedy("ALTER SYSTEM SET idle_replication_slot_timeout", "raise idle_replication_slot_timeout; {}")
def test_slot_that_is_idle_for_too_long_is_lost_and_begun_again(own_patient: Patient, reader: Reader) -> None:
    with own_patient.database.connect() as connection:
        for statement in ("ALTER SYSTEM SET idle_replication_slot_timeout = '1s'", "SELECT pg_reload_conf()"):
            connection.execute(statement.encode())

        def lost() -> bool:
            connection.execute("CHECKPOINT")
            return wal_status(reader.database, reader.slot) == "lost"

        eventually(lost, what="the slot to be invalidated")
    found = own_patient.examine()
    assert found["slot"]["found"] == "one that lost its WAL (idle_timeout)"
    asked = re.match(
        r"raise idle_replication_slot_timeout; .*run `cdc-reader ([a-z -]+)`, then", found["slot"]["remedy"]
    )
    assert asked is not None
    assert own_patient.rowferry("status", "--json").json["slot"]["invalid"] == "idle_timeout"

    finding = found["database.idle_replication_slot_timeout"]
    assert finding["status"] == "warning"
    own_patient.run_sql(finding["remedy"])
    assert reader.start(*asked[1].split()).exit_code() == 0
    reader.start().snapshots_over(2).caught_up()
    found = own_patient.examine()
    assert (found["slot"]["status"], found["database.idle_replication_slot_timeout"]["status"]) == ("ok", "ok")
