"""Where the reader waits for others, it names them: process, program, since when, as far as its role may see it."""

from __future__ import annotations

import json
import re

from cdc_reader.postgres.connections import connect
from cdc_reader.postgres.open_transactions import open_transactions
from rowferry.status.slot import read_slot
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.waiting import eventually

ITEMS = "CREATE TABLE items (id bigint PRIMARY KEY, name text)"
SINCE = r"since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def test_first_start_names_whose_transaction_it_waits_for(database: Database, make_reader: MakeReader) -> None:
    """A new slot waits for all that are open; whoever looks is told which, and how to find them."""
    database.execute(ITEMS)
    with database.connect() as holder:
        holder.execute("SET application_name = 'nightly job'")
        holder.execute("BEGIN; INSERT INTO items VALUES (9002, 'two')")
        reader = make_reader(database).start().wait_for("slot_is_created", timeout_s=120)
        [line] = reader.said("slot_is_created")
        who = f"pid {holder.info.backend_pid} (nightly job), open since "
        assert any(re.fullmatch(re.escape(who[:-6]) + SINCE, each) for each in line["waits_for"])
        shown = reader.status()
        assert who in shown["waits_for"]
        assert who in reader.answer("/readyz")
        assert "two" not in json.dumps([line, shown])
        assert holder.info.backend_pid in [row[0] for row in database.execute(line["look"])]
        with database.connect() as connection:
            eventually(lambda: read_slot(connection, reader.slot), 150, "the slot that is being made")
            slot = read_slot(connection, reader.slot)
        assert slot is not None
        assert any(each.startswith(who) for each in slot.waits_for)
        holder.execute("COMMIT")
    reader.wait_for("streaming", timeout_s=120)
    assert reader.answer("/readyz") == "ready\n"
    assert reader.status()["waits_for"] is None


def test_snapshot_names_whose_writes_it_waits_for(database: Database, make_reader: MakeReader) -> None:
    reader = make_reader(database).start().wait_for("streaming", timeout_s=120)
    with database.connect() as writer:
        writer.execute(f"SET application_name = 'importer'; {ITEMS}")
        writer.execute("BEGIN; INSERT INTO items VALUES (9001, 'written before the table was published')")
        reader.wait_for("snapshot_waits_for_writers", timeout_s=120)
        [line] = reader.said("snapshot_waits_for_writers")
        [who] = line["waits_for"]
        assert re.fullmatch(rf"pid {writer.info.backend_pid} \(importer\), open {SINCE}", who)
        eventually(lambda: who in str(reader.status()["snapshots_waiting"]), 150, "who, on /statusz")
        writer.execute("COMMIT")
    reader.wait_for("snapshot_over", table="public.items")
    eventually(lambda: reader.status()["snapshots_waiting"] == {}, 150, "nothing to be waited for")


def test_standby_names_who_reads_the_slot(database: Database, make_reader: MakeReader) -> None:
    database.execute(ITEMS)
    first = make_reader(database).start().wait_for("streaming", timeout_s=120)
    second = make_reader(database).start().wait_for("standby", timeout_s=120)
    [(pid,)] = database.execute("SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", (first.slot,))
    [line] = second.said("standby")
    assert re.search(rf": pid {pid} \(rowferry-[^)]+\), connected {SINCE}$", line["reason"])
    assert second.status()["waits_for"] == line["reason"]
    with database.connect() as connection:
        slot = read_slot(connection, first.slot)
    assert slot is not None
    assert [each.startswith(f"pid {pid} (rowferry-") for each in slot.holders] == [True]
    assert slot.waits_for == ()


def test_role_that_may_not_see_since_when_is_told_what_lets_it(database: Database) -> None:
    """PostgreSQL shows everyone the process and its program, and the rest to the members of one role."""
    role = database.create_role("REPLICATION")
    database.execute(ITEMS)
    with database.connect() as holder, connect(role.dsn, application_name="test") as connection:
        holder.execute("SET application_name = 'nightly job'")
        holder.execute("BEGIN; INSERT INTO items VALUES (9002, 'two'); SELECT pg_advisory_lock(7)")
        pid = holder.info.backend_pid
        [told] = [each for each in open_transactions(connection) if each.startswith(f"pid {pid} ")]
        before, _, grant = told.partition(": ")
        assert before == f"pid {pid} (nightly job), since when is hidden from us"
        database.execute(grant)
        [told] = [each for each in open_transactions(connection) if each.startswith(f"pid {pid} ")]
        assert re.fullmatch(rf"pid {pid} \(nightly job\), open {SINCE}", told)
