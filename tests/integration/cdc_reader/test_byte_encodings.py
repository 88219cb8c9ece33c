"""A database of WIN1252 holds bytes that have no character in UTF-8: they are one column's affair (P8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from schemas.names import TableName
from tests import databases
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer
from tests.integration.cdc_reader.test_unchecked_texts import TABLES, WHY, omitted, start

pytestmark = pytest.mark.rule("P8")
LARGE = "Ma\xdf " * 2000


@pytest.fixture
def western(postgres_dsn: str) -> Iterator[Database]:
    with databases.temporary(postgres_dsn, "template0", databases.encoded("WIN1252")) as fresh:
        fresh.execute_bytes(TABLES)
        yield replace(fresh, dsn=f"{fresh.dsn}?client_encoding=UTF8")


def test_p8_byte_without_a_character_leaves_the_stream_going(
    western: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    western.execute_bytes(b"ALTER TABLE items ADD data jsonb, ADD tags text[], ADD image bytea, ADD n numeric")
    western.execute_bytes(
        b"INSERT INTO items VALUES (1, 'a\x81', 'caf\xe9', 'x', '{\"a\": \"\x80\"}', '{\xfc,\x80}', '\\x81e9', -0.5),"
        b"(2, '5 \x80', 'fine', 'x', '[\"\x81\"]', '{\x81}', '\\xe981', 200)"
    )
    reader = start(make_reader, western).snapshots_over(3)
    same = {"large": "x"}
    assert consumer.published("items").rows("items") == {
        "items/1": same
        | {"id": "1", "note": "caf\xe9", "data": '{"a": "\u20ac"}', "tags": "{\xfc,\u20ac}"}
        | {"image": "\\x81e9", "n": "-0.5"},
        "items/2": same | {"id": "2", "name": "5 \u20ac", "note": "fine", "image": "\\xe981", "n": "200"},
    }
    assert omitted(consumer, "items") == {b"1": [("name", WHY)], b"2": [("data", WHY), ("tags", WHY)]}

    western.execute_bytes(b"ALTER TABLE items DROP data, DROP tags, DROP image, DROP n")
    reader.caught_up()
    western.execute_bytes(b"UPDATE items SET name = '\x81' WHERE id = 2; UPDATE others SET name = '\x80uro \xe9'")
    western.execute_bytes(b"INSERT INTO items VALUES (3, '\x8d', 'n', 'x'), (4, 'd\xe9j\xe0', 'n', 'x')")
    western.execute_bytes(b"UPDATE items SET name = '\x9c' WHERE id = 1; DELETE FROM items WHERE id = 3")
    reader.caught_up()
    assert consumer.published("items").rows("items") == {
        "items/1": same | {"id": "1", "name": "\u0153", "note": "caf\xe9"},
        "items/2": same | {"id": "2", "note": "fine"},
        "items/4": same | {"id": "4", "name": "d\xe9j\xe0", "note": "n"},
    }
    assert omitted(consumer, "items") == {b"1": [], b"2": [("name", WHY)], b"3": [], b"4": []}
    assert consumer.published("others").rows("others") == {"others/1": {"id": "1", "name": "\u20acuro \xe9"}}
    assert reader.said("session_ended") == []
    assert reader.said("chunk_failed") == []


def test_p8_old_rows_and_unchanged_columns_are_recoded(
    western: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    western.execute_bytes(b"ALTER TABLE others REPLICA IDENTITY FULL; UPDATE others SET name = '\x81'")
    western.execute_bytes(
        b"INSERT INTO items VALUES (1, 'a', 'n', repeat('\x81', 9000)), (2, 'b', 'n', repeat('Ma\xdf ', 2000))",
    )
    reader = start(make_reader, western).snapshots_over(3)
    western.execute_bytes(
        b"UPDATE items SET name = 'c'; UPDATE others SET name = '\xe9' WHERE id = 1; DELETE FROM others"
    )
    reader.caught_up()
    rows = consumer.published("items").rows("items")
    assert {key: (row["name"], row.get("large")) for key, row in rows.items()} == {
        "items/1": ("c", None),
        "items/2": ("c", LARGE),
    }
    assert omitted(consumer, "items") == {b"1": [("large", WHY)], b"2": []}
    assert consumer.published("others").rows("others") == {}
    assert reader.said("session_ended") == []
    assert reader.said("refetch_failed") == []


def test_p8_key_with_a_byte_without_a_character_still_names_its_row(
    western: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    western.execute_bytes(b"INSERT INTO named SELECT 'M\xfcller \x81' || n, 'old' FROM generate_series(1, 30) n")
    western.execute_bytes(b"INSERT INTO named SELECT '\x80 ' || n, 'old' FROM generate_series(1, 30) n")
    reader = start(make_reader, western, SNAPSHOT__CHUNK_ROWS=10).snapshots_over(3)
    assert len(consumer.published("named").rows("named")) == 60
    reader.kill()
    reader = start(make_reader, western, SNAPSHOT__CHUNK_ROWS=10).wait_for("streaming")
    western.execute_bytes(b"UPDATE named SET v = 'new' WHERE name = '\x80 7'")
    western.execute_bytes(
        b"UPDATE named SET v = 'new' WHERE name = 'M\xfcller \x811'; DELETE FROM named WHERE v = 'old'"
    )
    western.execute_bytes(
        b"UPDATE named SET name = 'plain' WHERE name LIKE 'M%'; INSERT INTO named VALUES ('\x81\xfc', '')"
    )
    reader.caught_up()
    assert consumer.published("named").rows("named") == {
        "named/plain": {"name": "plain", "v": "new"},
        "named/%E2%82%AC%207": {"name": "\u20ac 7", "v": "new"},
        "named/%FF%81%C3%BC": {"v": ""},
    }
    assert omitted(consumer, "named")[b"%FF%81%C3%BC"] == [("name", WHY)]
    assert reader.said("chunk_failed") == []


def test_p8_names_and_comments_are_recoded(western: Database, make_reader: MakeReader, consumer: Consumer) -> None:
    western.execute_bytes(
        b"COMMENT ON TABLE items IS 'f\xfcr alle \x81'; ALTER TABLE items ALTER name SET DEFAULT '\x81';"
        b"CREATE TYPE mood AS ENUM ('m\xfcde', '\x81'); ALTER TABLE items ADD mood mood;"
        b'CREATE TABLE "stra\x81e" (id int PRIMARY KEY); CREATE TABLE third (id int PRIMARY KEY, "\x81nge" int);'
        b'CREATE TABLE "stra\xdfe" (id int PRIMARY KEY, "gr\xf6\xdfe" text);'
        b"INSERT INTO \"stra\xdfe\" VALUES (1, '\x80')"
    )
    reader = start(make_reader, western).snapshots_over(4)
    for table in ("stra\ufffde", "third"):
        [line] = reader.said("table_not_streamed", table=str(TableName("public", table)))
        assert "is not UTF-8" in line["why"]
    western.execute_bytes(
        b"INSERT INTO items (id, mood) VALUES (1, 'm\xfcde'), (2, '\x81');"
        b"INSERT INTO \"stra\xdfe\" VALUES (2, '\xe9'); INSERT INTO third VALUES (1, 2)"
    )
    reader.caught_up()
    assert consumer.published("items").rows("items") == {
        "items/1": {"id": "1", "mood": "m\xfcde"},
        "items/2": {"id": "2"},
    }
    assert omitted(consumer, "items") == {b"1": [("name", WHY)], b"2": [("name", WHY), ("mood", WHY)]}
    assert consumer.entries()["public.items"].description == "f\xfcr alle \ufffd"
    streets = consumer.published("stra\xdfe").rows("stra\xdfe")
    assert sorted(row["gr\xf6\xdfe"] for row in streets.values()) == ["\xe9", "\u20ac"]
    assert reader.said("session_ended") == []
    western.execute_bytes(b'ALTER TABLE third RENAME "\x81nge" TO length')
    reader.wait_for("snapshot_over", table="public.third")
    assert consumer.published("third").rows("third") == {"third/1": {"id": "1", "length": "2"}}


@pytest.mark.parametrize(
    ("encoding", "codec", "binary"),
    [("WIN1252", "cp1252", False), ("LATIN1", "latin-1", True), ("UTF8", "utf-8", True)],
)
def test_p8_only_encodings_with_such_bytes_are_streamed_in_text(
    postgres_dsn: str, make_reader: MakeReader, consumer: Consumer, encoding: str, codec: str, binary: bool
) -> None:
    with databases.temporary(postgres_dsn, "template0", databases.encoded(encoding)) as database:
        word = "\xe9".encode(codec)
        database.execute_bytes(b"CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, '')")
        reader = start(make_reader, database).snapshots_over(1)
        [line] = reader.said("streaming")
        assert line["binary"] is binary
        because_of = [said["because_of"] for said in reader.said("stream_in_text")]
        assert because_of == ([] if binary else ["the database's encoding: WIN1252"])
        database.execute_bytes(b"UPDATE items SET name = '" + word + b"'")
        reader.caught_up()
        assert consumer.published("items").rows("items") == {"items/1": {"id": "1", "name": "\xe9"}}
        reader.stop()
