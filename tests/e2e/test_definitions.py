"""Tables change while the pipeline runs: the index follows by itself. Each test has tables of its own."""

from __future__ import annotations

import pytest

from tests.e2e.services import Pipeline


def test_table_that_is_created_later_is_captured(standing: Pipeline) -> None:
    standing.database.execute(
        "CREATE TABLE meetings (id integer PRIMARY KEY, subject text); INSERT INTO meetings VALUES (1, 'weekly')"
    )

    standing.expect_rows("meetings", {"1": {"id": "1", "subject": "weekly"}})
    standing.database.execute("INSERT INTO meetings VALUES (2, 'monthly')")
    standing.expect("meetings", "2", {"id": "2", "subject": "monthly"})
    assert standing.index.table("meetings")["table_name"] == "meetings"


def test_added_column_reaches_the_rows_that_were_there(standing: Pipeline) -> None:
    standing.database.execute(
        "CREATE TABLE vendors (id integer PRIMARY KEY, name text); INSERT INTO vendors VALUES (1, 'one'), (2, 'two')"
    )
    standing.expect_rows("vendors", {"1": {"id": "1", "name": "one"}, "2": {"id": "2", "name": "two"}})

    standing.database.execute("ALTER TABLE vendors ADD COLUMN rating integer DEFAULT 3")
    standing.database.execute("INSERT INTO vendors VALUES (4, 'four', NULL)")
    standing.database.execute("UPDATE vendors SET rating = 5 WHERE id = 2")

    standing.expect_rows(
        "vendors",
        {
            "1": {"id": "1", "name": "one", "rating": "3"},
            "2": {"id": "2", "name": "two", "rating": "5"},
            "4": {"id": "4", "name": "four"},
        },
    )


def test_dropped_column_leaves_the_index(standing: Pipeline) -> None:
    standing.database.execute(
        "CREATE TABLE permits (id integer PRIMARY KEY, name text, note text); INSERT INTO permits VALUES (1, 'a', 'b')"
    )
    standing.expect_rows("permits", {"1": {"id": "1", "name": "a", "note": "b"}})

    standing.database.execute("ALTER TABLE permits DROP COLUMN note")

    standing.expect_rows("permits", {"1": {"id": "1", "name": "a"}})


def test_table_that_is_dropped_and_made_again_has_only_its_new_rows(standing: Pipeline) -> None:
    standing.database.execute(
        "CREATE TABLE forms (id integer PRIMARY KEY, name text); INSERT INTO forms VALUES (1, 'old'), (2, 'old too')"
    )
    standing.expect_rows("forms", {"1": {"id": "1", "name": "old"}, "2": {"id": "2", "name": "old too"}})

    standing.database.execute(
        "DROP TABLE forms; CREATE TABLE forms (id bigint PRIMARY KEY, name text, kind text);"
        "INSERT INTO forms VALUES (2, 'new', 'x'), (3, 'newer', NULL)"
    )

    standing.expect_rows("forms", {"2": {"id": "2", "name": "new", "kind": "x"}, "3": {"id": "3", "name": "newer"}})


def test_rows_of_a_dropped_table_leave_the_index(standing: Pipeline) -> None:
    standing.database.execute("CREATE TABLE notes (id integer PRIMARY KEY); INSERT INTO notes VALUES (1), (2)")
    standing.expect_rows("notes", {"1": {"id": "1"}, "2": {"id": "2"}})

    standing.database.execute("DROP TABLE notes")

    standing.expect_rows("notes", {})


@pytest.mark.rule("D9")
def test_d9_edges_of_rows_that_were_there_follow_the_foreign_keys(standing: Pipeline) -> None:
    standing.database.execute(
        "CREATE TABLE owners (number integer PRIMARY KEY); INSERT INTO owners VALUES (1), (2);"
        "CREATE TABLE chores (id integer PRIMARY KEY, owner integer); INSERT INTO chores VALUES (1, 2), (2, NULL)"
    )
    standing.expect_rows("chores", {"1": {"id": "1", "owner": "2"}, "2": {"id": "2"}})

    def parents() -> object:
        return (standing.index.row("chores", "1") or {}).get("parent_ids")

    def told(table: str) -> object:
        edges = standing.index.table(table).get("foreign_keys", [])
        return [(each["direction"], each["target_table"], each["fk_column"]) for each in edges]

    standing.database.execute("ALTER TABLE chores ADD CONSTRAINT owned FOREIGN KEY (owner) REFERENCES owners")
    standing.wait_for(lambda: parents() == ["owners/2"], "the edge of a row that was there")
    standing.wait_for(lambda: told("owners") == [("in", "chores", "owner")], "the edge from the other side")

    standing.database.execute("ALTER TABLE chores DROP CONSTRAINT owned; COMMENT ON TABLE chores IS 'to do'")
    standing.wait_for(lambda: parents() is None, "no edge any more")
    standing.wait_for(lambda: standing.index.table("chores").get("table_description") == "to do", "the description")
    standing.wait_for(lambda: told("owners") == [], "no edge from the other side")


@pytest.mark.rule("D1")
def test_d1_renamed_label_is_renamed_in_documents_and_their_keys(standing: Pipeline) -> None:
    standing.database.execute(
        "CREATE TYPE step AS ENUM ('a', 'b');"
        "CREATE TABLE steps (step step, n integer, PRIMARY KEY (step, n)); INSERT INTO steps VALUES ('a', 1), ('b', 2)"
    )
    standing.expect_rows("steps", {"a,1": {"step": "a", "n": "1"}, "b,2": {"step": "b", "n": "2"}})

    standing.database.execute("ALTER TYPE step RENAME VALUE 'a' TO 'alpha'; ALTER TYPE step RENAME VALUE 'b' TO 'beta'")
    standing.database.execute("DELETE FROM steps WHERE step = 'alpha'")

    standing.expect_rows("steps", {"beta,2": {"step": "beta", "n": "2"}})
