"""Discovery on a real server: what the catalog says, which SQL makes a publication."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from cdc_reader.discovery.captures import capture_of
from cdc_reader.discovery.catalog import read_catalog
from cdc_reader.discovery.catalog_rows import Catalog, KeyIndex
from cdc_reader.discovery.fingerprints import marks
from cdc_reader.discovery.publication import publication_mark, publication_plan
from cdc_reader.discovery.publication_changes import apply_publication_plan
from cdc_reader.discovery.relationships import Edge, edges
from cdc_reader.discovery.requirements import table_requirements
from cdc_reader.discovery.selection import Selection
from cdc_reader.discovery.value_types import rewritten
from schemas.errors import AccessDenied, ProtocolError, SettingsError
from schemas.names import TableName
from tests import databases
from tests.databases import Database

NAME = TableName("public", "photos")


def catalog_of(database: Database, selection: Selection | None = None) -> Catalog:
    with database.connect() as connection:
        return read_catalog(connection, selection or Selection.of())


def test_catalog_tells_columns_as_they_were_declared(database: Database) -> None:
    database.execute(
        "CREATE DOMAIN positive AS integer CHECK (VALUE > 0); CREATE DOMAIN small AS positive;"
        "CREATE TYPE state AS ENUM ('open');"
        "CREATE TABLE photos (gone text, id small PRIMARY KEY, name varchar(9) NOT NULL DEFAULT 'x', state state,"
        " twice integer GENERATED ALWAYS AS (2) STORED, no bigint GENERATED ALWAYS AS IDENTITY);"
        "ALTER TABLE photos DROP COLUMN gone; COMMENT ON TABLE photos IS 'all'; COMMENT ON COLUMN photos.id IS 'key'"
    )

    relation = catalog_of(database).table(NAME).relation

    assert relation.description == "all"
    assert [
        (c.number, c.name, c.type, c.base_type_oid, c.not_null, c.default, c.generated, c.identity, c.description)
        for c in relation.columns
        if c.name != "state"
    ] == [
        (2, "id", "small", 23, True, None, "", "", "key"),
        (3, "name", "character varying(9)", 1043, True, "'x'::character varying", "", "", None),
        (5, "twice", "integer", 23, False, None, "s", "", None),
        (6, "no", "bigint", 20, True, None, "", "a", None),
    ]
    assert relation.column("state").type == "state"
    assert (relation.attributes[0].number, relation.attributes[0].dropped) == (1, True)


def test_keys_are_told_in_their_own_order(database: Database) -> None:
    database.execute(
        "CREATE TABLE photos (a integer, b text NOT NULL, c integer, PRIMARY KEY (c, a));"
        "CREATE UNIQUE INDEX by_b ON photos (b) INCLUDE (a); ALTER TABLE photos REPLICA IDENTITY USING INDEX by_b;"
        "CREATE TABLE notes (id integer PRIMARY KEY, y integer, x integer,"
        " FOREIGN KEY (y, x) REFERENCES photos (a, c))"
    )

    catalog = catalog_of(database)

    relation = catalog.table(NAME).relation
    assert relation.primary_key == KeyIndex(("c", "a"))
    assert relation.identity_index == KeyIndex(("b",))
    assert edges(catalog) == (Edge(TableName("public", "notes"), ("x", "y"), NAME, ("c", "a"), declared=True),)


def test_partitioned_table_has_its_leaves_of_all_levels(database: Database) -> None:
    database.execute(
        "CREATE TABLE photos (id integer, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
        "CREATE TABLE p1 PARTITION OF photos FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');"
        "CREATE TABLE p2 PARTITION OF photos FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY HASH (id);"
        "CREATE TABLE p2a PARTITION OF p2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE p2b PARTITION OF p2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        "CREATE TABLE notes (id integer PRIMARY KEY, photo integer, at date,"
        " FOREIGN KEY (photo, at) REFERENCES photos)"
    )

    catalog = catalog_of(database)

    assert [str(table.name) for table in catalog.tables] == ["public.notes", "public.photos"]
    photos = catalog.table(NAME)
    assert [leaf.name.name for leaf in photos.leaves] == ["p1", "p2a", "p2b"]
    assert capture_of(photos).mode == "replication"
    assert len(catalog.foreign_keys) == 1


def test_excluded_tables_are_named_and_not_read(database: Database) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY); CREATE TABLE sync_events (id integer)")

    catalog = catalog_of(database)

    assert [table.name for table in catalog.tables] == [NAME]
    assert catalog.passed_over == (TableName("public", "sync_events"),)


@pytest.mark.remedy("correct the names in 'tables', or create the tables first")
def test_table_that_the_settings_name_must_exist(database: Database) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY)")
    with pytest.raises(SettingsError, match=r"got none called public\.fotos") as caught:
        catalog_of(database, Selection.of(["fotos"]))
    assert caught.value.remedy == "correct the names in 'tables', or create the tables first"

    assert [table.name for table in catalog_of(database, Selection.of(["photos"])).tables] == [NAME]
    database.execute("CREATE TABLE fotos (id integer PRIMARY KEY)")
    assert [table.name.name for table in catalog_of(database, Selection.of(["fotos"])).tables] == ["fotos"]


def test_server_tells_what_the_position_needs(database: Database) -> None:
    server = catalog_of(database).server

    assert (server.database, server.in_recovery, server.wal_level, server.timeline) == (
        database.name,
        False,
        "logical",
        1,
    )
    assert server.system_id == database.execute("SELECT system_identifier::text FROM pg_control_system()")[0][0]


def test_connection_inside_a_transaction_is_refused(database: Database) -> None:
    with database.connect() as connection, connection.transaction():
        connection.execute("SELECT 1")
        with pytest.raises(ProtocolError, match="without an open transaction"):
            read_catalog(connection, Selection.of())


ODD_NAMES = ("plain", "Plain", 'quoted "name"', "with.dot", "with space", "100%", "⛴ 🚀", "€" * 21)
OTHERS = """
CREATE DOMAIN low AS int CHECK (VALUE < 9); CREATE DOMAIN lower AS low; CREATE TYPE state AS ENUM ('open', 'shut');
CREATE TABLE events (id lower, at date, state state, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE e1 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE e2 PARTITION OF events FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY HASH (id);
CREATE SCHEMA other;
CREATE TABLE other.e2a PARTITION OF e2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE e2b PARTITION OF e2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE other.plain (id int PRIMARY KEY REFERENCES plain); CREATE VIEW seen AS SELECT * FROM events;
CREATE TABLE child (more int) INHERITS (plain);
"""


@pytest.mark.rule("D3")
def test_d3_table_that_is_read_alone_is_what_it_is_among_all(database: Database) -> None:
    for name in ODD_NAMES:
        quoted = name.replace('"', '""')
        database.execute(f'CREATE TABLE "{quoted}" (id int PRIMARY KEY, "{quoted}" text)')
    database.execute(OTHERS)

    everything = catalog_of(database, Selection.everything())

    assert {table.name.name for table in everything.tables} == {*ODD_NAMES, "events", "seen", "child"}
    for table in everything.tables:
        alone = catalog_of(database, Selection(tables=frozenset({table.name}), exclude=frozenset()))
        assert alone.tables == (table,)
        assert alone.foreign_keys == tuple(key for key in everything.foreign_keys if key.table_oid == table.oid)
    two = frozenset({TableName("other", "plain"), TableName("public", "events")})
    assert {table.name for table in catalog_of(database, Selection(tables=two, exclude=frozenset())).tables} == two
    with pytest.raises(SettingsError, match=r"got none called public\.e1"):
        catalog_of(database, Selection(tables=frozenset({TableName("public", "e1")}), exclude=frozenset()))


def test_what_is_read_of_a_named_table_does_not_grow_with_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[object] = []
    fetchall = psycopg.Cursor.fetchall

    def counted(cursor: Any) -> Any:
        rows.extend(found := fetchall(cursor))
        return found

    monkeypatch.setattr(psycopg.Cursor, "fetchall", counted)

    def read(*others: int) -> int:
        database.execute("CREATE TABLE IF NOT EXISTS photos (id integer PRIMARY KEY)")
        for n in others:
            database.execute(f"CREATE DOMAIN d{n} AS int; CREATE TABLE t{n} (id d{n} PRIMARY KEY REFERENCES photos)")
        with database.connect() as connection:
            rows.clear()
            read_catalog(connection, Selection(tables=frozenset({NAME}), exclude=frozenset()), publication=None)
        return len(rows)

    assert read(1) == read(2, 3, 4)


@pytest.mark.parametrize(
    ("options", "stored"),
    [(databases.UNCHECKED, b"caf\xc3\xa9"), (databases.encoded("WIN1252"), b"caf\xe9")],
    ids=["SQL_ASCII", "WIN1252"],
)
def test_named_table_is_found_whatever_its_name_is_stored_as(postgres_dsn: str, options: str, stored: bytes) -> None:
    with databases.temporary(postgres_dsn, "template0", options) as database:
        database.execute_bytes(b'CREATE TABLE photos (id int PRIMARY KEY); CREATE TABLE "' + stored + b'" (id int)')
        for name in (NAME, TableName("public", "caf\N{LATIN SMALL LETTER E WITH ACUTE}")):
            alone = catalog_of(database, Selection(tables=frozenset({name}), exclude=frozenset()))
            assert [table.name for table in alone.tables] == [name]


TYPES = """
CREATE TYPE state AS ENUM ('a', 'open');
CREATE DOMAIN checked AS state; CREATE DOMAIN rechecked AS checked;
CREATE TYPE pair AS (state state, n int);
CREATE DOMAIN pairs AS pair[];
CREATE TYPE states AS RANGE (subtype = state, multirange_type_name = many_states);
CREATE TABLE owners (id int PRIMARY KEY, name text);
"""
VALUES = {
    "state": "'open'",
    "state[]": "'{open}'",
    "rechecked": "'open'",
    "pair": "ROW('open', 1)",
    "pairs": "ARRAY[ROW('open', 1)::pair]",
    "states": "'[a,open]'",
    "many_states": "'{[a,open]}'",
    "owners": "ROW(1, 'x')",
    "text": "'open'",
}
ALTERATIONS = {
    "label renamed": "ALTER TYPE state RENAME VALUE 'open' TO 'opened'",
    "label added": "ALTER TYPE state ADD VALUE 'b' BEFORE 'a'",
    "attribute added": "ALTER TYPE pair ADD ATTRIBUTE m int",
    "attribute renamed": "ALTER TYPE pair RENAME ATTRIBUTE n TO number",
    "attribute dropped": "ALTER TYPE pair DROP ATTRIBUTE number",
    "column of another table added": "ALTER TABLE owners ADD COLUMN more int",
    "types renamed": "ALTER TYPE state RENAME TO s; ALTER TYPE pair RENAME TO p; ALTER DOMAIN checked RENAME TO c",
}


@pytest.mark.rule("D1")
def test_d1_types_tell_that_values_have_another_text(database: Database) -> None:
    """Just where PostgreSQL prints a value in another way than before, though the table has not changed."""
    tables = {kind: TableName("public", f"photos_{at}") for at, kind in enumerate(VALUES)}

    def text_of(kind: str) -> object:
        return database.execute(f"SELECT v::text FROM {tables[kind].name}")

    database.execute(TYPES)
    for kind, name in tables.items():
        database.execute(f"CREATE TABLE {name.name} (id int PRIMARY KEY, v {kind})")
        database.execute(f"INSERT INTO {name.name} VALUES (1, {VALUES[kind]})")
    for what, statement in ALTERATIONS.items():
        texts, catalog = {kind: text_of(kind) for kind in VALUES}, catalog_of(database)
        database.execute(statement)
        changed = {kind for kind in VALUES if text_of(kind) != texts[kind]}
        after = catalog_of(database)
        now = {kind: after.table(name) for kind, name in tables.items()}
        before = {kind: catalog.table(name) for kind, name in tables.items()}
        found = {kind for kind in VALUES if rewritten(before[kind].relation.types, now[kind].relation.types)}
        assert found == changed, what
        assert [marks(each) for each in now.values()] == [marks(each) for each in before.values()]
    known = catalog_of(database).table(tables["state"]).relation.types
    database.execute("ALTER TYPE s RENAME VALUE 'opened' TO 'x'")
    database.execute("ALTER TYPE s RENAME VALUE 'x' TO 'opened'")
    named_back = catalog_of(database).table(tables["state"]).relation.types
    assert rewritten(known, named_back), "rows that were written meanwhile have the name of then"


MIXED = """
CREATE TABLE photos (id integer PRIMARY KEY);
CREATE TABLE "odd "" name" (id integer PRIMARY KEY);
CREATE TABLE keyless (a integer);
CREATE TABLE nameless (id integer PRIMARY KEY);
ALTER TABLE nameless REPLICA IDENTITY NOTHING;
CREATE TABLE events (id integer PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
"""


def members(database: Database) -> list[str]:
    return [row[0] for row in database.execute("SELECT tablename::text FROM pg_publication_tables ORDER BY 1")]


def test_d5_publication_holds_the_checked_tables_and_writes_go_on(database: Database) -> None:
    database.execute(MIXED)

    with database.connect() as connection:
        apply_publication_plan(connection, publication_plan(read_catalog(connection, Selection.of()), "rowferry"))

    assert members(database) == ["events_1", 'odd " name', "photos"]
    database.execute("INSERT INTO keyless VALUES (1); UPDATE keyless SET a = 2; DELETE FROM keyless")
    assert publication_plan(catalog_of(database), "rowferry").statements == ()


GENERATED = """
CREATE TABLE plain (id integer PRIMARY KEY, name text, twice integer GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE whole (LIKE plain INCLUDING ALL);
ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TABLE indexed (LIKE plain INCLUDING ALL);
ALTER TABLE indexed ALTER COLUMN twice SET NOT NULL;
CREATE UNIQUE INDEX by_both ON indexed (id, twice);
ALTER TABLE indexed REPLICA IDENTITY USING INDEX by_both;
"""
WRITES = "".join(
    f"INSERT INTO {each} VALUES (1, 'x'); UPDATE {each} SET name = 'y'; DELETE FROM {each};"
    for each in ("plain", "whole", "indexed")
)


def test_d5_identity_of_generated_columns_lets_writes_go_on(database: Database) -> None:
    """PostgreSQL 18 refuses them, where a column of the identity is not published."""
    database.execute(GENERATED)

    with database.connect() as connection:
        apply_publication_plan(connection, publication_plan(read_catalog(connection, Selection.of()), "rowferry"))

    database.execute(WRITES)
    assert publication_plan(catalog_of(database), "rowferry").statements == ()
    refuses = catalog_of(database).server.version >= 180000
    assert members(database) == (["plain"] if refuses else ["indexed", "plain", "whole"])
    for requirement in table_requirements(catalog_of(database)):
        if requirement.remedy:
            database.execute(requirement.remedy)
    with database.connect() as connection:
        apply_publication_plan(connection, publication_plan(read_catalog(connection, Selection.of()), "rowferry"))
    database.execute(WRITES)
    assert members(database) == ["indexed", "plain", "whole"]


@pytest.mark.since_postgres(18, "publishing generated columns")
def test_d5_generated_columns_that_are_published_stay_in_the_identity(database: Database) -> None:
    database.execute(f"{GENERATED} CREATE PUBLICATION rowferry WITH (publish_generated_columns = stored)")

    with database.connect() as connection:
        apply_publication_plan(connection, publication_plan(read_catalog(connection, Selection.of()), "rowferry"))

    database.execute(WRITES)
    assert members(database) == ["indexed", "plain", "whole"]


def test_d5_table_that_lost_its_key_leaves_the_publication(database: Database) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY); CREATE TABLE notes (id integer PRIMARY KEY)")
    database.execute(
        "CREATE PUBLICATION rowferry FOR TABLE photos, notes; ALTER TABLE notes DROP CONSTRAINT notes_pkey"
    )

    with database.connect() as connection:
        apply_publication_plan(connection, publication_plan(read_catalog(connection, Selection.of()), "rowferry"))

    assert members(database) == ["photos"]


def test_publication_without_the_right_is_refused_with_sql_that_works(database: Database) -> None:
    database.execute(MIXED)
    role = database.create_role()

    with database.connect() as connection:
        connection.execute(f"SET ROLE {role.name}".encode())
        plan = publication_plan(read_catalog(connection, Selection.of()), "rowferry")
        with pytest.raises(AccessDenied, match="permission denied for database") as raised:
            apply_publication_plan(connection, plan)
    assert raised.value.remedy is not None
    database.execute(raised.value.remedy)

    assert publication_plan(catalog_of(database), "rowferry").statements == ()


def test_d2_publication_that_was_made_again_has_another_mark(database: Database) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY); CREATE PUBLICATION rowferry FOR TABLE photos")
    before = catalog_of(database).publication
    database.execute("DROP PUBLICATION rowferry; CREATE PUBLICATION rowferry FOR TABLE photos")
    after = catalog_of(database).publication

    assert before is not None
    assert after is not None
    assert publication_mark(before).identity != publication_mark(after).identity
    assert publication_mark(before).members != publication_mark(after).members


@pytest.mark.since_postgres(15, "row filters and column lists")
def test_d2_row_filter_and_column_list_are_read(database: Database) -> None:
    database.execute(
        "CREATE TABLE photos (id integer PRIMARY KEY, name text, secret text);"
        "CREATE PUBLICATION rowferry FOR TABLE photos (id, name) WHERE (id > 5)"
    )
    publication = catalog_of(database).publication

    assert publication is not None
    assert [(m.row_filter, m.columns) for m in publication.members] == [("(id > 5)", ("id", "name"))]
