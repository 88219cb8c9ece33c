"""A lock that somebody holds on one table holds up no other: nothing that is asked of the catalog waits (rule D8)."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import TupleRow

from cdc_reader.discovery.catalog import read_catalog
from cdc_reader.discovery.catalog_rows import Catalog
from cdc_reader.discovery.entries import TopicPlan, table_entries
from cdc_reader.discovery.forbidden_tables import with_forbidden, with_locked
from cdc_reader.discovery.publication import publication_plan
from cdc_reader.discovery.publication_changes import apply_publication_plan
from cdc_reader.discovery.requirements import table_requirements
from cdc_reader.discovery.row_filters import filters_of, with_known_filters
from cdc_reader.discovery.selection import Selection
from cdc_reader.postgres.server import declared_types, server_facts, slot_holders
from cdc_reader.postgres.visible_reads import snapshot_behind_all
from cdc_reader.postgres.wal_messages import emit_message, forbidden_messages
from rowferry.doctor.database_facts import read_database_facts
from rowferry.doctor.facts import Names
from rowferry.status.slot import read_slot
from schemas.names import TableName
from tests.databases import Database
from tests.integration.cdc_reader.conftest import MakeReader
from tests.integration.cdc_reader.readers import Consumer
from tests.integration.cdc_reader.tables import rows_in_database

pytestmark = [pytest.mark.rule("D8"), pytest.mark.since_postgres(15, "row filters and column lists")]
EVERY_KIND = """
CREATE TYPE state AS ENUM ('on', 'off');
CREATE TABLE free (id int PRIMARY KEY, name text);
CREATE TABLE plain (id int PRIMARY KEY, name text DEFAULT upper('x'), note text CHECK (note <> ''), state state);
CREATE TABLE "a filtered" (id int PRIMARY KEY, ":odd"":" text, twice int GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE listed (id int PRIMARY KEY, name text, secret text);
CREATE TABLE parted (id int, at date DEFAULT current_date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE leaf PARTITION OF parted FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE leaf_free PARTITION OF parted FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE TABLE refers (id int PRIMARY KEY, plain_id int REFERENCES plain);
CREATE TABLE keyless (name text NOT NULL); CREATE UNIQUE INDEX ON keyless (name);
CREATE TABLE indexed (id int PRIMARY KEY, name text NOT NULL); CREATE INDEX ON indexed (lower(name)) WHERE id > 0;
ALTER TABLE indexed ENABLE ROW LEVEL SECURITY; CREATE POLICY positive ON indexed USING (id > 0);
CREATE VIEW seen AS SELECT id FROM plain;
CREATE MATERIALIZED VIEW made AS SELECT id FROM plain;
CREATE FOREIGN DATA WRAPPER other; CREATE SERVER elsewhere FOREIGN DATA WRAPPER other;
CREATE FOREIGN TABLE away (id int, name text) SERVER elsewhere;
CREATE PUBLICATION rowferry FOR TABLE free, plain, "a filtered" WHERE (id > 0 AND ":odd"":" <> 'x:y'),
    listed (id, name), leaf WHERE (id > 0), leaf_free WHERE (id > 0), refers, indexed;
"""
LOCKED = ("plain", '"a filtered"', "listed", "parted", "leaf", "refers", "keyless", "indexed")


@pytest.fixture
def held(database: Database) -> Iterator[psycopg.Connection[TupleRow]]:
    """Every kind of table, each locked by somebody; rolled back at the end."""
    database.execute(EVERY_KIND)
    with database.connect() as holder:
        holder.execute("BEGIN")
        for table in LOCKED:
            holder.execute(f"LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE".encode())
        # What LOCK TABLE does not take is locked by DDL.
        holder.execute("ALTER FOREIGN TABLE away ALTER name SET NOT NULL; ALTER VIEW seen SET (security_barrier)")
        holder.execute("ALTER MATERIALIZED VIEW made ALTER id SET STORAGE PLAIN")
        yield holder


def catalog_of(connection: psycopg.Connection[TupleRow]) -> Catalog:
    return read_catalog(connection, Selection.everything())


def unwilling_to_wait(database: Database) -> psycopg.Connection[TupleRow]:
    """A connection that fails where it would have to wait for a lock."""
    connection = database.connect()
    connection.execute("SET lock_timeout = '1ms'")
    return connection


def test_d8_nothing_that_is_asked_of_the_catalog_waits_for_a_lock(
    database: Database, held: psycopg.Connection[TupleRow]
) -> None:
    """Red with `pg_get_expr` of a relation, or anything else that opens one, in any of the queries."""
    with unwilling_to_wait(database) as connection:
        catalog = catalog_of(connection)
        read_database_facts(connection, catalog, Names("slot", "rowferry", "rowferry-test"))
        server_facts(connection, "slot")
        slot_holders(connection, "slot")
        read_slot(connection, "slot")
        declared_types(connection, [(23, -1)])
        snapshot_behind_all(connection)
        assert forbidden_messages(connection) == ()
        emit_message(connection, "test")
    names = {"free", "plain", "a filtered", "listed", "parted", "refers", "keyless", "indexed", "seen", "made", "away"}
    assert {table.name.name for table in catalog.tables} == names


def test_d8_row_filter_of_a_locked_table_is_not_known_and_all_others_are(
    database: Database, held: psycopg.Connection[TupleRow]
) -> None:
    with unwilling_to_wait(database) as connection:
        locked = catalog_of(connection)
        held.execute("ROLLBACK")
        free = catalog_of(connection)
    assert locked.publication is not None
    assert free.publication is not None
    assert {each.relation.name for each in locked.publication.members if each.filter_unread} == {"a filtered", "leaf"}
    read = {each.relation.name: each.row_filter for each in locked.publication.members}
    assert read == {each.relation.name: each.row_filter for each in free.publication.members} | {
        "a filtered": None,
        "leaf": None,
    }
    told = {each.id: each for each in table_requirements(with_locked(locked))}
    assert "somebody has locked it" in told["tables.public.parted"].found
    aside = {table.name.name: table.set_aside for table in with_forbidden(locked).tables if table.set_aside}
    assert {name: "somebody has locked it" in found.reason for name, found in aside.items()} == {
        "a filtered": True,
        "parted": True,
    }


def test_d8_row_filter_that_was_read_before_the_lock_is_what_it_was(database: Database) -> None:
    database.execute(EVERY_KIND)
    with unwilling_to_wait(database) as connection, database.connect() as holder:
        before = catalog_of(connection)
        entries = {
            str(each.name): each
            for each in table_entries(before, source="", version=0, topic_of=lambda name: TopicPlan("", 0))
        }
        holder.execute("BEGIN")
        holder.execute('LOCK TABLE "a filtered", leaf IN ACCESS EXCLUSIVE MODE')
        known = filters_of(before.publication)
        assert with_known_filters(catalog_of(connection), known, entries) == before
        holder.execute("ALTER TABLE leaf RENAME TO twig; ALTER TABLE parted RENAME id TO no")
        holder.execute("COMMIT; BEGIN; LOCK TABLE twig IN ACCESS EXCLUSIVE MODE")
        after = with_known_filters(catalog_of(connection), known, entries)
        assert after.publication is not None
        assert {each.relation.name for each in after.publication.members if each.filter_unread} == {"twig"}


FILTERED = """
    CREATE TABLE items (id int PRIMARY KEY, name text);
    CREATE TABLE filtered (id int PRIMARY KEY, name text);
    INSERT INTO items VALUES (1, 'one'); INSERT INTO filtered VALUES (1, 'one'), (-1, 'no');
    CREATE PUBLICATION rowferry FOR TABLE items, filtered WHERE (id > 0);
"""


@pytest.mark.remedy("SELECT pid, pg_terminate_backend(pid) FROM pg_locks")
def test_d8_filtered_table_that_is_locked_keeps_no_other_from_being_told_of(
    database: Database, make_reader: MakeReader, consumer: Consumer
) -> None:
    """At a re-read, where its filter is known; at a start that knows none; and DDL of another is met meanwhile."""
    database.execute(FILTERED)
    reader = make_reader(database).start().snapshots_over(2, 120)
    with database.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE filtered IN ACCESS EXCLUSIVE MODE")
        database.execute("CREATE TABLE third (id int PRIMARY KEY, name text); INSERT INTO third VALUES (1, 'one')")
        reader.wait_for("snapshot_over", table="public.third", timeout_s=120)
        assert reader.said("table_not_streamed", table="public.filtered") == []
        holder.execute("ROLLBACK")
    reader.kill()
    database.execute("ALTER TABLE filtered ADD more text; UPDATE filtered SET more = 'more'")
    with database.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE filtered IN ACCESS EXCLUSIVE MODE")
        reader.start().wait_for("table_not_streamed", table="public.filtered", timeout_s=120)
        [line] = reader.said("table_not_streamed", table="public.filtered")
        assert "somebody has locked it" in line["why"]
        database.execute("INSERT INTO items VALUES (2, 'two')")
        reader.caught_up(120)
        assert consumer.published("items").rows("items") == rows_in_database(database, "items")
        database.execute(line["remedy"].replace("%", "%%"))
        reader.wait_for("snapshot_over", table="public.filtered", count=2, timeout_s=120)
        with pytest.raises(psycopg.OperationalError):
            holder.execute("SELECT 1")
    reader.caught_up(120)
    expected = rows_in_database(database, "filtered")
    del expected["filtered/-1"]
    assert consumer.published("filtered").rows("filtered") == expected
    assert reader.said("session_ended") == []


def test_d8_publication_is_made_beside_a_locked_table(database: Database, held: psycopg.Connection[TupleRow]) -> None:
    with database.connect() as connection:
        connection.execute("CREATE PUBLICATION fresh")
        catalog = read_catalog(connection, Selection.of(), publication="fresh")
        failed = apply_publication_plan(connection, publication_plan(catalog, "fresh"))
    assert {"plain", "a filtered", "leaf"} <= {name.name for name in failed}
    assert TableName("public", "free") not in failed
