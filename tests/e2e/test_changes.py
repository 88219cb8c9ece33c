"""Every kind of change to a row is seen in the index, as documents over HTTP."""

from __future__ import annotations

import pytest

from tests.e2e.services import Pipeline

TABLES = """
CREATE TABLE IF NOT EXISTS projects (id bigint PRIMARY KEY, name text, budget numeric(12, 2));
CREATE TABLE IF NOT EXISTS photos (
    project_id bigint REFERENCES projects, number integer, caption text, taken timestamptz,
    PRIMARY KEY (project_id, number)
);
CREATE TABLE IF NOT EXISTS reports (id integer PRIMARY KEY, title text, body text);
ALTER TABLE reports ALTER body SET STORAGE EXTERNAL
"""
ROWS = """
TRUNCATE projects, photos, reports;
INSERT INTO projects VALUES (1, 'north bridge', 1.50), (2, 'east tower', NULL);
INSERT INTO photos VALUES (1, 1, 'first pile', '2024-05-06 07:08:09.5+02'), (1, 2, NULL, NULL);
INSERT INTO reports VALUES (1, 'draft', repeat('abcdefghij', 20000))
"""
FIRST_PHOTO = {"project_id": "1", "number": "1", "caption": "first pile", "taken": "2024-05-06 05:08:09.5+00"}
SECOND_PHOTO = {"project_id": "1", "number": "2"}
LARGE = "abcdefghij" * 20_000


@pytest.fixture
def running(standing: Pipeline) -> Pipeline:
    """A pipeline whose index has the rows that each test begins with, and no others."""
    standing.database.execute(TABLES)
    standing.database.execute(ROWS)
    standing.expect_rows(
        "projects", {"1": {"id": "1", "name": "north bridge", "budget": "1.50"}, "2": {"id": "2", "name": "east tower"}}
    )
    standing.expect_rows("photos", {"1,1": FIRST_PHOTO, "1,2": SECOND_PHOTO})
    standing.expect_rows("reports", {"1": {"id": "1", "title": "draft", "body": LARGE}})
    return standing


def test_insert_is_seen(running: Pipeline) -> None:
    running.database.execute("INSERT INTO photos VALUES (2, 7, 'crane', NULL)")

    running.expect("photos", "2,7", {"project_id": "2", "number": "7", "caption": "crane"})


def test_update_is_seen_with_every_column(running: Pipeline) -> None:
    running.database.execute("UPDATE projects SET budget = 12.00 WHERE id = 2")

    running.expect("projects", "2", {"id": "2", "name": "east tower", "budget": "12.00"})


def test_update_to_null_leaves_the_column_out(running: Pipeline) -> None:
    running.database.execute("UPDATE projects SET budget = NULL, name = '' WHERE id = 1")

    running.expect("projects", "1", {"id": "1", "name": ""})


def test_delete_is_seen(running: Pipeline) -> None:
    running.database.execute("DELETE FROM photos WHERE number = 1")

    running.expect("photos", "1,1", None)
    assert list(running.index.rows("photos")) == ["1,2"]


def test_row_that_comes_back_after_its_delete_is_seen(running: Pipeline) -> None:
    running.database.execute("DELETE FROM photos WHERE number = 2")
    running.expect("photos", "1,2", None)

    running.database.execute("INSERT INTO photos VALUES (1, 2, 'again', NULL)")

    running.expect("photos", "1,2", {"project_id": "1", "number": "2", "caption": "again"})


def test_key_change_moves_the_document(running: Pipeline) -> None:
    running.database.execute("UPDATE photos SET number = 9 WHERE number = 1")

    running.expect_rows(
        "photos",
        {
            "1,2": SECOND_PHOTO,
            "1,9": {**FIRST_PHOTO, "number": "9"},
        },
    )


def test_truncate_empties_the_table_and_rows_after_it_stay(running: Pipeline) -> None:
    running.database.execute("TRUNCATE photos; INSERT INTO photos VALUES (2, 1, 'after', NULL)")

    running.expect_rows("photos", {"2,1": {"project_id": "2", "number": "1", "caption": "after"}})
    assert sorted(running.index.rows("projects")) == ["1", "2"]


def test_update_beside_a_large_text_keeps_it(running: Pipeline) -> None:
    running.database.execute("UPDATE reports SET title = 'final' WHERE id = 1")

    running.expect("reports", "1", {"id": "1", "title": "final", "body": LARGE})


def test_update_of_a_large_text_is_seen_whole(running: Pipeline) -> None:
    running.database.execute("UPDATE reports SET body = repeat('0123456789', 30000) WHERE id = 1")

    running.expect("reports", "1", {"id": "1", "title": "draft", "body": "0123456789" * 30_000})


def test_key_change_carries_a_large_text_along(running: Pipeline) -> None:
    running.database.execute("UPDATE reports SET id = 5 WHERE id = 1")

    running.expect_rows("reports", {"5": {"id": "5", "title": "draft", "body": LARGE}})


def test_transaction_over_several_tables_is_seen_whole(running: Pipeline) -> None:
    running.database.execute(
        """
        INSERT INTO projects VALUES (3, 'west wing', 0.00);
        INSERT INTO photos SELECT 3, each, 'photo ' || each, NULL FROM generate_series(1, 3) each;
        UPDATE projects SET name = 'north bridge II' WHERE id = 1;
        DELETE FROM photos WHERE project_id = 1;
        DELETE FROM photos WHERE project_id = 3 AND number = 2
        """
    )

    running.expect_rows(
        "photos",
        {
            "3,1": {"project_id": "3", "number": "1", "caption": "photo 1"},
            "3,3": {"project_id": "3", "number": "3", "caption": "photo 3"},
        },
    )
    running.expect("projects", "1", {"id": "1", "name": "north bridge II", "budget": "1.50"})
    running.expect("projects", "3", {"id": "3", "name": "west wing", "budget": "0.00"})


def test_transaction_that_is_undone_leaves_no_trace(running: Pipeline) -> None:
    with running.database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("INSERT INTO projects VALUES (8, 'never', NULL)")
        connection.execute("UPDATE projects SET name = 'never' WHERE id = 1")
    running.database.execute("INSERT INTO projects VALUES (9, 'later', NULL)")

    running.expect("projects", "9", {"id": "9", "name": "later"})
    assert running.index.row("projects", "8") is None
    assert running.index.values("projects", "1") == {"id": "1", "name": "north bridge", "budget": "1.50"}


def test_records_are_searched_by_words_values_and_parents(running: Pipeline) -> None:
    running.database.execute("INSERT INTO photos VALUES (2, 5, 'tower crane at dusk', NULL)")
    running.expect("photos", "2,5", {"project_id": "2", "number": "5", "caption": "tower crane at dusk"})

    def found(where: str) -> list[str]:
        own = f'namespace contains "{running.index.namespace}"'
        hits = running.index.search(f"select doc_id from procore_record where {own} and {where}")
        return sorted(hit["doc_id"] for hit in hits)

    assert found('default contains "crane"') == ["photos/2,5"]
    assert found('metadata contains sameElement(key contains "budget", value contains "1.50")') == ["projects/1"]
    assert found('parent_ids contains "projects/1"') == ["photos/1,1", "photos/1,2"]
    assert found('edge_keys contains "belongs_to:projects/2"') == ["photos/2,5"]
