"""Discovery on a real server: what the catalog says, which DDL changes a fingerprint, which SQL makes a publication."""

from __future__ import annotations

import pytest

from cdc_reader.discovery.captures import capture_of
from cdc_reader.discovery.catalog import read_catalog
from cdc_reader.discovery.catalog_rows import Catalog, KeyIndex
from cdc_reader.discovery.fingerprints import fingerprint
from cdc_reader.discovery.publication import publication_mark, publication_plan
from cdc_reader.discovery.publication_changes import apply_publication_plan
from cdc_reader.discovery.relationships import Edge, edges
from cdc_reader.discovery.selection import Selection
from schemas.errors import AccessDenied, ProtocolError, SettingsError
from schemas.names import TableName
from tests.databases import Database

NAME = TableName("public", "photos")


def catalog_of(database: Database, selection: Selection | None = None) -> Catalog:
    with database.connect() as connection:
        return read_catalog(connection, selection or Selection.of())


def fingerprint_of(database: Database) -> str:
    return fingerprint(catalog_of(database).table(NAME))


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


def test_table_that_the_settings_name_must_exist(database: Database) -> None:
    with pytest.raises(SettingsError, match=r"got none called public\.fotos"):
        catalog_of(database, Selection.of(["fotos"]))


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


# What rule D1 is about: DDL that may send nothing.
CHANGING = {
    "column added with a default": "ALTER TABLE photos ADD COLUMN more integer DEFAULT 7",
    "column dropped": "ALTER TABLE photos DROP COLUMN name",
    "column renamed": "ALTER TABLE photos RENAME COLUMN name TO title",
    "column retyped": "ALTER TABLE photos ALTER COLUMN name TYPE varchar(50)",
    "column rewritten by its own type": "ALTER TABLE photos ALTER COLUMN name TYPE text USING upper(name)",
    "created again": "DROP TABLE photos; CREATE TABLE photos (id integer PRIMARY KEY, name text)",
    "another replica identity": "ALTER TABLE photos REPLICA IDENTITY FULL",
    "a parent": "CREATE TABLE above (id integer NOT NULL, name text); ALTER TABLE photos INHERIT above",
}
KEEPING = {
    "vacuum full": "VACUUM FULL photos",
    "cluster": "CLUSTER photos USING photos_pkey",
    "truncate": "TRUNCATE photos",
    "rows": "INSERT INTO photos VALUES (1, 'x')",
    "analyze": "ANALYZE photos",
    "an index": "CREATE INDEX ON photos (name)",
}


@pytest.mark.parametrize("statement", CHANGING.values(), ids=CHANGING)
def test_d1_definition_that_changed_has_another_fingerprint(database: Database, statement: str) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY, name text)")
    before = fingerprint_of(database)

    database.execute(statement)

    assert fingerprint_of(database) != before


@pytest.mark.parametrize("statement", KEEPING.values(), ids=KEEPING)
def test_d1_what_moves_rows_only_keeps_the_fingerprint(database: Database, statement: str) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY, name text)")
    before = fingerprint_of(database)

    with database.connect() as connection:
        connection.execute(statement.encode())

    assert fingerprint_of(database) == before


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE p2 PARTITION OF photos FOR VALUES FROM (10) TO (20)",
        "ALTER TABLE photos DETACH PARTITION p1",
    ],
)
def test_d3_leaf_that_comes_or_goes_changes_the_fingerprint(database: Database, statement: str) -> None:
    database.execute(
        "CREATE TABLE photos (id integer PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE p1 PARTITION OF photos FOR VALUES FROM (0) TO (10)"
    )
    before = fingerprint_of(database)

    database.execute(statement)

    assert fingerprint_of(database) != before


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


def test_d2_row_filter_and_column_list_are_read(database: Database) -> None:
    database.execute(
        "CREATE TABLE photos (id integer PRIMARY KEY, name text, secret text);"
        "CREATE PUBLICATION rowferry FOR TABLE photos (id, name) WHERE (id > 5)"
    )
    publication = catalog_of(database).publication

    assert publication is not None
    assert [(m.row_filter, m.columns) for m in publication.members] == [("(id > 5)", ("id", "name"))]
