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
    assert (finding["status"], finding["found"]) == ("warning", "one that no one reads")
    program, command = finding["remedy"].split()
    assert program == "cdc-reader"
    reader.start(command).caught_up()
    assert own_patient.examine()["slot"]["status"] == "ok"
    reader.stop()

    fall_behind(reader)
    finding = own_patient.examine()["slot"]
    assert (finding["status"], finding["remedy"]) == ("warning", "start the reader at once")
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
