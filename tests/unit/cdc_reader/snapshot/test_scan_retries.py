"""When a scan whose work failed is tried again: counted from the failure, not from when the work was begun."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from cdc_reader.postgres.pg_snapshot import Snapshot
from cdc_reader.postgres.row_queries import ReadPlan
from cdc_reader.progress.unseen_transactions import UnseenTransactions
from cdc_reader.progress.versions import Versions
from cdc_reader.publishing.floors import Floors
from cdc_reader.snapshot.definition_records import RecordedDefinitions
from cdc_reader.snapshot.runner import RunnerSettings, SnapshotRunner
from cdc_reader.snapshot.scan_events import ScanEvents
from cdc_reader.snapshot.scan_records import RecordedScans
from cdc_reader.snapshot.scan_states import Phase
from cdc_reader.snapshot.scan_work import ScanWork
from cdc_reader.snapshot.scans import Scan
from cdc_reader.snapshot.window import ChunkRows
from cdc_reader.tables.captured import CapturedTable
from cdc_reader.transcode import EventContext
from schemas.errors import TransientError
from schemas.names import TableName
from schemas.offsets import SnapshotProgress
from schemas.tables import Capture, TableEntry
from tests.unit.cdc_reader.discovery.catalogs import key_column

ITEMS = TableName("public", "items")
ENTRY = TableEntry(
    version=1,
    source="rowferry",
    database="shop",
    schema="public",
    table="items",
    oid=1,
    topic="cdc.public.items",
    partitions=1,
    columns=(),
    primary_key=("id",),
    capture=Capture("replication", "it has a primary key"),
)
PROGRESS = SnapshotProgress("public.items", "running", "it is new", "one", 1, 1, "")
CONTEXT = EventContext("stream", 7, 100, 1_000, 1)
TIMEOUT_S = 60.0


class Side:
    """Side workers in which nothing is done before the test says what became of it."""

    def __init__(self) -> None:
        self.submitted: list[tuple[Callable[[Any], Any], Callable[[Any], Any]]] = []

    def submit(
        self, task: object, done: Callable[[Any], Any], failed: Callable[[Any], Any], *, alone: bool = False
    ) -> None:
        self.submitted.append((done, failed))

    def finish(self, result: object = None) -> None:
        self.submitted.pop(0)[0](result)

    def fail(self) -> None:
        self.submitted.pop(0)[1](TransientError("the connection is gone"))


class Sink:
    """Takes everything."""

    rows = size = 0

    def record(self, key: bytes, value: bytes | None) -> None: ...


class Scanning:
    """A runner with one table, and a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.side = Side()
        sink: Any = Sink()
        side: Any = self.side
        plan: Any = SimpleNamespace()
        table = CapturedTable(
            ENTRY, plan, plan, ReadPlan('"items"', ('"id"',), (key_column("id", "bigint"),)), frozenset({1})
        )
        versions = Versions(1)
        self.runner = SnapshotRunner(
            RunnerSettings("one", chunk_rows=10, chunk_bytes=1_000, parallel=1, watermark_timeout_s=TIMEOUT_S),
            tables={ITEMS: table},
            work=ScanWork(side, plan, UnseenTransactions(Snapshot(700, 700, frozenset())), source="rowferry"),
            events=ScanEvents(sink, Floors({}, sink, versions), versions),
            record_command=lambda command: None,
            recorded=RecordedScans({}, sink),
            definitions=RecordedDefinitions({}, sink),
            clock=lambda: self.now,
        )

    def begin(self, **more: Any) -> Any:
        scan = Scan(ITEMS, "new", self.runner.chunk_size(), **more)
        self.runner.request(scan)
        self.runner.poll()
        return scan


@pytest.fixture
def scanning() -> Scanning:
    return Scanning()


def test_read_that_failed_is_tried_again_a_while_after_its_failure(scanning: Scanning) -> None:
    scan = scanning.begin()
    scanning.side.finish()
    scanning.runner.on_message(f"{scan.attempt}:low", 100, CONTEXT)
    assert scan.waits_for is Phase.READING
    scanning.now += 300  # the read takes minutes, and fails
    scanning.side.fail()
    scanning.runner.poll()
    assert scan.waits_for is Phase.LATER
    scanning.now += 0.9
    scanning.runner.poll()
    assert scan.waits_for is Phase.LATER
    scanning.now += 0.2
    scanning.runner.poll()
    assert scan.waits_for is Phase.LOW


def test_pauses_between_tries_grow_and_end_with_the_first_chunk_that_is_read(scanning: Scanning) -> None:
    scan = scanning.begin()
    pauses = []
    for _ in range(12):
        scanning.side.fail()
        assert scan.waits_for is Phase.LATER
        pauses.append(scan.deadline - scanning.now)
        scanning.now = scan.deadline
        scanning.runner.poll()
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    scan.progress = PROGRESS
    scan.chunk_done(ChunkRows((), 0, complete=False), None)
    scanning.side.fail()
    assert scan.deadline - scanning.now == 1


@pytest.mark.rule("S3")
def test_s3_watermark_is_late_only_after_its_time_even_when_writers_took_long(scanning: Scanning) -> None:
    scan = scanning.begin(needs_writers=True)
    assert scan.waits_for is Phase.WRITERS
    scanning.now += 10 * TIMEOUT_S
    scanning.side.finish(frozenset())
    assert scan.waits_for is Phase.LOW
    scanning.now += TIMEOUT_S - 1
    scanning.runner.poll()
    assert len(scanning.side.submitted) == 1, "the low watermark is written once"
    scanning.now += 1
    scanning.runner.poll()
    assert len(scanning.side.submitted) == 2, "late: it is written again"
