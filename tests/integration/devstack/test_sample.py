"""The sample database and its workload on a real PostgreSQL."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cdc_reader.discovery.catalog import read_catalog
from cdc_reader.discovery.relationships import edges
from cdc_reader.discovery.selection import Selection
from devstack.sample.load import load
from devstack.sample.model import file_columns, relationships
from devstack.sample.rows import Size
from devstack.sample.tables import ALL, CAPTURED
from devstack.sample.workload import Workload, run
from devstack.sample.workload_plan import KINDS
from schemas.errors import AccessDenied, FatalError, Unreachable
from schemas.file_references import file_column
from tests.databases import SAMPLE, Database
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[3]


def digests(database: Database) -> dict[str, str]:
    """Return what each table holds, in short."""
    query = "SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE \"C\"), '')) FROM {} t"
    return {table.name: database.execute(query.format(table.name))[0][0] for table in ALL}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "devstack.sample", *arguments]


def test_plain_role_loads_the_same_rows_again(database: Database, sample_database: Database) -> None:
    role = database.create_role()
    database.execute(f"GRANT CREATE ON SCHEMA public TO {role.name}")
    report = load(role.dsn, SAMPLE)
    assert report.rows["photos"] == 153
    assert len(report.rows) == 52
    assert digests(database) == digests(sample_database)


def test_role_without_the_right_to_create_is_refused(database: Database) -> None:
    with pytest.raises(AccessDenied, match="expected the right to create and change tables"):
        load(database.create_role().dsn, SAMPLE)


def test_second_load_is_refused_and_changes_nothing(sample_database: Database) -> None:
    before = digests(sample_database)
    with pytest.raises(FatalError, match="expected an empty schema public"):
        load(sample_database.dsn, SAMPLE)
    assert digests(sample_database) == before


def test_discovery_finds_the_described_relationships(sample_database: Database) -> None:
    with sample_database.connect() as connection:
        catalog = read_catalog(connection, Selection())
    found = {(edge.table.name, edge.columns, edge.target.name, edge.declared) for edge in edges(catalog)}
    assert len(catalog.tables) == 50
    assert found == {(each.table, each.columns, each.target, each.declared) for each in relationships(CAPTURED)}
    assert len(found) == 164


def test_discovery_finds_the_described_file_columns(sample_database: Database) -> None:
    columns = sample_database.execute(
        "SELECT relname, attname, format_type(atttypid, atttypmod)"
        " FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
        " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0"
    )
    found = {(table, name, str(file.kind)) for table, name, type_ in columns if (file := file_column(name, type_))}
    assert found == set(file_columns(CAPTURED))
    assert len(found) == 33


def test_large_texts_are_stored_out_of_line(sample_database: Database) -> None:
    for table, column in (
        ("specification_sections", "body"),
        ("correspondence", "body"),
        ("drawing_revisions", "ocr_text"),
    ):
        stored = sample_database.execute(f"SELECT max(pg_column_size({column})) FROM {table}")[0][0]
        assert stored > 75_000, table


def test_counted_keys_need_not_be_given(sample_database: Database) -> None:
    query = "INSERT INTO rfi_responses (rfi_id, user_id, project_id, body, is_official) VALUES (1, 1, 1, 'x', true)"
    assert sample_database.execute(f"{query} RETURNING id") == [(26,)]


def test_workload_makes_every_kind_of_transaction(sample_database: Database) -> None:
    before = digests(sample_database)
    # Four in a thousand are of the rarest kind: 2000 leave room for a machine that reaches but half the rate.
    report = run(sample_database.dsn, Workload(SAMPLE, rate_per_s=400, seconds=5))
    assert set(report.transactions) == {*KINDS, "truncate"}
    assert report.transactions["truncate"] == 1
    assert report.total <= 2000
    changed = {name for name, digest in digests(sample_database).items() if digest != before[name]}
    assert {"photos", "weather_logs", "specification_sections", "notifications", "sync_events"} <= changed


def test_markers_carry_the_clock_of_their_writing(sample_database: Database) -> None:
    report = run(sample_database.dsn, Workload(SAMPLE, rate_per_s=300, seconds=1))
    query = "SELECT count(*), min(now() - written_at) >= '0', max(now() - written_at) < '1 minute' FROM activity_log"
    found = sample_database.execute(f"{query} WHERE origin LIKE 'workload-%'")
    assert found == [(report.transactions["marker"], True, True)]


def test_workload_goes_on_where_an_earlier_one_ended(sample_database: Database) -> None:
    for _ in range(2):
        assert run(sample_database.dsn, Workload(SAMPLE, rate_per_s=300, seconds=0.7)).total > 100


def test_workload_ends_when_told_to(sample_database: Database) -> None:
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    report = run(sample_database.dsn, Workload(SAMPLE, rate_per_s=100, seconds=60), stop=stop)
    timer.join()
    assert report.seconds < 10


def test_workload_of_another_size_is_refused(sample_database: Database) -> None:
    with pytest.raises(FatalError, match="ForeignKeyViolation") as refused:
        run(sample_database.dsn, Workload(Size(seed=1, factor=1.0), rate_per_s=300, seconds=20))
    assert refused.value.remedy is not None
    assert refused.value.remedy.startswith("run the workload with the seed and factor of the load")


def test_command_ends_cleanly_on_sigterm(sample_database: Database) -> None:
    arguments = command("workload", "--dsn", sample_database.dsn, "--factor", "0.02", "--seconds", "120")
    process = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        count = "SELECT count(*) FROM activity_log WHERE origin LIKE 'workload-%'"
        eventually(lambda: sample_database.execute(count)[0][0] > 0, what="a marker")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=150)
    finally:
        process.kill()
    assert process.returncode == 0
    assert json.loads(output)["by_kind"]["marker"] > 0


def test_server_that_does_not_answer_takes_one_line() -> None:
    dsn = "host=127.0.0.1 port=1 dbname=x user=x"
    with pytest.raises(Unreachable):
        load(dsn, SAMPLE)
    done = subprocess.run(command("load", "--dsn", dsn), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 69
    assert done.stderr.splitlines() == ["error: expected an answer from PostgreSQL, got OperationalError (no answer)"]
