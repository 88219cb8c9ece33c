"""
The demo from beginning to end: servers and sample, snapshot, live workload, comparison, searches, summary.

Each step says what it does and raises DevstackError when it cannot be done; only the comparison's verdict is a value.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

from devstack.demo import farewell, kept
from devstack.demo.account import Results, Wishes
from devstack.demo.index_client import IndexClient
from devstack.demo.live import change_and_measure
from devstack.demo.running import Running
from devstack.demo.screen import Screen
from devstack.demo.searches import findings
from devstack.demo.services import REPOSITORY, clean_environment
from devstack.errors import DevstackError
from devstack.sample.load import load

_LOOK_S = 0.2
_NO_PROGRESS_S = 90.0
_WAIT_EQUAL_S = 60
_RECORDS = "procore_record"
_DIFFERENT = 1


def tell(wishes: Wishes, screen: Screen) -> bool:
    """Run the whole demo; whether index and database are equal. Raises DevstackError, RowferryError."""
    running = Running(wishes.data, keep=wishes.keep, say=screen.say)
    begun = good = False
    try:
        _start(running, wishes, screen, results := Results())
        begun = True
        _snapshot(running, screen, results)
        change_and_measure(running, wishes, screen, results)
        good = _compare(running, screen, results)
        _search(running, screen)
        _summarise(running, screen, results)
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


def _summarise(running: Running, screen: Screen, results: Results) -> None:
    screen.stage_over()
    memory = {service.name: service.memory_bytes() for service in running.services}
    screen.say("")
    screen.table(("", ""), results.summary(memory, screen.durations, screen.elapsed_s), title="Summary")


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
