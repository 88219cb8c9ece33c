"""Tables whose names and widths are legal and rare: each is read whole, and followed."""

from __future__ import annotations

from psycopg import sql

from schemas.names import TableName
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer

# Two of them differ by case alone, one is a keyword, one is as long as a name may be: 63 bytes.
NAMES = (
    "plain",
    "Plain",
    'a "quoted" one',
    "with.dot",
    "with space",
    "100%s",
    "select",
    "\N{ROCKET}",
    "\N{EURO SIGN}" * 21,
)
WIDEST = 1_600


def _create(database: Database, name: str) -> None:
    table, column = sql.Identifier(name), sql.Identifier(name)
    with database.connect() as connection:
        connection.execute(
            sql.SQL("CREATE TABLE {} ({} text, id int PRIMARY KEY); INSERT INTO {} VALUES ('a', 1), ('b', 2)").format(
                table, column, table
            )
        )


def _change(name: str) -> sql.Composed:
    return sql.SQL(
        "INSERT INTO {0} VALUES ('c', 3); UPDATE {0} SET {0} = 'd' WHERE id = 1; DELETE FROM {0} WHERE id = 2;"
    ).format(sql.Identifier(name))


def test_tables_of_odd_names_and_of_1600_columns_are_read_and_followed(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    for name in NAMES:
        _create(database, name)
    columns = [f"c{at}" for at in range(1, WIDEST)]
    database.execute(f"CREATE TABLE wide (id int PRIMARY KEY, {', '.join(f'{each} int' for each in columns)})")
    database.execute(f"INSERT INTO wide SELECT 1, {', '.join(map(str, range(1, WIDEST)))}")
    reader = make_reader(database).start()
    reader.wait_for("snapshot_over", count=len(NAMES) + 1, timeout_s=300).caught_up()

    with database.connect() as connection, connection.transaction():  # all in one
        connection.execute(sql.SQL("").join(map(_change, NAMES)))
        connection.execute(f"INSERT INTO wide SELECT 2, {', '.join(map(str, range(WIDEST, 1, -1)))}".encode())
        connection.execute(f"UPDATE wide SET c{WIDEST - 1} = 0 WHERE id = 1".encode())
    reader.caught_up(120)

    tables = [TableName("public", name) for name in (*NAMES, "wide")]
    found = {
        table.name: published.rows(table.document_table) for table, published in consumer.all_published(tables).items()
    }
    for name, table in zip(NAMES, tables, strict=False):
        assert sorted(found[name].values(), key=lambda row: row["id"]) == [
            {name: "d", "id": "1"},
            {name: "c", "id": "3"},
        ], table
    first, second = sorted(found["wide"].values(), key=lambda row: row["id"])
    assert first == {"id": "1"} | {f"c{at}": str(at) for at in range(1, WIDEST - 1)} | {f"c{WIDEST - 1}": "0"}
    assert second == {"id": "2"} | {f"c{at}": str(WIDEST + 1 - at) for at in range(1, WIDEST)}
