"""
The demo from beginning to end: servers and sample, snapshot, live workload, comparison, searches, summary.

Each step says what it does and raises DevstackError when it cannot be done; only the comparison's verdict is a value.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devstack.demo import farewell, kept
from devstack.demo.index_client import IndexClient
from devstack.demo.index_markers import MarkersInIndex
from devstack.demo.kafka_markers import MarkersInKafka
from devstack.demo.latency import Latency, milliseconds
from devstack.demo.running import Running
from devstack.demo.screen import Screen
from devstack.demo.searches import findings
from devstack.demo.services import REPOSITORY, clean_environment
from devstack.errors import DevstackError
from devstack.sample.load import LoadReport, load
from devstack.sample.rows import Size

_LOOK_S = 0.2
_NO_PROGRESS_S = 90.0
_WAIT_EQUAL_S = 60
_PREFIX = "cdc"
_RECORDS = "procore_record"
_DIFFERENT = 1


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for on the command line."""

    data: Path
    keep: bool = False
    factor: float = 1.0
    seed: int = 1
    seconds: float = 20.0
    rate: float = 500.0

    @property
    def size(self) -> Size:
        """Of the sample."""
        return Size(self.seed, self.factor)


@dataclass(slots=True)
class Results:
    """What the steps have found, for the summary."""

    loaded: LoadReport | None = None
    snapshot_s: float = 0.0
    workload: dict[str, Any] = field(default_factory=dict)
    to_kafka: Latency | None = None
    to_index: Latency | None = None
    comparison: dict[str, Any] = field(default_factory=dict)


def tell(wishes: Wishes, screen: Screen) -> bool:
    """Run the whole demo; whether index and database are equal. Raises DevstackError, RowferryError."""
    running = Running(wishes.data, keep=wishes.keep, say=screen.say)
    begun = good = False
    try:
        _start(running, wishes, screen, results := Results())
        begun = True
        _snapshot(running, screen, results)
        _live(running, wishes, screen, results)
        good = _compare(running, screen, results)
        _search(running, screen)
        _summary(running, screen, results)
        if wishes.keep:
            farewell.say_how_to_try(running, screen, wishes.size)
        return good
    except (KeyboardInterrupt, SystemExit):
        begun, good = False, True  # nothing stays, no logs either
        raise
    finally:
        if wishes.keep and begun:
            if not good:
                ending = kept.end_command(running.folder)
                screen.failed(f"left running for a look, logs in {running.folder}; end it with: {ending}")
        else:
            running.close(keep_logs=not good)
            if not good:
                screen.failed(f"logs: {running.folder}")


def _start(running: Running, wishes: Wishes, screen: Screen, results: Results) -> None:
    screen.stage("servers and sample", "Servers start, and the sample database is loaded")

    def fill(dsn: str) -> None:
        report = results.loaded = load(dsn, wishes.size)
        rows = f"{report.captured_rows:,} rows in {len(report.rows) - 2} tables"
        screen.say(f"sample: {rows} after {report.seconds:.1f} s")

    running.start_servers(fill)


def _snapshot(running: Running, screen: Screen, results: Results) -> None:
    screen.stage("snapshot", "cdc-reader and vespa-sink start: every row is read, published and indexed")
    assert results.loaded is not None
    total = results.loaded.captured_rows
    running.start_services()
    index = IndexClient(running.vespa.url)
    stuck = _Stuck()
    with screen.bars({"rows published": total, "rows indexed": total}) as bars:
        while (indexed := index.documents_of_type(_RECORDS)) < total:
            published = int(running.reader.metric("rowferry_snapshot_rows_total"))
            bars.update("rows published", published)
            bars.update("rows indexed", indexed)
            running.require_alive()
            stuck.look((published, indexed), "rows to be published and indexed", running)
            time.sleep(_LOOK_S)
        bars.update("rows published", total)
        bars.update("rows indexed", indexed)
    index.close()
    results.snapshot_s = stuck.elapsed_s
    screen.say(f"{total:,} rows in {stuck.elapsed_s:.1f} s, {total / stuck.elapsed_s:,.0f} a second, start included")


def _live(running: Running, wishes: Wishes, screen: Screen, results: Results) -> None:
    screen.stage("live changes", f"Live changes: {wishes.seconds:g} s at {wishes.rate:g} transactions a second")
    observed_kafka = MarkersInKafka(running.kafka.address, _PREFIX)
    observed_index = MarkersInIndex(running.postgres.dsn, running.vespa.url)
    with observed_kafka as in_kafka, observed_index as in_index:
        results.workload = _workload(running, wishes, screen, lambda: _so_far(in_kafka.seconds, in_index.seconds))
    results.to_kafka, results.to_index = Latency.of(in_kafka.seconds), Latency.of(in_index.seconds)
    done = results.workload
    screen.say(f"{done['transactions']:,} transactions, {done['per_second']:,.0f} a second")
    screen.say(", ".join(f"{count:,} {kind}" for kind, count in done["by_kind"].items()))
    screen.say(f"from commit to Kafka: {results.to_kafka or 'nothing seen'}")
    screen.say(f"from commit to Vespa: {results.to_index or 'nothing seen'}")
    if in_index.missing or not in_kafka.seconds or not in_index.seconds:
        raise DevstackError(
            f"expected the workload's marker rows in Kafka and Vespa, saw {len(in_kafka.seconds)} and "
            f"{len(in_index.seconds)}, {in_index.missing} did not come in time"
        )


def _workload(running: Running, wishes: Wishes, screen: Screen, so_far: Callable[[], str]) -> dict[str, Any]:
    """The workload in a process of its own, so that it and what measures it do not wait for each other."""
    options = {"seed": wishes.seed, "factor": wishes.factor, "rate": wishes.rate, "seconds": wishes.seconds}
    flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    argv = [sys.executable, "-m", "devstack.sample", "workload", "--dsn", running.postgres.dsn, *flags]
    began = time.monotonic()
    with (
        screen.bars({"seconds": round(wishes.seconds)}) as bars,
        subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            while process.poll() is None:
                bars.note(so_far())
                bars.update("seconds", int(time.monotonic() - began))
                running.require_alive()
                time.sleep(_LOOK_S)
        except BaseException:
            process.kill()
            raise
        out, err = process.communicate()
        bars.note(so_far())
    if process.returncode != 0:
        raise DevstackError(
            f"the workload has ended with {process.returncode}: {(err.splitlines() or ['no word'])[-1]}"
        )
    report: dict[str, Any] = json.loads(out)
    return report


def _so_far(in_kafka: list[float], in_index: list[float]) -> str:
    kafka, index = Latency.of(in_kafka[-200:]), Latency.of(in_index[-200:])
    texts = {"Kafka": kafka, "Vespa": index}
    return ", ".join(f"{name} p50 {milliseconds(each.p50_s)}" for name, each in texts.items() if each)


def _compare(running: Running, screen: Screen, results: Results) -> bool:
    screen.stage(
        "comparison",
        "Comparison: every row of every table is in the index once, equal field by field, and nothing else",
    )
    argv = [sys.executable, "-m", "rowferry", "reconcile", "--json", "--wait", str(_WAIT_EQUAL_S)]
    environment = clean_environment(running.settings)
    with subprocess.Popen(
        argv, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            out, err = process.communicate()
        except BaseException:
            process.kill()
            raise
    running.require_alive()
    if process.returncode not in (0, _DIFFERENT) or not out:
        raise DevstackError(f"rowferry reconcile has ended with {process.returncode}: {' '.join(err.split())}")
    report = results.comparison = json.loads(out)
    if report["equal"]:
        screen.say(
            f"{report['rows']:,} rows, {report['documents']:,} documents in {len(report['tables'])} tables: equal"
        )
        return True
    names = ("table", "rows", "documents", "missing", "surplus", "different")
    unequal = [table for table in report["tables"] if not table["equal"]]
    screen.table(names, [[str(table[name]) for name in names] for table in unequal])
    screen.failed("index and database differ")
    return False


def _search(running: Running, screen: Screen) -> None:
    screen.stage("searches", "Searches and a walk, by YQL")
    index = IndexClient(running.vespa.url)
    for finding in findings(index):
        screen.say(finding.question)
        if finding.yql:
            screen.say(f"  {finding.yql}")
        for line in finding.lines:
            screen.say(f"    {line}")
    index.close()


def _summary(running: Running, screen: Screen, results: Results) -> None:
    screen.stage_over()
    durations = dict(screen.durations)
    report = results.comparison
    memory = {service.name: service.memory_bytes() for service in running.services}
    rows = [
        ("rows compared", f"{report['rows']:,} in {len(report['tables'])} tables: {_verdict(report)}"),
        ("transactions", f"{results.workload['transactions']:,} at {results.workload['per_second']:,.0f} a second"),
        ("commit to Kafka", str(results.to_kafka)),
        ("commit to Vespa", str(results.to_index)),
        ("rows a second, snapshot", f"{_rows_per_s(results):,.0f}"),
        *((f"memory of {name}", f"{now >> 20} MiB, {most >> 20} MiB at most") for name, (now, most) in memory.items()),
        *((f"time for {name}", f"{seconds:.1f} s") for name, seconds in durations.items()),
        ("time in all", f"{screen.elapsed_s:.1f} s"),
    ]
    screen.say("")
    screen.table(("", ""), rows, title="Summary")


def _rows_per_s(results: Results) -> float:
    return results.loaded.captured_rows / results.snapshot_s if results.loaded else 0.0


def _verdict(report: dict[str, Any]) -> str:
    return "equal" if report["equal"] else "NOT EQUAL"


class _Stuck:
    """Raises DevstackError when what is looked at does not change for a long time."""

    def __init__(self) -> None:
        self._began = self._changed = time.monotonic()
        self._seen: object = None

    @property
    def elapsed_s(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def look(self, state: object, what: str, running: Running) -> None:
        """Compare with what was seen before."""
        now = time.monotonic()
        if state != self._seen:
            self._seen, self._changed = state, now
        elif now - self._changed > _NO_PROGRESS_S:
            raise DevstackError(
                f"expected {what}, nothing moved for {_NO_PROGRESS_S:g} s at {state}; {running.hints()}"
            )
