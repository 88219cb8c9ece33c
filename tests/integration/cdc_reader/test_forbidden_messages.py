"""EXECUTE on `pg_logical_emit_message` is revoked: what was captured is streamed on, and nothing else ends (P3, D8)."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.integration.cdc_reader.tables import rows_in_database
from tests.waiting import eventually

pytestmark = [pytest.mark.rule("P3"), pytest.mark.rule("D8")]
ITEMS = """
    CREATE TABLE items (id int PRIMARY KEY, name text, note text);
    INSERT INTO items SELECT n, 'row ' || n FROM generate_series(1, 20) n;
    CREATE TABLE sync_events (id int);
"""
REVOKE = """
    DO $$ DECLARE f regprocedure; BEGIN
        FOR f IN SELECT oid FROM pg_proc WHERE proname = 'pg_logical_emit_message' LOOP
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
        END LOOP;
    END $$
"""


def a_reader(database: Database, make_reader: MakeReader) -> Reader:
    role = database.create_role("REPLICATION")
    database.execute(
        f"GRANT USAGE ON SCHEMA public TO {role.name}; GRANT SELECT ON items TO {role.name};"
        "CREATE PUBLICATION rowferry FOR TABLE items"
    )
    return make_reader(database, dsn=role.dsn)


def told(reader: Reader) -> dict[str, Any]:
    reader.wait_for("messages_forbidden", timeout_s=120)
    [line] = reader.said("messages_forbidden")
    return line


def statusz(reader: Reader) -> dict[str, Any]:
    [served] = reader.said("health and metrics served")[-1:]
    with urllib.request.urlopen(f"http://127.0.0.1:{served['port']}/statusz", timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def is_streamed(database: Database, consumer: Consumer) -> None:
    database.execute("INSERT INTO items VALUES ((SELECT max(id) + 1 FROM items), 'later')")
    [(last,)] = database.execute("SELECT max(id) FROM items")
    eventually(lambda: f"items/{last}" in consumer.published("items").rows("items"), 120, "the row to be published")


def slot_follows(database: Database, reader: Reader) -> None:
    """WAL of which nothing is published is let go of."""
    database.execute("INSERT INTO sync_events SELECT generate_series(1, 1000)")
    [(lsn,)] = database.execute("SELECT pg_current_wal_flush_lsn()::text")

    def confirmed() -> bool:
        assert reader.running(), reader.tail()
        [(there,)] = database.execute(
            "SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = %s",
            (lsn, reader.slot),
        )
        return bool(there)

    eventually(confirmed, 120, f"{lsn} to be confirmed; log: {reader.tail()}")


@pytest.mark.remedy("GRANT EXECUTE ON FUNCTION {} TO {};")
def test_p3_without_messages_from_the_start_the_stream_goes_on_and_snapshots_wait(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    database.execute(ITEMS)
    database.execute(REVOKE)
    reader = a_reader(database, make_reader).start()
    line = told(reader)
    assert line["level"] == "warning"
    is_streamed(database, consumer)
    slot_follows(database, reader)
    assert len(consumer.published("items").rows("items")) == 1, "rows of before the start wait for their snapshot"
    status = statusz(reader)
    assert status["ready"]
    assert "pg_logical_emit_message" in status["messages_forbidden"]
    assert "public.items" in status["snapshots_waiting"]
    database.execute(line["remedy"])
    reader.wait_for("snapshot_over", table="public.items", timeout_s=120)
    reader.caught_up(120)
    assert consumer.published("items").rows("items") == rows_in_database(database, "items")
    assert statusz(reader)["messages_forbidden"] is None
    assert reader.said("session_ended") == []
    assert reader.said("chunk_failed") == []


def test_p3_messages_that_are_revoked_while_it_runs_end_nothing(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    """Nor does a restart, whose position lies behind the last transaction then."""
    database.execute(ITEMS)
    reader = a_reader(database, make_reader).start().snapshots_over(1, 120)
    database.execute(REVOKE)
    line = told(reader)
    is_streamed(database, consumer)
    slot_follows(database, reader)
    reader.stop()
    is_streamed_later = "UPDATE items SET name = 'while it was away' WHERE id = 1"
    database.execute(is_streamed_later)
    reader.start().wait_for("streaming", count=2, timeout_s=120)
    is_streamed(database, consumer)
    slot_follows(database, reader)
    reader.kill()
    reader.start().wait_for("streaming", count=3, timeout_s=120)
    is_streamed(database, consumer)
    assert consumer.published("items").rows("items") == rows_in_database(database, "items")
    database.execute(line["remedy"])
    reader.wait_for("messages_allowed", timeout_s=120)
    reader.caught_up(120)
    assert reader.said("session_ended") == []


def test_v6_row_is_read_again_without_messages(database: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    """A large column that an update did not send is had, on a server whose log nobody else writes."""
    database.execute(ITEMS)
    database.execute("ALTER TABLE items ALTER note SET STORAGE EXTERNAL; UPDATE items SET note = repeat('x', 10000)")
    reader = a_reader(database, make_reader).start().snapshots_over(1, 120)
    database.execute(REVOKE)
    told(reader)
    with database.connect() as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("UPDATE items SET name = 'another' WHERE id = 1")
    expected = rows_in_database(database, "items")["items/1"]
    eventually(lambda: consumer.published("items").rows("items")["items/1"] == expected, 120, "the whole row")
    assert reader.said("refetch_failed") == []
