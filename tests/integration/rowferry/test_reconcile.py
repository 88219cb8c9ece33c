"""The comparison of a real index with a real database finds every difference, and none where there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.databases import Database
from tests.integration.rowferry.commands import Rowferry
from tests.integration.rowferry.indexed import IndexedRows
from tests.servers import VespaAddress

TABLES = """
CREATE TABLE projects (id bigint PRIMARY KEY, parent_id integer, name char(8), budget numeric(12, 2),
    twice numeric GENERATED ALWAYS AS (budget * 2) STORED);
CREATE TABLE photos (id uuid PRIMARY KEY, project_id bigint REFERENCES projects, taken timestamptz, day date,
    ratio float8, small real, raw bytea, ok boolean, extra jsonb, tags text[], note text);
CREATE TABLE plans (region text, number integer, PRIMARY KEY (region, number));
CREATE TABLE sheets (id integer PRIMARY KEY, plan_number integer, plan_region text,
    FOREIGN KEY (plan_number, plan_region) REFERENCES plans (number, region));
CREATE TABLE events (id integer, at date, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_2020 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE events_2021 (at date NOT NULL, what text, id integer NOT NULL, PRIMARY KEY (id, at));
ALTER TABLE events ATTACH PARTITION events_2021 FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE SCHEMA audit;
CREATE TABLE audit.log (id integer PRIMARY KEY);
CREATE TABLE keyless (a integer);
CREATE TABLE "Odd. % ""name" ("a b" text PRIMARY KEY, "é" text);
INSERT INTO projects VALUES (1, NULL, 'one', 1.50), (2, 1, 'two', NULL);
INSERT INTO photos VALUES
    ('00000000-0000-0000-0000-000000000001', 1, '2020-02-03 04:05:06.7+09', 'infinity', 1e15, 0.1, '\\x00ff', true,
     '{"b": [1, null], "a": "\\u00e9"}', '{a,NULL,"b c"}', E'tab\\t, \\x01 control, \\u0085, \U0001f600'),
    ('00000000-0000-0000-0000-000000000002', NULL, '0044-03-15 00:00:00+00 BC', '20000-01-01', 'NaN', '-0', '', false,
     'null', '{}', '');
INSERT INTO plans VALUES ('north/east, 5%', 7), ('', 8);
INSERT INTO sheets VALUES (1, 7, 'north/east, 5%'), (2, 8, ''), (3, 8, NULL);
INSERT INTO events VALUES (1, '2020-05-05', 'first'), (1, '2021-05-05', 'second');
INSERT INTO "Odd. % ""name" VALUES ('a,b/c', 'Ж'), ('', NULL);
"""
PHOTO = "photos/00000000-0000-0000-0000-000000000001"


@pytest.fixture
def rowferry(
    capsys: pytest.CaptureFixture[str],
    vespa: VespaAddress,
    vespa_namespace: str,
    kafka: str,
    topic_prefix: str,
    database: Database,
) -> Rowferry:
    return Rowferry(
        capsys,
        *("--database-url", database.dsn, "--vespa-url", vespa.url, "--vespa.namespace", vespa_namespace),
        *("--kafka-bootstrap-servers", kafka, "--kafka.prefix", topic_prefix),
    )


def tables_of(report: dict[str, Any]) -> dict[str, tuple[int, int, int, int, int]]:
    return {
        table["table"]: tuple(table[name] for name in ("rows", "documents", "missing", "surplus", "different"))
        for table in report["tables"]
    }


def test_index_that_holds_every_row_is_equal(rowferry: Rowferry, index: IndexedRows, database: Database) -> None:
    database.execute(TABLES)
    assert index.put_all(database) == 13

    ran = rowferry("reconcile", "--json")

    assert tables_of(ran.json) == {
        'Odd%2E%20%25%20"name': (2, 2, 0, 0, 0),
        "events": (2, 2, 0, 0, 0),
        "photos": (2, 2, 0, 0, 0),
        "plans": (2, 2, 0, 0, 0),
        "projects": (2, 2, 0, 0, 0),
        "sheets": (3, 3, 0, 0, 0),
    }
    assert ran.json["not_captured"] == [
        {"table": "keyless", "reason": "none: has no primary key: its rows cannot be told apart"}
    ]
    assert (ran.code, ran.json["equal"]) == (0, True)


@pytest.mark.remedy("correct --tables, or the settings 'tables' and 'exclude'")
def test_table_that_is_not_selected_is_found_by_its_name_or_the_settings(
    rowferry: Rowferry, index: IndexedRows, database: Database
) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY); CREATE TABLE notes (id integer PRIMARY KEY)")
    for wrong in (["--tables", "fotos"], ["--tables", "notes", "--exclude", "notes"]):
        told = rowferry("reconcile", "--no-files", *wrong)
        assert told.code == 78
        assert "remedy: correct --tables, or the settings 'tables' and 'exclude'" in told.err

    for right in (["--tables", "photos"], ["--tables", "notes"]):
        assert rowferry("reconcile", "--no-files", *right).code == 0


@pytest.mark.remedy("give --database-url, ROWFERRY_DATABASE_URL or database_url in the settings file")
def test_database_is_named_by_flag_environment_or_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database: Database, tmp_path: Path
) -> None:
    rowferry = Rowferry(capsys)
    monkeypatch.delenv("ROWFERRY_DATABASE_URL", raising=False)
    told = rowferry("discover")
    assert told.code == 78
    assert "give --database-url, ROWFERRY_DATABASE_URL or database_url in the settings file" in told.err

    assert rowferry("discover", "--database-url", database.dsn).code == 0
    (tmp_path / "rowferry.yaml").write_text(f"database_url: {database.dsn}\n")
    assert rowferry("discover", "--config", str(tmp_path / "rowferry.yaml")).code == 0
    monkeypatch.setenv("ROWFERRY_DATABASE_URL", database.dsn)
    assert rowferry("discover").code == 0


def test_sample_database_in_the_index_is_equal(
    capsys: pytest.CaptureFixture[str],
    vespa: VespaAddress,
    vespa_namespace: str,
    sample_database: Database,
    index: IndexedRows,
) -> None:
    count = index.put_all(sample_database)
    rowferry = Rowferry(
        capsys, "--database-url", sample_database.dsn, "--vespa-url", vespa.url, "--vespa.namespace", vespa_namespace
    )

    ran = rowferry("reconcile", "--json", "--no-files")

    assert (ran.code, ran.json["rows"], ran.json["documents"]) == (0, count, count)


def spoil_value(index: IndexedRows) -> None:
    index.assign(PHOTO, metadata={**index.get(PHOTO)["metadata"], "ok": "true"})


def spoil_null(index: IndexedRows) -> None:
    index.assign("projects/1", metadata={**index.get("projects/1")["metadata"], "parent_id": ""})


def spoil_deleted(index: IndexedRows) -> None:
    index.put({"deleted": True, "version": 9}, PHOTO)


def spoil_copy(index: IndexedRows) -> None:
    index.put(index.get(PHOTO), "photos/copy")


SPOILT: dict[str, tuple[Callable[[IndexedRows], None], str, str, list[Any]]] = {
    "a value differs": (spoil_value, "photos", "different", [{"doc_id": PHOTO, "fields": ["metadata.ok"]}]),
    "a null is there": (
        spoil_null,
        "projects",
        "different",
        [{"doc_id": "projects/1", "fields": ["metadata.parent_id"]}],
    ),
    "a relationship is gone": (
        lambda index: index.assign("projects/2", parent_ids=[], relationships=[]),
        "projects",
        "different",
        [{"doc_id": "projects/2", "fields": ["relationships", "parent_ids"]}],
    ),
    "a relationship has another target": (
        lambda index: index.assign("sheets/1", edge_keys=["belongs_to:plans/north,7"]),
        "sheets",
        "different",
        [{"doc_id": "sheets/1", "fields": ["edge_keys"]}],
    ),
    "another source table": (
        lambda index: index.assign("plans/%00,8", source_table="projects"),
        "plans",
        "different",
        [{"doc_id": "plans/%00,8", "fields": ["source_table"]}],
    ),
    "a document is gone": (lambda index: index.remove(PHOTO), "photos", "missing", [PHOTO]),
    "a row is marked as deleted": (spoil_deleted, "photos", "missing", [PHOTO]),
    "a row has two documents": (spoil_copy, "photos", "surplus", ["photos/copy"]),
    "a document of a table outside the selection": (
        lambda index: index.put({"doc_id": "audit.log/1", "source_table": "audit.log", "source_id": "1"}),
        "audit.log",
        "surplus",
        ["audit.log/1"],
    ),
}


@pytest.mark.parametrize(("spoil", "table", "kind", "first"), SPOILT.values(), ids=SPOILT)
def test_difference_is_found_and_named(
    rowferry: Rowferry,
    index: IndexedRows,
    database: Database,
    spoil: Callable[[IndexedRows], None],
    table: str,
    kind: str,
    first: list[Any],
) -> None:
    database.execute(TABLES)
    index.put_all(database)
    spoil(index)

    ran = rowferry("reconcile", "--json")

    unequal = [entry for entry in ran.json["tables"] if not entry["equal"]]
    assert ran.code == 1
    assert [(entry["table"], entry[kind], entry[f"first_{kind}"]) for entry in unequal] == [(table, 1, first)]


def test_each_of_several_differences_is_named(rowferry: Rowferry, index: IndexedRows, database: Database) -> None:
    database.execute(TABLES)
    index.put_all(database)
    index.assign("projects/1", source_id="7")
    index.assign("projects/2", metadata={"id": "2"})

    ran = rowferry("reconcile", "--json", "--tables", "projects")

    assert (ran.code, ran.json["tables"][0]["first_different"]) == (
        1,
        [
            {"doc_id": "projects/1", "fields": ["source_id"]},
            {"doc_id": "projects/2", "fields": ["metadata.name", "metadata.parent_id"]},
        ],
    )


def test_memory_of_a_deleted_row_is_not_counted(rowferry: Rowferry, index: IndexedRows, database: Database) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY); INSERT INTO photos VALUES (1), (2)")
    index.put_all(database)
    database.execute("DELETE FROM photos WHERE id = 2")
    index.put({"deleted": True, "version": 5, "expire_at": 4_000_000_000}, "photos/2")

    ran = rowferry("reconcile", "--json")

    assert (ran.code, ran.json["memories"], ran.json["documents"]) == (0, 1, 1)


def test_only_the_named_tables_are_compared(rowferry: Rowferry, index: IndexedRows, database: Database) -> None:
    database.execute(TABLES)
    index.put_all(database)
    index.remove(PHOTO)

    good = rowferry("reconcile", "--json", "--tables", "public.projects", "sheets")
    bad = rowferry("reconcile", "--json", "--tables", "photos")

    assert (good.code, tables_of(good.json)) == (0, {"projects": (2, 2, 0, 0, 0), "sheets": (3, 3, 0, 0, 0)})
    assert (bad.code, tables_of(bad.json)) == (1, {"photos": (2, 1, 1, 0, 0)})


def test_excluded_table_has_no_documents(rowferry: Rowferry, index: IndexedRows, database: Database) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY); INSERT INTO photos VALUES (1)")
    database.execute("CREATE TABLE notes (id integer PRIMARY KEY); INSERT INTO notes VALUES (1)")
    index.put_all(database)

    ran = rowferry("reconcile", "--json", "--exclude", "notes")

    assert (ran.code, tables_of(ran.json)) == (1, {"notes": (0, 1, 0, 1, 0), "photos": (1, 1, 0, 0, 0)})


@pytest.mark.since_postgres(15, "row filters and column lists")
def test_row_filter_and_column_list_of_the_publication_apply(
    rowferry: Rowferry, index: IndexedRows, database: Database
) -> None:
    database.execute(
        "CREATE TABLE photos (id integer PRIMARY KEY, name text, secret text);"
        "INSERT INTO photos VALUES (1, 'one', 'x'), (20, 'twenty', 'y');"
        "CREATE PUBLICATION rowferry FOR TABLE photos (id, name) WHERE (id < 10)"
    )
    index.put(
        {
            "doc_id": "photos/1",
            "source_table": "photos",
            "source_id": "1",
            "metadata": {"id": "1", "name": "one"},
        }
    )

    assert rowferry("reconcile", "--publication", "rowferry").code == 0


OURS = ("--publication", "rowferry")


@pytest.mark.rule("S5", "D8")
def test_s5_rows_of_a_partition_that_is_not_published_are_not_compared_and_it_is_named(
    rowferry: Rowferry, index: IndexedRows, database: Database
) -> None:
    """Red where all partitions are read: what waits would be missing for as long as it waits."""
    database.execute(
        "CREATE TABLE parts (id integer PRIMARY KEY, name text) PARTITION BY RANGE (id);"
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (10);"
        "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (100);"
        "INSERT INTO parts VALUES (1, 'one'), (2, 'two'), (10, 'ten')"
    )
    index.put_all(database)
    index.remove("parts/10")
    assert tables_of(rowferry("reconcile", "--json", *OURS).json) == {"parts": (3, 2, 1, 0, 0)}, (
        "nothing is published yet"
    )
    database.execute("CREATE PUBLICATION rowferry FOR TABLE parts_1")

    ran = rowferry("reconcile", "--json", *OURS)

    assert (ran.code, tables_of(ran.json)) == (0, {"parts": (2, 2, 0, 0, 0)})
    [left_out] = ran.json["not_captured"]
    assert left_out == {"table": "public.parts_2", "reason": "partition of public.parts: it is not in the publication"}
    counted = rowferry("status", "--counts", "--json", *OURS).json["counts"]
    assert counted == [{"table": "parts", "rows": 2, "documents": 2}]
    database.execute("ALTER PUBLICATION rowferry ADD TABLE parts_2")
    assert tables_of(rowferry("reconcile", "--json", *OURS).json) == {"parts": (3, 2, 1, 0, 0)}


def test_table_for_eyes_names_what_differs(rowferry: Rowferry, index: IndexedRows, database: Database) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY); INSERT INTO photos VALUES (1), (2)")
    index.put_all(database)
    index.remove("photos/2")

    ran = rowferry("reconcile")

    assert ran.out == (
        "table   rows  documents  missing  surplus  different\n"
        "photos     2          1        1        0          0\n"
        "total      2          1        1        0          0\n"
        "missing: photos/2\n"
        "index and database differ\n"
    )


def test_table_that_is_not_selected_is_refused(rowferry: Rowferry, database: Database) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY)")

    ran = rowferry("reconcile", "--tables", "fotos")

    assert (ran.code, ran.err.splitlines()[0]) == (
        78,
        "rowferry: expected tables that are selected for capture, got public.fotos",
    )


def test_unreachable_index_is_told_with_exit_69(rowferry: Rowferry, database: Database) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY)")

    ran = rowferry("reconcile", "--vespa-url", "http://127.0.0.1:1")

    assert (ran.code, ran.out) == (69, "")


def test_unknown_document_type_is_told_with_its_remedy(rowferry: Rowferry, database: Database) -> None:
    database.execute("CREATE TABLE photos (id integer PRIMARY KEY)")

    ran = rowferry("reconcile", "--vespa.record-type", "unheard_of")

    assert ran.code == 78
    assert "remedy: vespa-sink deploy" in ran.err
