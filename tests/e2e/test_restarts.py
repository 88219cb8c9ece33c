"""Services that are stopped, or killed under load, go on without a gap and without a row twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from devstack.sample.workload import Workload, WorkloadReport, run
from tests.databases import SAMPLE, Database
from tests.e2e.services import Pipeline, Service

RATE_PER_S = 60.0
LONGEST_S = 60.0
MARKERS = "SELECT count(*) FROM activity_log WHERE origin LIKE %s"


class Load:
    """The live workload, in a thread; `markers` counts what it has committed of the rows that are its own."""

    def __init__(self, database: Database) -> None:
        self.report: WorkloadReport | None = None
        self._database = database
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def markers(self) -> int:
        [(count,)] = self._database.execute(MARKERS, ["workload-%"])
        return int(count)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        self.report = run(self._database.dsn, Workload(SAMPLE, RATE_PER_S, LONGEST_S), stop=self._over)


def wait_for_more(pipeline: Pipeline, count: Callable[[], int], more: int, what: str) -> None:
    """Wait until a count has grown by so many."""
    begin = count()
    pipeline.wait_for(lambda: count() >= begin + more, what)


@contextmanager
def load(database: Database) -> Iterator[Load]:
    running = Load(database)
    running.start()
    try:
        yield running
    finally:
        running.stop()


def indexed_markers(pipeline: Pipeline) -> int:
    return sum(row["origin"].startswith("workload-") for row in pipeline.index.rows("activity_log").values())


def service_of(pipeline: Pipeline, name: str) -> Service:
    return {"reader": pipeline.reader, "sink": pipeline.sink}[name]


@pytest.mark.parametrize("name", ["reader", "sink"])
def test_changes_made_while_a_service_is_stopped_are_seen(pipeline: Pipeline, name: str) -> None:
    pipeline.database.execute("CREATE TABLE tasks (id integer PRIMARY KEY, name text)")
    pipeline.database.execute("INSERT INTO tasks VALUES (1, 'one'), (2, 'two'), (3, 'three')")
    pipeline.start()
    pipeline.expect("tasks", "3", {"id": "3", "name": "three"})
    service = service_of(pipeline, name)

    assert service.stop() == 0
    pipeline.database.execute("UPDATE tasks SET name = 'changed' WHERE id = 1")
    pipeline.database.execute("DELETE FROM tasks WHERE id = 2; INSERT INTO tasks VALUES (4, 'four')")
    service.start().wait_until_ready()

    pipeline.expect_rows(
        "tasks",
        {
            "1": {"id": "1", "name": "changed"},
            "3": {"id": "3", "name": "three"},
            "4": {"id": "4", "name": "four"},
        },
    )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kills"), [("reader", 2), ("sink", 1)], ids=["reader", "sink"])
def test_service_that_is_killed_under_load_leaves_the_index_equal(
    sample_pipeline: Pipeline, name: str, kills: int
) -> None:
    sample_pipeline.start()
    service = service_of(sample_pipeline, name)
    with load(sample_pipeline.database) as workload:
        for _ in range(kills):
            wait_for_more(sample_pipeline, lambda: indexed_markers(sample_pipeline), 3, "markers in the index")
            assert service.kill() == -9
            wait_for_more(sample_pipeline, workload.markers, 5, "changes while the service is dead")
            service.start().wait_until_ready()
        wait_for_more(sample_pipeline, lambda: indexed_markers(sample_pipeline), 3, "markers in the index")
    assert workload.report is not None

    report = sample_pipeline.reconcile()

    assert [table for table in report["tables"] if not table["equal"]] == []
    assert (report["equal"], report["rows"]) == (True, report["documents"])
    assert report["rows"] > 800


@pytest.mark.slow
def test_reader_that_is_killed_in_its_snapshot_leaves_the_index_equal(sample_pipeline: Pipeline) -> None:
    sample_pipeline.environment["ROWFERRY_SNAPSHOT__CHUNK_ROWS"] = "20"
    sample_pipeline.sink.start()
    with load(sample_pipeline.database) as workload:
        sample_pipeline.wait_for(lambda: workload.markers() > 2, "a workload that goes on")
        sample_pipeline.reader.start()
        sample_pipeline.wait_for(lambda: sample_pipeline.index.rows("photos"), "the first chunks of the snapshot")
        assert sample_pipeline.reader.kill() == -9
        sample_pipeline.reader.start().wait_until_ready()

    report = sample_pipeline.reconcile()

    assert [table for table in report["tables"] if not table["equal"]] == []
    assert report["equal"]
