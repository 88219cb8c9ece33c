"""Tables that change while they are scanned: the scan begins again, for whoever asked, and other tables go on."""

from __future__ import annotations

import pytest

from schemas.control import Command, Kind, State
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer, Reader
from tests.integration.cdc_reader.tables import rows_in_database
from tests.waiting import eventually

ROWS = 1_000
TABLES = f"""
    CREATE TABLE items (id bigint PRIMARY KEY, n int, more text);
    INSERT INTO items SELECT n, n, 'row ' || n FROM generate_series(1, {ROWS}) n;
    CREATE TABLE others (id bigint PRIMARY KEY, name text);
    INSERT INTO others SELECT n, 'other ' || n FROM generate_series(1, 100) n;
"""
IN_SMALL_CHUNKS = {"SNAPSHOT__CHUNK_ROWS": "2"}
# Nobody but the scan itself, and the stream, finds in time what changed.
RARE_HEARTBEATS = {"HEARTBEAT_INTERVAL_S": "3600"}
CHANGES = {
    "wider": "ALTER TABLE items ALTER COLUMN n TYPE bigint",
    "of the same size": "ALTER TABLE items ALTER COLUMN n TYPE real USING n / 4.0",
    "read as text": "ALTER TABLE items ALTER COLUMN n TYPE int[] USING ARRAY[n]",
    "of the same type": "ALTER TABLE items ALTER COLUMN more TYPE text USING upper(more)",
    "gone": "ALTER TABLE items DROP COLUMN n",
}


def changed_while_read(database: Database, consumer: Consumer, statement: str, command: str | None = None) -> None:
    """Change `items` when a chunk of it is read and others are not."""

    def under_way() -> bool:
        progress = consumer.offsets().get("snapshot:public.items") or {}
        return progress.get("command") == command and progress.get("state") == "running" and progress.get("last_key")

    eventually(under_way, 120, "a chunk that is read")
    with database.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
        done = (consumer.offsets()["snapshot:public.items"] or {})["rows"]
        assert done < ROWS, "the scan was too fast for this test"
        connection.execute(statement.encode())
        connection.execute("COMMIT")


def same(database: Database, consumer: Consumer, table: str) -> None:
    assert consumer.published(table).rows(table) == rows_in_database(database, table)


def asked(consumer: Consumer, *tables: str) -> Command:
    command = Command("snap-1", Kind.SNAPSHOT, tables, "test", 0)
    consumer.send(consumer.topics.control, command.id.encode(), command.to_json())
    return command


def answered(consumer: Consumer, reader: Reader) -> Command:
    def over() -> bool:
        assert reader.running(), reader.tail()
        return consumer.commands()["snap-1"].over

    eventually(over, 120, f"an answer to the command: {reader.tail()}")
    return consumer.commands()["snap-1"]


@pytest.mark.rule("D1", "D8")
@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
def test_d1_column_that_changes_while_its_table_is_read(
    database: Database, make_reader: MakeReader, consumer: Consumer, statement: str
) -> None:
    database.execute(TABLES)
    reader = make_reader(database, **IN_SMALL_CHUNKS, **RARE_HEARTBEATS).start()
    reader.wait_for("snapshot_begins", table="public.items")
    changed_while_read(database, consumer, statement)
    reader.wait_for("snapshot_over", table="public.items", timeout_s=120).caught_up(120)
    same(database, consumer, "items")
    database.execute("INSERT INTO others VALUES (1001, 'goes on')")
    reader.caught_up(120)
    same(database, consumer, "others")
    assert len(reader.said("snapshot_over", table="public.others")) == 1
    assert reader.stop() == 0


@pytest.mark.rule("D1")
@pytest.mark.parametrize("killed", [False, True], ids=["in one life", "between two lives"])
def test_d1_command_is_done_though_the_definition_changed_meanwhile(
    database: Database, make_reader: MakeReader, consumer: Consumer, killed: bool
) -> None:
    database.execute(TABLES)
    reader = make_reader(database, **IN_SMALL_CHUNKS).start().snapshots_over(2, 120)
    command = asked(consumer, "public.items", "public.others")
    if killed:
        eventually(lambda: consumer.commands()[command.id].state is State.RUNNING, 150, "a command that is begun")
    changed_while_read(database, consumer, "ALTER TABLE items ADD COLUMN extra int DEFAULT 7", command.id)
    if killed:
        reader.kill()
        reader.start()
    answer = answered(consumer, reader)
    assert (answer.state, answer.detail) == (State.DONE, f"{ROWS} rows")
    reader.caught_up(120)
    same(database, consumer, "items")


@pytest.mark.rule("D8")
@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DROP TABLE items", "no such table is selected"),
        ("ALTER TABLE items DROP CONSTRAINT items_pkey", "its primary key was (id integer), and is gone"),
    ],
    ids=["dropped", "set aside"],
)
def test_d8_command_whose_table_goes_away_is_refused(
    database: Database, make_reader: MakeReader, consumer: Consumer, statement: str, reason: str
) -> None:
    database.execute(TABLES)
    reader = make_reader(database, **IN_SMALL_CHUNKS).start().snapshots_over(2, 120)
    command = asked(consumer, "public.items")
    changed_while_read(database, consumer, statement, command.id)
    answer = answered(consumer, reader)
    assert (answer.state, answer.detail) == (
        State.REFUSED,
        f"expected captured tables, got public.items ({reason})",
    )
    database.execute("INSERT INTO others VALUES (1001, 'goes on')")
    reader.caught_up(120)
    same(database, consumer, "others")
