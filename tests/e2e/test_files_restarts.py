"""The fetcher stopped, killed and rebalanced under load: each reference has exactly one final result."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.e2e.services import Pipeline, Service
from tests.servers import S3Address

FILES = 240
TABLE = "CREATE TABLE drawings (id bigint PRIMARY KEY, title text, s3_key text)"
SEEN_S = 150.0


def body(number: int) -> bytes:
    """A text of its own for each file; large enough that fetching all takes a while."""
    return f"drawing number {number} ".encode() * 2000


@pytest.fixture
def loaded(files_pipeline: Pipeline, s3: S3Address, s3_bucket: str) -> Pipeline:
    """Rows whose files all exist, all read by the reader; no fetcher runs."""
    with closing(s3.client()) as client, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: client.put_object(Bucket=s3_bucket, Key=f"{n}.txt", Body=body(n)), range(FILES)))
    files_pipeline.database.execute(TABLE)
    files_pipeline.database.execute(
        f"INSERT INTO drawings SELECT n, 'drawing ' || n, n || '.txt' FROM generate_series(0, {FILES - 1}) n"
    )
    # Few at a time, so that there is something to interrupt.
    files_pipeline.environment.update(
        {"ROWFERRY_DOWNLOAD__CONNECTIONS": "1", "ROWFERRY_DOWNLOAD__MAX_CONNECTIONS": "2"}
    )
    return files_pipeline.start()


@pytest.fixture
def first(loaded: Pipeline) -> Iterator[Service]:
    service = loaded.another_fetcher("first")
    yield service
    service.close()


@pytest.fixture
def second(loaded: Pipeline) -> Iterator[Service]:
    service = loaded.another_fetcher("second")
    yield service
    service.close()


def results(pipeline: Pipeline) -> list[tuple[str, int, str]]:
    """Every committed result: file, version, status."""
    prefix = pipeline.environment["ROWFERRY_KAFKA__PREFIX"]
    topic = f"{prefix}._files"
    consumer = Consumer(
        {
            "bootstrap.servers": pipeline.environment["ROWFERRY_KAFKA__BOOTSTRAP_SERVERS"],
            "group.id": f"{prefix}-test",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    found = []
    with closing(consumer):
        partitions = list(consumer.list_topics(topic, 10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        ended = 0
        while ended < len(partitions):
            [message] = consumer.consume(1, 10)
            if message.error() is not None:
                ended += 1
                continue
            value = json.loads(message.value())
            found.append((value["file_id"], value["version"], value["status"]))
    return found


def ended(pipeline: Pipeline, count: int) -> None:
    """Wait until so many references have ended."""
    pipeline.wait_for(lambda: len({file_id for file_id, *_ in results(pipeline)}) >= count, f"{count} results", SEEN_S)


def expect_each_once(pipeline: Pipeline) -> None:
    """All references have ended as fetched, each with one result."""
    ended(pipeline, FILES)
    found = results(pipeline)
    assert [each for each, count in Counter(file_id for file_id, *_ in found).items() if count > 1] == []
    assert {status for *_, status in found} == {"fetched"}
    pipeline.wait_for(lambda: len(pipeline.index.files()) == FILES, "all files in the index", SEEN_S)


@pytest.mark.slow
def test_fetcher_that_is_stopped_under_load_ends_well_and_goes_on_where_it_was(
    loaded: Pipeline, first: Service
) -> None:
    first.start()
    ended(loaded, 5)
    assert first.stop() == 0
    first.start()
    expect_each_once(loaded)


@pytest.mark.slow
def test_fetcher_that_is_killed_under_load_goes_on_where_it_was(loaded: Pipeline, first: Service) -> None:
    first.start()
    ended(loaded, 20)
    assert first.kill() == -9
    assert len(results(loaded)) < FILES, "it had ended before it was interrupted"
    first.start()
    expect_each_once(loaded)


@pytest.mark.slow
def test_partitions_move_under_load_to_a_second_fetcher_and_back(
    loaded: Pipeline, first: Service, second: Service
) -> None:
    first.start()
    ended(loaded, 10)
    second.start().wait_until_ready()
    ended(loaded, 60)
    assert first.kill() == -9
    ended(loaded, 100)
    first.start()
    expect_each_once(loaded)


@pytest.mark.slow
def test_local_store_that_is_lost_is_rebuilt_and_nothing_is_fetched_again(loaded: Pipeline, first: Service) -> None:
    first.start()
    ended(loaded, 30)
    assert first.kill() == -9
    shutil.rmtree(loaded.folder / "first")
    first.start()
    expect_each_once(loaded)
    # Unchanged references of rows that change, and of a row that is read again, are not fetched again either.
    loaded.database.execute("UPDATE drawings SET title = 'changed' WHERE id % 3 = 0")
    loaded.database.execute("UPDATE drawings SET s3_key = '1.txt' WHERE id = 0")
    loaded.wait_for(lambda: len(results(loaded)) == FILES + 1, "one more result", SEEN_S)
    assert first.stop() == 0
    assert len(results(loaded)) == FILES + 1
