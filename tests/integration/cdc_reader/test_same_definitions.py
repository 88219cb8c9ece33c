"""Rules D1 and D3 on a real server: which DDL makes another definition of a table, and which does not."""

from __future__ import annotations

import pytest

from cdc_reader.discovery.catalog import read_catalog
from cdc_reader.discovery.fingerprints import CHANGED, LEAF_GONE, MADE_AGAIN, leaves_added, marks, why_other
from cdc_reader.discovery.selection import Selection
from schemas.names import TableName
from tests.databases import Database

NAME = TableName("public", "photos")


def definition_of(database: Database) -> tuple[int, dict[int, str]]:
    """The table's OID, and the marks of its relations."""
    with database.connect() as connection:
        table = read_catalog(connection, Selection.of()).table(NAME)
    return table.oid, marks(table)


# What rule D1 is about: DDL that may send nothing.
CHANGING = {
    "column added with a default": "ALTER TABLE photos ADD COLUMN more integer DEFAULT 7",
    "column dropped": "ALTER TABLE photos DROP COLUMN name",
    "column renamed": "ALTER TABLE photos RENAME COLUMN name TO title",
    "column retyped": "ALTER TABLE photos ALTER COLUMN name TYPE varchar(50)",
    "column rewritten by its own type": "ALTER TABLE photos ALTER COLUMN name TYPE text USING upper(name)",
    "column retyped and back": "ALTER TABLE photos ALTER COLUMN name TYPE int USING length(name);"
    "ALTER TABLE photos ALTER COLUMN name TYPE text",
    "another replica identity": "ALTER TABLE photos REPLICA IDENTITY FULL",
    "a parent": "CREATE TABLE above (id integer NOT NULL, name text); ALTER TABLE photos INHERIT above",
}
KEEPING = {
    "statistics": "ALTER TABLE photos ALTER COLUMN name SET STATISTICS 500",
    "a default": "ALTER TABLE photos ALTER COLUMN name SET DEFAULT 'x'",
    "a grant": "GRANT SELECT ON photos TO PUBLIC",
    "a grant of columns": "GRANT SELECT (id), UPDATE (name) ON photos TO PUBLIC",
    "an owner": "ALTER TABLE photos OWNER TO pg_monitor",
    "comments": "COMMENT ON TABLE photos IS 'all'; COMMENT ON COLUMN photos.name IS 'a name'",
    "a constraint": "ALTER TABLE photos ADD CONSTRAINT named CHECK (name <> '') NOT VALID;"
    "ALTER TABLE photos VALIDATE CONSTRAINT named",
    "not null": "ALTER TABLE photos ALTER COLUMN name SET NOT NULL",
    "options": "ALTER TABLE photos SET (fillfactor = 70), ALTER COLUMN name SET (n_distinct = 5)",
    "storage": "ALTER TABLE photos ALTER COLUMN name SET STORAGE EXTERNAL",
    "a trigger": "CREATE TRIGGER one BEFORE UPDATE ON photos FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger();ALTER TABLE photos DISABLE TRIGGER one",
    "row security": "ALTER TABLE photos ENABLE ROW LEVEL SECURITY",
    "a reference to it": "CREATE TABLE notes (id int PRIMARY KEY, photo int REFERENCES photos)",
    "renamed and back": "ALTER TABLE photos RENAME TO pictures; ALTER TABLE pictures RENAME TO photos",
    "vacuum full": "VACUUM FULL photos",
    "cluster": "CLUSTER photos USING photos_pkey",
    "truncate": "TRUNCATE photos",
    "rows": "INSERT INTO photos VALUES (1, 'x')",
    "analyze": "ANALYZE photos",
    "an index": "CREATE INDEX ON photos (name)",
}


@pytest.mark.parametrize("statement", CHANGING.values(), ids=CHANGING)
def test_d1_definition_that_changed_is_another(database: Database, statement: str) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY, name text)")
    oid, before = definition_of(database)

    database.execute(statement)

    assert why_other(oid, before, definition_of(database)[1]) == CHANGED


def test_d1_table_made_again_is_another(database: Database) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY, name text)")
    _, before = definition_of(database)

    database.execute("DROP TABLE photos; CREATE TABLE photos (id integer PRIMARY KEY, name text)")

    oid, now = definition_of(database)
    assert why_other(oid, before, now) == MADE_AGAIN


@pytest.mark.parametrize("statement", KEEPING.values(), ids=KEEPING)
def test_d1_what_leaves_the_meaning_of_rows_keeps_the_definition(database: Database, statement: str) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY, name text)")
    oid, before = definition_of(database)

    with database.connect() as connection:
        for each in statement.split(";"):
            connection.execute(each.encode())

    assert why_other(oid, before, definition_of(database)[1]) is None


PARTITIONED = """
CREATE TABLE photos (id integer PRIMARY KEY, name text) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF photos FOR VALUES FROM (0) TO (10);
CREATE TABLE alone (name text, id integer PRIMARY KEY);
"""
ADDED = {
    "made": "CREATE TABLE p2 PARTITION OF photos FOR VALUES FROM (10) TO (20)",
    "attached": "ALTER TABLE photos ATTACH PARTITION alone FOR VALUES FROM (10) TO (20)",
    "below another": "CREATE TABLE p2 PARTITION OF photos FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);"
    "CREATE TABLE p3 PARTITION OF p2 FOR VALUES FROM (10) TO (15)",
}
GONE = {"detached": "ALTER TABLE photos DETACH PARTITION p1", "dropped": "DROP TABLE p1"}
LEFT = {
    "a leaf renamed": "ALTER TABLE p1 RENAME TO p0",
    "statistics on the root": "ALTER TABLE photos ALTER COLUMN name SET STATISTICS 9",
}


@pytest.mark.rule("D3")
@pytest.mark.parametrize("statement", ADDED.values(), ids=ADDED)
def test_d3_leaf_that_comes_is_added_and_the_others_are_as_they_were(database: Database, statement: str) -> None:
    database.execute(PARTITIONED)
    oid, before = definition_of(database)
    database.execute(statement)
    now = definition_of(database)[1]
    assert (why_other(oid, before, now), len(leaves_added(before, now))) == (None, 1)


@pytest.mark.rule("D3")
@pytest.mark.parametrize("statement", GONE.values(), ids=GONE)
def test_d3_leaf_that_goes_took_its_rows_along(database: Database, statement: str) -> None:
    database.execute(PARTITIONED)
    oid, before = definition_of(database)
    database.execute(statement)
    assert why_other(oid, before, definition_of(database)[1]) == LEAF_GONE


@pytest.mark.rule("D3")
@pytest.mark.parametrize("statement", LEFT.values(), ids=LEFT)
def test_d3_leaf_that_stays_is_no_reason(database: Database, statement: str) -> None:
    database.execute(PARTITIONED)
    oid, before = definition_of(database)
    database.execute(statement)
    now = definition_of(database)[1]
    assert (why_other(oid, before, now), leaves_added(before, now)) == (None, set())


ATTACHED_AGAIN = {"itself": ("p2", "p3", "10) TO (15"), "what it is below": ("photos", "p2", "10) TO (20")}


@pytest.mark.rule("D3")
@pytest.mark.parametrize(("above", "name", "values"), ATTACHED_AGAIN.values(), ids=ATTACHED_AGAIN)
def test_d3_partition_that_was_detached_for_a_time_is_another_definition(
    database: Database, above: str, name: str, values: str
) -> None:
    """Nobody says what it was published as meanwhile."""
    database.execute(PARTITIONED + ADDED["below another"])
    oid, before = definition_of(database)
    database.execute(f"ALTER TABLE {above} DETACH PARTITION {name}")
    database.execute(f"ALTER TABLE {above} ATTACH PARTITION {name} FOR VALUES FROM ({values})")
    assert why_other(oid, before, definition_of(database)[1]) == CHANGED


@pytest.mark.rule("D3")
def test_d3_root_that_is_retyped_rewrites_its_leaves(database: Database) -> None:
    database.execute(PARTITIONED)
    oid, before = definition_of(database)
    database.execute("ALTER TABLE photos ALTER COLUMN name TYPE text USING upper(name)")
    assert why_other(oid, before, definition_of(database)[1]) == CHANGED
