"""Every reference of a real database is accounted for in a real index, by the results in a real topic."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from schemas.file_results import Extraction, FileRow, Status, result_version
from tests.databases import Database
from tests.integration.rowferry.commands import Ran, Rowferry
from tests.integration.rowferry.filed import FileTopics, IndexedFiles, ended, result
from tests.integration.rowferry.indexed import IndexedRows
from tests.servers import VespaAddress

TABLES = """
CREATE DOMAIN link AS text;
CREATE TABLE photos (id integer PRIMARY KEY, s3_key varchar(200), image_url text, page_s3_keys jsonb, note text,
    old_url link);
CREATE TABLE plans (region text, number integer, s3_key text, PRIMARY KEY (region, number));
CREATE TABLE projects (id integer PRIMARY KEY, name text);
INSERT INTO photos VALUES
    (1, 'a b/c.pdf', 'https://files.example.com/p.png?X-Amz-Signature=secret', '{"1": "one.csv", "2": "", "x y": "b"}',
     'https://no.reference.com/x', 'https://files.example.com/old.png'),
    (2, '', 'no link', '[1]', NULL, NULL), (3, 'gone.pdf', NULL, NULL, NULL, NULL);
INSERT INTO plans VALUES ('north/east', 7, 's3://drawings/plan.pdf');
INSERT INTO projects VALUES (1, 'one');
"""
CSV = Extraction("ok", "csv 1", "text", rows_accepted=2, rows_rejected=1)
RESULTS = {
    each.file_id: each
    for each in (
        result("photos/1", "s3_key", "a b/c.pdf"),
        result("photos/1", "image_url", "https://files.example.com/p.png", kind="url", role="image", bucket=""),
        result("photos/1", "old_url", "https://files.example.com/old.png", kind="url", role="old", bucket=""),
        result("photos/1", "page_s3_keys", "one.csv", entry="1", kind="jsonb_s3_map", role="page", extraction=CSV),
        result(
            "photos/1",
            "page_s3_keys",
            "b",
            entry="x y",
            kind="jsonb_s3_map",
            role="page",
            **ended(Status.SKIPPED, "unsupported_type"),
        ),
        result("photos/3", "s3_key", "gone.pdf", attempt=6, **ended(Status.FAILED, "not_found")),
        result("plans/north%2Feast,7", "s3_key", "s3://drawings/plan.pdf", kind="url"),
    )
}
SHEET = "photos/1/page_s3_keys/1"
ROWS = [FileRow(SHEET, "photos/1", "Sheet/1", number, 4096, {"A": "x"}) for number in (2, 4)]
PDF = "photos/1/s3_key"


@dataclass(frozen=True)
class Pipeline:
    """A database whose rows and files are all in the index."""

    rowferry: Rowferry
    topics: FileTopics
    files: IndexedFiles
    database: Database

    def reconcile(self, *arguments: str) -> Ran:
        return self.rowferry("reconcile", "--json", *arguments)


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


@pytest.fixture
def files(vespa: VespaAddress, vespa_namespace: str) -> Iterator[IndexedFiles]:
    documents = IndexedFiles(vespa, vespa_namespace)
    yield documents
    documents.clear()


@pytest.fixture
def pipeline(
    rowferry: Rowferry,
    files: IndexedFiles,
    index: IndexedRows,
    database: Database,
    kafka: str,
    topic_prefix: str,
) -> Pipeline:
    database.execute(TABLES)
    index.put_all(database)
    topics = FileTopics(kafka, topic_prefix)
    topics.create()
    topics.publish(RESULTS.values())
    for each in RESULTS.values():
        files.put(each)
    for row in ROWS:
        files.put_row(row)
    return Pipeline(rowferry, topics, files, database)


def tables_of(report: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    kinds = ("references", "documents", "missing", "surplus", "different", "outdated", "wrong_rows")
    return {table["table"]: tuple(table[kind] for kind in kinds) for table in report["files"]["tables"]}


def test_every_reference_is_accounted_for(pipeline: Pipeline) -> None:
    ran = pipeline.reconcile()

    assert tables_of(ran.json) == {"photos": (6, 6, 0, 0, 0, 0, 0), "plans": (1, 1, 0, 0, 0, 0, 0)}
    assert ran.json["files"]["outcomes"] == [
        {"status": "failed", "reason": "not_found", "documents": 1},
        {"status": "fetched", "reason": "", "documents": 5},
        {"status": "skipped", "reason": "unsupported_type", "documents": 1},
    ]
    assert (ran.json["files"]["row_documents"], ran.json["equal"], ran.code) == (2, True, 0)


def spoil_key(pipeline: Pipeline) -> None:
    pipeline.files.put(replace(RESULTS[PDF], key="old/c.pdf"))


def spoil_result(pipeline: Pipeline) -> None:
    newest = replace(RESULTS[PDF], version=result_version(1, 6), **ended(Status.FAILED, "access_denied"))
    pipeline.topics.publish([newest])


def spoil_gone(pipeline: Pipeline) -> None:
    pipeline.database.execute("UPDATE photos SET s3_key = NULL WHERE id = 1")


SPOILT: dict[str, tuple[Callable[[Pipeline], None], str, Any]] = {
    "no document": (lambda pipeline: pipeline.files.remove("procore_file", PDF), "missing", PDF),
    "only a memory": (
        lambda pipeline: pipeline.files.put_fields("procore_file", PDF, {"deleted": True, "version": 5000}),
        "missing",
        PDF,
    ),
    "reference taken out of its row": (spoil_gone, "surplus", PDF),
    "second document": (
        lambda pipeline: pipeline.files.put(replace(RESULTS[PDF], file_id="photos/1/other_s3_key")),
        "surplus",
        "photos/1/other_s3_key",
    ),
    "document of an older key": (
        spoil_key,
        "different",
        {"file_id": PDF, "fields": ["source_uri"]},
    ),
    "document of an older result": (spoil_result, "outdated", PDF),
    "row without a document": (
        lambda pipeline: pipeline.files.remove("procore_file_row", ROWS[1].row_id),
        "wrong_rows",
        SHEET,
    ),
    "row that the file does not have": (
        lambda pipeline: pipeline.files.put_row(replace(ROWS[0], row_number=9)),
        "wrong_rows",
        SHEET,
    ),
}


@pytest.mark.parametrize(("spoil", "kind", "first"), SPOILT.values(), ids=SPOILT)
def test_difference_is_found_and_named(
    pipeline: Pipeline, spoil: Callable[[Pipeline], None], kind: str, first: Any
) -> None:
    spoil(pipeline)

    ran = pipeline.reconcile()

    [table] = [each for each in ran.json["files"]["tables"] if not each["equal"]]
    assert (table["table"], table[kind], table[f"first_{kind}"]) == ("photos", 1, [first])
    assert (ran.code, ran.json["equal"]) == (1, False)


def test_reference_that_is_gone_leaves_no_document(pipeline: Pipeline, index: IndexedRows) -> None:
    spoil_gone(pipeline)
    index.put_all(pipeline.database)
    gone = replace(RESULTS[PDF], version=result_version(2, 0), **ended(Status.GONE))
    pipeline.topics.publish([gone])
    memory = {"deleted": True, "version": gone.version, "expire_at": 4_000_000_000}
    pipeline.files.put_fields("procore_file", PDF, memory)

    ran = pipeline.reconcile()

    assert (ran.code, ran.json["files"]["references"], ran.json["files"]["memories"]) == (0, 6, 1)


def test_only_the_named_tables_are_compared(pipeline: Pipeline) -> None:
    pipeline.files.remove("procore_file", PDF)
    pipeline.files.remove("procore_file_row", ROWS[0].row_id)

    good, none = pipeline.reconcile("--tables", "plans"), pipeline.reconcile("--tables", "projects")

    assert (good.code, tables_of(good.json)) == (0, {"plans": (1, 1, 0, 0, 0, 0, 0)})
    assert (none.code, none.json["files"]["compared"]) == (0, False)


def test_waiting_ends_when_the_last_reference_has_ended(pipeline: Pipeline) -> None:
    pipeline.files.remove("procore_file", PDF)
    assert pipeline.reconcile().code == 1
    ending = threading.Timer(1.0, pipeline.files.put, [RESULTS[PDF]])
    ending.start()

    try:
        assert pipeline.reconcile("--wait", "30").code == 0
    finally:
        ending.join()


def test_files_are_not_compared_before_a_fetcher_has_run(
    rowferry: Rowferry, index: IndexedRows, database: Database, topic_prefix: str
) -> None:
    database.execute(TABLES)
    index.put_all(database)

    ran = rowferry("reconcile")

    assert ran.code == 0
    assert f"files were not compared: there is no topic {topic_prefix}._files: no fetcher has run\n" in ran.out


def test_kafka_is_asked_only_for_files(rowferry: Rowferry, index: IndexedRows, database: Database) -> None:
    database.execute(TABLES)
    index.put_all(database)
    nowhere = ("--kafka-bootstrap-servers", "127.0.0.1:1")

    assert rowferry("reconcile", "--tables", "projects", *nowhere).code == 0
    assert rowferry("reconcile", "--no-files", *nowhere).code == 0
    assert rowferry("reconcile", *nowhere).code == 69
