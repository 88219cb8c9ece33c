"""
Odd databases through a whole life: snapshot, changes of every kind, every part killed meanwhile, and equal at the end.

Equality is said by `rowferry reconcile`, and some documents are compared with what `three_databases` writes out: the
product is not its only witness.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing

import pytest

from tests.e2e.services import Fields, Pipeline, Service
from tests.e2e.three_databases.drawings import DRAWINGS, FILES_AT_FIRST, FILES_AT_LAST, OBJECTS
from tests.e2e.three_databases.ledger import LEDGER
from tests.e2e.three_databases.made import Documents, Made
from tests.e2e.three_databases.stations import STATIONS
from tests.servers import S3Address

EQUAL_S = 240.0  # the wait ends when they are equal
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_rows_of_odd_keys_and_names_are_equal_after_all_services_were_killed(pipeline: Pipeline) -> None:
    # A schema other than `public` is captured where its tables are named.
    pipeline.environment["ROWFERRY_TABLES"] = "Ledger,order,Blob,Back%20Office.Line%20Item"
    snapshot(pipeline, LEDGER)

    changes(pipeline, LEDGER)

    report = reconcile(pipeline)
    assert tables(report) == {"Back%20Office.Line%20Item", "Blob", "Ledger", "order"}
    expect(pipeline, LEDGER.at_last)
    end([pipeline.reader, pipeline.sink])


def test_partitions_that_come_and_go_are_equal_after_all_services_were_killed(pipeline: Pipeline) -> None:
    snapshot(pipeline, STATIONS)

    changes(pipeline, STATIONS)

    report = reconcile(pipeline)
    assert tables(report) == {"batches", "readings", "remarks", "stations"}
    expect(pipeline, STATIONS.at_last)
    assert parents(pipeline, "stations", "north,2") == ["stations/north,2"]
    assert parents(pipeline, "readings", "sad,2025-05-05,east,1") == ["stations/east,1"]
    end([pipeline.reader, pipeline.sink])


def test_files_and_large_values_are_equal_after_all_services_were_killed(
    files_pipeline: Pipeline, s3: S3Address, s3_bucket: str
) -> None:
    with closing(s3.client()) as client:
        for key, body in OBJECTS.items():
            client.put_object(Bucket=s3_bucket, Key=key, Body=body)
    files_pipeline.fetcher.start()
    snapshot(files_pipeline, DRAWINGS)
    files_pipeline.fetcher.wait_until_ready()
    expect_files(files_pipeline, FILES_AT_FIRST)
    files_pipeline.wait_for(lambda: spreadsheet(files_pipeline), "the rows of the spreadsheet")

    changes(files_pipeline, DRAWINGS)

    report = reconcile(files_pipeline)
    assert report["files"]["compared"]
    expect(files_pipeline, DRAWINGS.at_last)
    expect_files(files_pipeline, FILES_AT_LAST)
    assert files_pipeline.index.files().keys() == FILES_AT_LAST.keys()
    assert files_pipeline.index.file_rows() == []
    end([files_pipeline.reader, files_pipeline.sink, files_pipeline.fetcher])


def snapshot(pipeline: Pipeline, made: Made) -> None:
    """Make the database, start reader and sink, and wait until its rows are there; chunks are few rows each."""
    pipeline.environment["ROWFERRY_SNAPSHOT__CHUNK_ROWS"] = "20"
    pipeline.database.execute(made.tables)
    pipeline.start()
    expect(pipeline, made.at_first)


def changes(pipeline: Pipeline, made: Made) -> None:
    """Change the database while all run, and while one after the other is dead; each dies with work before it."""
    run(pipeline, made.while_all_run)
    assert pipeline.reader.kill() == -9
    run(pipeline, made.while_reader_is_dead)
    pipeline.reader.start().wait_until_ready()
    assert pipeline.sink.kill() == -9
    run(pipeline, made.while_sink_is_dead)
    pipeline.sink.start().wait_until_ready()
    if made.while_fetcher_is_dead:
        assert pipeline.fetcher.kill() == -9
        run(pipeline, made.while_fetcher_is_dead)
        pipeline.fetcher.start().wait_until_ready()


def run(pipeline: Pipeline, transactions: Iterable[str]) -> None:
    for transaction in transactions:
        pipeline.database.execute(transaction)


def reconcile(pipeline: Pipeline) -> Fields:
    """The report of the product's own comparison, which must end with 0 and say that both are equal."""
    argv = [sys.executable, "-m", "rowferry", "reconcile", "--json", "--wait", f"{EQUAL_S:g}"]
    done = subprocess.run(argv, env=pipeline.environment, capture_output=True, text=True, check=False)
    logs = [
        f"--- {service.log.name}\n{service.tail()}" for service in (pipeline.reader, pipeline.sink, pipeline.fetcher)
    ]
    assert done.returncode == 0, "\n".join([done.stdout, done.stderr, *logs])
    report: Fields = json.loads(done.stdout)
    assert (report["equal"], report["not_captured"]) == (True, [])
    assert report["rows"] == report["documents"] > 0
    return report


def expect(pipeline: Pipeline, documents: Documents) -> None:
    for (table, key), columns in documents.items():
        pipeline.expect(table, key, columns)


def expect_files(pipeline: Pipeline, expected: Mapping[str, tuple[str, str]]) -> None:
    """Wait until these files, among others, have become this: fetched with this text, or not, for this reason."""

    def told() -> bool:
        files = pipeline.index.files()
        found = {
            file_id: (fields["status"], fields.get("content_text" if fields["status"] == "fetched" else "reason"))
            for file_id, fields in files.items()
        }
        return expected.items() <= found.items()

    pipeline.wait_for(told, f"the files {expected!r}, got {pipeline.index.files()!r:.2000}")


def spreadsheet(pipeline: Pipeline) -> bool:
    rows = sorted((row["row_number"], row["values"]) for row in pipeline.index.file_rows())
    return rows == [(2, {"item": "bolt", "count": "5"}), (3, {"item": "nut", "count": "7"})]


def tables(report: Fields) -> set[str]:
    return {table["table"] for table in report["tables"]}


def parents(pipeline: Pipeline, table: str, key: str) -> list[str]:
    """The documents that a row's document says it belongs to."""
    fields = pipeline.index.row(table, key)
    assert fields is not None
    found: list[str] = fields.get("parent_ids", [])
    return found


def end(services: Iterable[Service]) -> None:
    """Each service ends well when it is asked to."""
    for service in services:
        assert service.stop() == 0, service.tail()
