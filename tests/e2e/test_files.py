"""What rows refer to is fetched, read and found in the index, and goes with its reference."""

from __future__ import annotations

import json

import pytest

from tests.e2e.services import Fields, Pipeline
from tests.servers import S3Address

TABLES = """
CREATE TABLE projects (id bigint PRIMARY KEY, name text);
CREATE TABLE drawings (
    id bigint PRIMARY KEY, project_id bigint REFERENCES projects, title text, s3_key text, attachment_s3_keys jsonb
);
INSERT INTO projects VALUES (1, 'north bridge')
"""
SEEN_S = 150.0


@pytest.fixture
def put(s3: S3Address, s3_bucket: str):
    """Stores an object in the bucket."""
    client = s3.client()

    def store(key: str, body: bytes, content_type: str = "text/plain") -> None:
        client.put_object(Bucket=s3_bucket, Key=key, Body=body, ContentType=content_type)

    yield store
    client.close()


@pytest.fixture
def running(files_pipeline: Pipeline) -> Pipeline:
    """All three services, and an empty table of drawings."""
    files_pipeline.database.execute(TABLES)
    files_pipeline.start()
    files_pipeline.fetcher.start().wait_until_ready()
    return files_pipeline


def wait_for_files(pipeline: Pipeline, expected: dict[str, dict[str, object]]) -> dict[str, Fields]:
    """Wait until there are exactly these files, with at least these fields."""

    def there() -> dict[str, Fields] | None:
        files = pipeline.index.files()
        same = files.keys() == expected.keys() and all(
            files[file_id].get(name) == value for file_id, fields in expected.items() for name, value in fields.items()
        )
        return files if same else None

    pipeline.wait_for(there, f"the files {expected!r}, got {pipeline.index.files()!r:.2000}", SEEN_S)
    return pipeline.index.files()


def test_file_is_fetched_read_and_linked_to_its_record(running: Pipeline, put) -> None:
    put("plans/a.txt", b"the quick brown fox")
    running.database.execute("INSERT INTO drawings VALUES (7, 1, 'plan', 'plans/a.txt', NULL)")

    files = wait_for_files(running, {"drawings/7/s3_key": {"status": "fetched"}})

    found = files["drawings/7/s3_key"]
    assert found["record_id"] == "drawings/7"
    assert found["source_table"] == "drawings"
    assert found["source_column"] == "s3_key"
    assert found["relationship_type"] == "file"
    assert found["file_name"] == "a.txt"
    assert found["project_id"] == 1
    assert found["content_text"] == "the quick brown fox"
    assert found["size_bytes"] == 19
    running.wait_for(lambda: running.index.row("drawings", "7"), "the record")
    assert running.index.row("drawings", "7")["file_references"][0]["file_id"] == "drawings/7/s3_key"


def test_changed_and_removed_references_are_followed(running: Pipeline, put) -> None:
    put("a.txt", b"first words")
    put("b.txt", b"second words")
    keys = json.dumps({"one": "a.txt", "two": "b.txt", "three": "none.txt"})
    running.database.execute(f"INSERT INTO drawings VALUES (1, 1, 'x', 'a.txt', '{keys}'), (2, 1, 'y', 'b.txt', NULL)")
    wait_for_files(
        running,
        {
            "drawings/1/s3_key": {"content_text": "first words"},
            "drawings/1/attachment_s3_keys/one": {"content_text": "first words"},
            "drawings/1/attachment_s3_keys/two": {"content_text": "second words"},
            "drawings/1/attachment_s3_keys/three": {"status": "failed", "reason": "not_found"},
            "drawings/2/s3_key": {"content_text": "second words"},
        },
    )

    running.database.execute(
        "UPDATE drawings SET s3_key = 'b.txt', attachment_s3_keys = '{\"two\": \"a.txt\"}' WHERE id = 1"
    )
    running.database.execute("DELETE FROM drawings WHERE id = 2")

    wait_for_files(
        running,
        {
            "drawings/1/s3_key": {"content_text": "second words"},
            "drawings/1/attachment_s3_keys/two": {"content_text": "first words"},
        },
    )


def test_rows_of_a_spreadsheet_are_followed(running: Pipeline, put) -> None:
    put("list.csv", b"item,count\nbolt,5\nnut,7\nwasher,9\n", "text/csv")
    put("short.csv", b"item,count\nscrew,1\n", "text/csv")
    running.database.execute("INSERT INTO drawings VALUES (1, 1, 'x', 'list.csv', NULL)")

    def rows() -> list[tuple[int, dict[str, str]]]:
        return sorted((row["row_number"], row["values"]) for row in running.index.file_rows())

    first = [
        (2, {"item": "bolt", "count": "5"}),
        (3, {"item": "nut", "count": "7"}),
        (4, {"item": "washer", "count": "9"}),
    ]
    running.wait_for(lambda: rows() == first, "the rows of the first list", SEEN_S)

    running.database.execute("UPDATE drawings SET s3_key = 'short.csv'")
    running.wait_for(lambda: rows() == [(2, {"item": "screw", "count": "1"})], "the row of the second list", SEEN_S)

    running.database.execute("TRUNCATE drawings")
    running.wait_for(lambda: not running.index.file_rows() and not running.index.files(), "nothing to be left", SEEN_S)
