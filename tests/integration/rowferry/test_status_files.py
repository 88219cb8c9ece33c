"""`rowferry status` tells what rows refer to, how far the fetcher is, and what waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.file_state import HeldFile, HeldRecord, State
from schemas.topics import Topics
from tests.databases import Database
from tests.integration.cdc_reader.readers import Reader
from tests.integration.rowferry.commands import Rowferry
from tests.integration.rowferry.filed import FileTopics, result


@pytest.fixture
def reader(database: Database, kafka: str, topic_prefix: str, tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(database, kafka, topic_prefix, tmp_path, {"KAFKA__PARTITIONS": "1"})
    yield reader
    reader.close()


@pytest.fixture
def rowferry(capsys: pytest.CaptureFixture[str], reader: Reader) -> Rowferry:
    return Rowferry(
        capsys,
        *("--database-url", reader.database.dsn, "--slot", reader.slot),
        *("--kafka-bootstrap-servers", reader.kafka, "--kafka.prefix", reader.prefix),
        *("--group", f"sink-{reader.prefix}", "--fetcher-group", f"fetcher-{reader.prefix}"),
    )


@pytest.fixture
def topics(reader: Reader) -> FileTopics:
    reader.database.execute(
        "CREATE TABLE photos (id integer PRIMARY KEY, s3_key text); CREATE TABLE plans (id integer PRIMARY KEY);"
        "INSERT INTO photos SELECT generate_series(1, 3), 'a.pdf'; INSERT INTO plans VALUES (1)"
    )
    reader.start().snapshots_over(2).caught_up()
    return FileTopics(reader.kafka, reader.prefix)


def held(number: int, state: State, **changes: object) -> HeldRecord:
    file = HeldFile(f"photos/{number}/s3_key", "s3_key", "a.pdf", "s3_key", 1, state, **changes)  # type: ignore[arg-type]
    return HeldRecord(f"photos/{number}", "public.photos", 0, 1, 0, (file,))


def commit(reader: Reader, group: str, topic: str, partition: int, next_offset: int) -> None:
    """Commit an offset as a member would, without joining the group for good."""
    options = {"bootstrap.servers": reader.kafka, "group.id": group, "enable.auto.commit": False}
    with closing(Consumer(options)) as consumer:
        consumer.commit(offsets=[TopicPartition(topic, partition, next_offset)], asynchronous=False)


def test_files_are_left_out_before_a_fetcher_has_run(rowferry: Rowferry, topics: FileTopics, topic_prefix: str) -> None:
    ran = rowferry("status", "--json")

    assert (ran.code, ran.json["files"]) == (0, None)
    assert [group["name"] for group in ran.json["groups"]] == [f"sink-{topic_prefix}"]


def test_references_are_told_by_state_and_reason(rowferry: Rowferry, topics: FileTopics) -> None:
    topics.create()
    topics.hold(
        [
            held(1, State.RETRYING, reason="network", since_ms=1_700_000_000_000),
            held(2, State.FETCHED, size_bytes=4096, sha256="ab"),
            held(3, State.FETCHED, size_bytes=4096, sha256="ab"),
            held(4, State.FETCHED, size_bytes=9, sha256="cd"),
        ]
    )
    topics.end("photos/4", 2)

    ran = rowferry("status", "--json")

    assert (ran.code, ran.json["errors"]) == (0, {})
    assert ran.json["files"] == {
        "references": 3,
        "states": [
            {"state": "fetched", "reason": "", "references": 2},
            {"state": "retrying", "reason": "network", "references": 1},
        ],
        "bytes": 8192,
        "contents": 1,
        "content_bytes": 4096,
        "waiting": 1,
        "oldest_waiting": "2023-11-14T22:13:20+00:00",
    }


def test_groups_are_behind_in_the_topics_that_they_read(rowferry: Rowferry, topics: FileTopics, reader: Reader) -> None:
    topics.create()
    topics.publish([result(f"photos/{number}", "s3_key", "a.pdf") for number in (1, 2)])
    names = Topics(reader.prefix)

    def lag() -> dict[str, dict[str, int]]:
        groups = rowferry("status", "--json").json["groups"]
        return {
            each["name"].partition("-")[0]: {lag["table"]: lag["records"] for lag in each["lag"]} for each in groups
        }

    # Three rows, or one, and the sweep that ends their snapshot.
    first = {"sink": {"_file_rows": 0, "_files": 2, "photos": 4, "plans": 2}, "fetcher": {"photos": 4}}
    assert lag() == first
    commit(reader, f"sink-{reader.prefix}", names.files, 1, 1)
    commit(reader, f"fetcher-{reader.prefix}", f"{reader.prefix}.public.photos", 0, 3)
    found = lag()
    assert (found["sink"]["_files"], found["fetcher"]["photos"], found["sink"]["photos"]) == (1, 1, 4)


@pytest.mark.rule("P14")
def test_p14_record_that_is_none_is_told_by_its_place_and_the_rest_counted(
    rowferry: Rowferry, topics: FileTopics, reader: Reader
) -> None:
    topics.create()
    topics.send(Topics(reader.prefix).file_refs, [(b"photos/1", b"no json", ())])

    ran = rowferry("status", "--json")

    topic = Topics(reader.prefix).file_refs
    (line,) = [each for each in ran.err.splitlines() if "cannot be read" in each]
    assert line.startswith(f"rowferry: offset 0 of {topic}[")
    assert "expected a _file_refs record in JSON, got other bytes" in line
    assert (ran.code, ran.json["errors"], ran.json["files"]["references"]) == (0, {}, 0)
