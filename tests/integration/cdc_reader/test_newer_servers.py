"""What PostgreSQL 19 makes us ask, asked of the servers that are at hand."""

from __future__ import annotations

from cdc_reader.postgres.connections import connect
from cdc_reader.postgres.server import files_now
from tests.databases import Database


def test_rewrite_is_seen_by_the_file(database: Database) -> None:
    """As REPACK (CONCURRENTLY) it alters no column; nothing else changes the file, and no lock is waited for."""
    database.execute("CREATE TABLE items (id bigint PRIMARY KEY); INSERT INTO items VALUES (1)")
    [(oid,)] = database.execute("SELECT 'items'::regclass::oid::bigint")
    with connect(database.dsn, application_name="test") as connection, database.connect() as other:
        before = files_now(connection, [oid, 0])
        assert before[0] > 0
        assert before[1] == 0
        other.execute("ANALYZE items")
        with other.transaction():
            other.execute("LOCK TABLE items")
            assert files_now(connection, [oid, 0]) == before
        other.execute("VACUUM FULL items")
        after = files_now(connection, [oid, 0])
        assert after[0] not in before
        other.execute("DROP TABLE items")
        assert files_now(connection, [oid, 0]) == (0, 0)
