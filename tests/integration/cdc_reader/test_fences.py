"""A leader that stood still while another took over becomes the standby."""

from __future__ import annotations

import signal

import pytest

from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer
from tests.integration.cdc_reader.tables import rows_in_database
from tests.waiting import eventually

ITEMS = "CREATE TABLE items (id bigint PRIMARY KEY, name text)"


@pytest.mark.rule("P2", "P7")
def test_leader_that_was_frozen_past_its_take_over_becomes_standby(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(ITEMS)
    first = make_reader(database, HEARTBEAT_INTERVAL_S=60).start().snapshots_over(1).caught_up()
    second = make_reader(database).start().wait_for("standby")
    assert first.process is not None
    [(sender,)] = database.execute("SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", (first.slot,))
    first.process.send_signal(signal.SIGSTOP)
    # The frozen leader finds these on its connection when it goes on, and publishes what it must not.
    for number in range(300):
        database.execute("INSERT INTO items VALUES (%s, %s)", (number, "meanwhile " * 150))
    sent = "SELECT 1 FROM pg_stat_replication WHERE pid = %s AND sent_lsn >= pg_current_wal_lsn()"
    eventually(lambda: database.execute(sent, (sender,)), 150, "all to be sent to the frozen leader")
    database.execute("SELECT pg_terminate_backend(%s)", (sender,))
    second.wait_for("streaming").caught_up()

    first.process.send_signal(signal.SIGCONT)
    first.wait_for("standby")
    assert first.said("session_ended")  # by the fence, or by the end of its connection where that is met first
    assert [event.op for event in consumer.published("items").streamed()] == ["c"] * 300

    second.kill()
    first.wait_for("streaming", count=2)
    database.execute("UPDATE items SET name = 'after' WHERE id = 1")
    first.caught_up()
    assert consumer.published("items").rows("items") == rows_in_database(database, "items")
