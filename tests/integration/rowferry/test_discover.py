"""`rowferry discover` on a real database: outputs and exit codes of its contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import psycopg
import pytest

from devstack.sample import model
from devstack.sample.tables import CAPTURED
from tests import databases
from tests.databases import Database
from tests.integration.rowferry.commands import Rowferry

SCHEMA = """
CREATE TABLE projects (id bigint PRIMARY KEY, name varchar(40) NOT NULL DEFAULT 'none', made timestamptz);
CREATE TABLE photos (id uuid PRIMARY KEY, project_id bigint REFERENCES projects, image_url text, s3_key text,
    other_s3_keys jsonb);
INSERT INTO projects SELECT n, 'project ' || n, '2020-01-01+00' FROM generate_series(1, 7) AS n;
INSERT INTO photos VALUES (gen_random_uuid(), 1, 'http://x/1', NULL, '{"a": "1", "b": "2"}'),
    (gen_random_uuid(), NULL, NULL, 'k', '[]');
"""


INVENTORY = jsonschema.Draft202012Validator(
    json.loads((Path(__file__).parents[3] / "docs/reference/discover.schema.json").read_text())
)


def validate(found: Any) -> None:
    """Raise `jsonschema.ValidationError` unless it is what the documentation says, and nothing more."""
    INVENTORY.validate(found)
    assert undocumented(found, INVENTORY.schema) == set()


def undocumented(found: Any, schema: Any) -> set[str]:
    """The keys that the schema does not name: it allows more, for later versions."""
    if "$ref" in schema:
        schema = INVENTORY.schema["$defs"][schema["$ref"].rpartition("/")[2]]
    if isinstance(found, list):
        return {key for each in found for key in undocumented(each, schema["items"])}
    if not isinstance(found, dict) or "properties" not in schema:
        return set()
    named = schema["properties"]
    below = [undocumented(found[key], named[key]) for key in found.keys() & named.keys()]
    return (found.keys() - named.keys()).union(*below)


@pytest.fixture
def rowferry(capsys: pytest.CaptureFixture[str], database: Database) -> Rowferry:
    return Rowferry(capsys, "--database-url", database.dsn)


def test_inventory_is_printed_as_json(rowferry: Rowferry, database: Database) -> None:
    database.execute(SCHEMA)

    ran = rowferry("discover", "--include-samples")

    validate(ran.json)
    [schema] = ran.json["schemas"]
    photos, projects = schema["tables"]
    assert (ran.code, schema["name"], ran.json["database_name"]) == (0, "public", database.name)
    assert (photos["name"], photos["row_count"]) == ("photos", 2)
    assert (projects["row_count"], projects["timestamp_columns"]) == (7, ["made"])
    assert projects["columns"][1] == {
        "name": "name",
        "data_type": "character varying(40)",
        "is_nullable": False,
        "default_value": "'none'::character varying",
        "max_length": 40,
        "description": None,
    }
    assert [row["id"] for row in projects["samples"]] == [1, 2, 3, 4, 5]
    assert {file["column_name"]: file["reference_type"] for file in photos["file_reference_columns"]} == {
        "image_url": "url",
        "s3_key": "s3_key",
        "other_s3_keys": "jsonb_s3_map",
    }
    assert ran.json["file_references_summary"] == {
        "total_columns": 3,
        "tables_with_files": 1,
        "estimated_file_count": 4,
    }


def test_both_formats_are_written_beside_each_other(rowferry: Rowferry, database: Database, tmp_path: Path) -> None:
    database.execute(SCHEMA)

    ran = rowferry("discover", "--format", "both", "--output", str(tmp_path / "inventory"), "--no-include-stats")

    assert (ran.code, ran.out) == (0, "")
    found = json.loads((tmp_path / "inventory.json").read_text())
    assert found["schemas"][0]["tables"][0]["row_count"] is None
    assert (tmp_path / "inventory.md").read_text().startswith(f"# Database {database.name}\n")


def test_sample_database_is_found_as_it_was_described(
    capsys: pytest.CaptureFixture[str], sample_database: Database
) -> None:
    found = Rowferry(capsys, "--database-url", sample_database.dsn)("discover").json

    validate(found)
    tables = {table["name"]: table for table in found["schemas"][0]["tables"]}
    described = {table.name for table in CAPTURED}
    assert described <= tables.keys()
    edges = {(e["source_table"], e["source_column"], e["target_table"], e["declared"]) for e in found["relationships"]}
    expected = model.relationships(CAPTURED)
    assert {(source, target, declared) for source, _, target, declared in edges} == {
        (edge.table, edge.target, edge.declared) for edge in expected
    }
    assert len(found["relationships"]) == len(expected)
    assert {
        (name, file["column_name"], file["reference_type"])
        for name, table in tables.items()
        for file in table["file_reference_columns"]
    } == set(model.file_columns(CAPTURED))
    assert {name for name, table in tables.items() if table["capture"]["mode"] == "replication"} == described


@pytest.mark.rule("P8")
def test_p8_samples_of_a_database_that_checks_no_encoding(
    capsys: pytest.CaptureFixture[str], postgres_dsn: str
) -> None:
    with databases.temporary(postgres_dsn, "template0", databases.UNCHECKED) as database:
        database.execute_bytes(b"CREATE TABLE items (id int, v text); INSERT INTO items VALUES (1, 'gr\xfcn')")
        database.execute_bytes(b"COMMENT ON TABLE items IS 'f\xfcr alle'")

        ran = Rowferry(capsys, "--database-url", database.dsn)("discover", "--include-samples")

    [table] = ran.json["schemas"][0]["tables"]
    assert (ran.code, table["samples"]) == (0, [{"id": 1, "v": "gr\ufffdn"}])


@pytest.mark.rule("P8")
def test_p8_samples_with_bytes_that_have_no_character(capsys: pytest.CaptureFixture[str], postgres_dsn: str) -> None:
    with databases.temporary(postgres_dsn, "template0", databases.encoded("WIN1252")) as database:
        database.execute_bytes(
            b'CREATE TABLE "caf\xe9" (id int, v text); INSERT INTO "caf\xe9" VALUES (1, \'\x80\x81\')'
        )
        database.execute_bytes(b'COMMENT ON TABLE "caf\xe9" IS \'f\xfcr alle \x81\'; CREATE TABLE "stra\x81e" (id int)')

        ran = Rowferry(capsys, "--database-url", database.dsn)("discover", "--include-samples")

    [table, without] = ran.json["schemas"][0]["tables"]
    assert (table["name"], table["samples"]) == ("caf\xe9", [{"id": 1, "v": "\u20ac\ufffd"}])
    assert (ran.code, table["error"]) == (0, None)
    assert (without["name"], bool(without["error"])) == ("stra\ufffde", True)


def test_unreachable_database_ends_with_1(rowferry: Rowferry) -> None:
    ran = rowferry("discover", "--database-url", "postgresql://nobody@127.0.0.1:1/none")

    assert (ran.code, ran.out) == (1, "")
    assert "cannot connect to PostgreSQL" in ran.err


def test_wrong_password_ends_with_1(rowferry: Rowferry, own_database: Database) -> None:
    """On a server of our own: one that was named may trust whoever comes."""
    role = own_database.create_role()

    ran = rowferry("discover", "--database-url", role.dsn.replace(role.password, "wrong"))

    assert (ran.code, ran.out) == (1, "")
    assert "password authentication failed" in ran.err
    assert "wrong" not in ran.err


def errors_of(found: Any) -> dict[str, str | None]:
    """What the inventory says of the tables that it could not read."""
    return {table["name"]: table["error"] for schema in found["schemas"] for table in schema["tables"]}


@pytest.mark.rule("D8")
def test_missing_right_ends_with_2_and_the_rest_is_listed(rowferry: Rowferry, database: Database) -> None:
    database.execute(SCHEMA)
    role = database.create_role()
    database.execute(f"GRANT SELECT ON projects TO {role.name}")

    ran = rowferry("discover", "--database-url", role.dsn)

    assert ran.code == 2
    assert "cannot read public.photos: permission denied: no right to SELECT the table" in ran.err
    found = tables_of(ran.json)
    assert "permission denied" in (found["photos"]["error"] or "")
    assert (found["projects"]["row_count"], found["projects"]["row_count_source"]) == (7, "exact")
    assert found["photos"]["capture"] == {"mode": "none", "reason": "no right to SELECT the table"}
    [warning] = found["photos"]["warnings"]
    assert warning["code"] == "forbidden"
    database.execute(warning["remedy"])
    assert rowferry("discover", "--database-url", role.dsn).code == 0


# Without a handler none can be read; postgres_fdw, whose tables lack a user mapping, is not on every server.
FOREIGN = """
CREATE FOREIGN DATA WRAPPER other; CREATE SERVER elsewhere FOREIGN DATA WRAPPER other;
CREATE FOREIGN TABLE away (id bigint, name text) SERVER elsewhere;
"""


@pytest.mark.rule("D8")
def test_table_that_cannot_be_read_keeps_no_other_from_being_listed(rowferry: Rowferry, database: Database) -> None:
    """A foreign table that leads nowhere, and one that somebody has locked."""
    database.execute(SCHEMA + FOREIGN)
    with database.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE photos IN ACCESS EXCLUSIVE MODE")

        ran = rowferry("discover", "--include-samples", "--format", "both")

    text, _, shown = ran.out.rpartition("\n# Database")
    found = json.loads(text)
    errors = errors_of(found)
    assert ran.code == 0
    assert "has no handler" in (errors["away"] or "")
    assert "lock timeout" in (errors["photos"] or "")
    assert errors["projects"] is None
    assert tables_of(found)["projects"]["row_count"] == 7
    assert [column["name"] for column in tables_of(found)["away"]["columns"]] == ["id", "name"]
    assert "Not read:" in shown
    assert "cannot read public.away" in ran.err


def tables_of(found: Any) -> dict[str, Any]:
    return {table["name"]: table for schema in found["schemas"] for table in schema["tables"]}


def test_catalog_alone_needs_no_right(rowferry: Rowferry, database: Database) -> None:
    database.execute(SCHEMA)

    assert rowferry("discover", "--no-include-stats", "--database-url", database.create_role().dsn).code == 0


@pytest.mark.remedy("give --output a file in a folder that is there and that this user may write to")
def test_output_that_cannot_be_written_ends_with_3(rowferry: Rowferry, database: Database, tmp_path: Path) -> None:
    ran = rowferry("discover", "--output", str(tmp_path / "missing" / "inventory.json"))

    assert ran.code == 3
    assert "No such file or directory" in ran.err
    assert "give --output a file in a folder that is there and that this user may write to" in ran.err
    assert rowferry("discover", "--output", str(tmp_path / "inventory.json")).code == 0


WRONG = [
    ("--format", "xml"),
    ("--unheard-of",),
    ("--exact-counts", "--count-timeout", "0"),
    ("--exact-counts", "--no-include-stats"),
]


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_usage_ends_with_64(rowferry: Rowferry, arguments: tuple[str, ...]) -> None:
    assert rowferry("discover", *arguments).code == 64


EVERYTHING = """
CREATE SCHEMA other; CREATE TABLE other.elsewhere (id int PRIMARY KEY);
CREATE TABLE "odd "".; 'näme" (id int PRIMARY KEY, "a.b c" text, "A.b c" text, "100% ⛴" text);
INSERT INTO "odd "".; 'näme" SELECT n, 'photos/' || n || '.jpg', 'a/b', 'https://x.org/a.PDF?v=' || n
    FROM generate_series(1, 60) AS n;
CREATE TABLE places (id int, map json, maps jsonb, image_url text, blob bytea, body varchar(9));
INSERT INTO places
    SELECT n, json_build_object('a', 'x/' || n || '.png'), '{"a": "x/1.png", "b": "s3://b/k"}', 'none', '', 'short'
    FROM generate_series(1, 20) AS n;
INSERT INTO places (id, map, blob) VALUES (0, '{"a": "\\u0000"}', convert_to(repeat('x', 9000000), 'UTF8'));
CREATE TABLE large (id int PRIMARY KEY, s3_key text, x_s3_keys json);
INSERT INTO large SELECT n, CASE WHEN n % 2 = 0 THEN 'k' || n END, '{"a": "k", "b": 1}'
    FROM generate_series(1, 20000) AS n;
ANALYZE large;
CREATE TABLE fresh (id int PRIMARY KEY, name text);
CREATE VIEW seen AS SELECT id, s3_key FROM large WHERE id < 4;
CREATE VIEW slow AS SELECT 1 AS id FROM pg_sleep(600);
CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS id WITH NO DATA;
CREATE TABLE events (id int PRIMARY KEY, s3_key text) PARTITION BY RANGE (id);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20);
INSERT INTO events SELECT n, 'k' FROM generate_series(5, 14) AS n;
CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (LIKE parent INCLUDING ALL) INHERITS (parent);
INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2), (3);
"""
ODD = "odd \".; 'näme"
KEPT = "CREATE TABLE kept (id int PRIMARY KEY); INSERT INTO kept SELECT generate_series(1, 500); ANALYZE kept;"


def wide_table(columns: int) -> str:
    names = ", ".join(f"c{at} text" for at in range(1, columns))
    return f"CREATE TABLE wide (id int PRIMARY KEY, {names}); INSERT INTO wide (id, c1) VALUES (1, 'x');"


@pytest.mark.rule("D8")
def test_every_kind_of_table_is_counted_or_says_why_not(rowferry: Rowferry, database: Database) -> None:
    database.execute(EVERYTHING)
    database.execute(KEPT + wide_table(1_600))

    with database.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE kept IN ACCESS EXCLUSIVE MODE")
        estimated = rowferry("discover")
        counted = rowferry("discover", "--exact-counts", "--count-timeout", "1")

    assert (estimated.code, counted.code) == (0, 0)
    validate(estimated.json)
    validate(counted.json)
    uncertain = {ODD, "unfilled"}  # by statistics, which are written when the server comes to it
    assert {name: count for name, count in counts(estimated.json).items() if name not in uncertain} == {
        "elsewhere": (0, "exact"),
        "places": (21, "exact"),
        "large": (20_000, "estimate"),
        "kept": (500, "estimate"),
        "fresh": (0, "exact"),
        "seen": None,
        "slow": None,
        "events": (10, "exact"),
        "parent": (1, "exact"),
        "child": (2, "exact"),
        "wide": (1, "exact"),
    }
    found = counts(counted.json)
    assert (found[ODD], found["large"], found["seen"]) == ((60, "exact"), (20_000, "exact"), (3, "exact"))
    assert (found["kept"], found["slow"]) == ((500, "estimate"), None)
    assert warnings_in(counted.json, "count_timed_out") == {"kept", "slow"}
    assert warnings_in(estimated.json, "not_sampled") == {"kept", "unfilled"}
    assert warnings_in(estimated.json, "large_column") == {"places"}
    assert warnings_in(estimated.json, "no_files_in_values") == {"places"}


def test_columns_are_found_by_name_and_by_their_values(rowferry: Rowferry, database: Database) -> None:
    database.execute(EVERYTHING)

    ran = rowferry("discover")

    assert {
        (name, file["column_name"]): (file["reference_type"], file["found_by"], file["sampled_values"])
        for name, table in tables_of(ran.json).items()
        for file in table["file_reference_columns"]
        if name not in ("large", "seen", "events")
    } == {
        (ODD, "a.b c"): ("s3_key", "values", 50),
        (ODD, "100% ⛴"): ("url", "values", 50),
        ("places", "map"): ("jsonb_s3_map", "values", 20),
        ("places", "maps"): ("jsonb_s3_map", "values", 20),
        ("places", "image_url"): ("url", "name", 20),
    }
    large = {file["column_name"]: file for file in tables_of(ran.json)["large"]["file_reference_columns"]}
    assert 7_000 < large["s3_key"]["estimated_file_count"] < 13_000
    assert large["x_s3_keys"]["estimated_file_count"] == 20_000
    values = [f"photos/{n}.jpg" for n in range(61)]
    assert [value for value in (*values, "s3://b/k", "x.org/a.PDF") if value in ran.out + ran.err] == []


def counts(found: Any) -> dict[str, tuple[int, str] | None]:
    return {
        name: None if row["row_count"] is None else (row["row_count"], row["row_count_source"])
        for name, row in tables_of(found).items()
    }


def warnings_in(found: Any, code: str) -> set[str]:
    return {name for name, table in tables_of(found).items() if code in [each["code"] for each in table["warnings"]]}


def test_number_of_statements_does_not_grow_with_the_tables(
    rowferry: Rowferry, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for one more to look at the rows of fifty."""
    asked: list[object] = []
    execute = psycopg.Cursor.execute

    def counted(cursor: Any, query: Any, *rest: Any, **options: Any) -> Any:
        asked.append(query)
        return execute(cursor, query, *rest, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)

    def statements(*numbers: int) -> int:
        database.execute("".join(f"CREATE TABLE t{n} (id int PRIMARY KEY, p_id int, s3_key text);" for n in numbers))
        asked.clear()
        assert rowferry("discover").code == 0
        return len(asked)

    few = statements(1, 2)
    assert statements(*range(3, 51)) == few
    assert statements(*range(51, 151)) == few + 2
