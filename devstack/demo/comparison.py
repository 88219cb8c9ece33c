"""Edge: the comparison: rows and references by the operator's command, texts against what was put in."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from devstack.demo.account import Results
from devstack.demo.index_client import IndexClient
from devstack.demo.running import Running
from devstack.demo.sample_files import compared
from devstack.demo.screen import Screen
from devstack.demo.services import REPOSITORY, clean_environment
from devstack.errors import DevstackError
from devstack.sample.objects import cached

_WAIT_EQUAL_S = 60
_DIFFERENT = 1
_COLUMNS = ("table", "rows", "documents", "missing", "surplus", "different")
_FILE_COLUMNS = ("table", "references", "documents", "missing", "surplus", "different", "outdated", "wrong_rows")
_TOLD = 10


def compare(running: Running, screen: Screen, results: Results) -> bool:
    """Whether everything is as it must be; all that is compared is told. Raises DevstackError."""
    screen.stage(
        "comparison",
        "Comparison: every row of every table is in the index once, equal field by field, and nothing else",
    )
    report = results.comparison = _reconciled(running)
    if not report["files"]["compared"]:
        raise DevstackError(f"expected rowferry reconcile to compare files, got: {report['files']['reason']}")
    if not report["equal"]:
        _tell_unequal(screen, _COLUMNS, report["tables"])
        _tell_unequal(screen, _FILE_COLUMNS, report["files"]["tables"])
        screen.failed("index and database differ")
        return False
    screen.say(f"{report['rows']:,} rows, {report['documents']:,} documents in {len(report['tables'])} tables: equal")
    return _compare_files(running, screen, results)


def _compare_files(running: Running, screen: Screen, results: Results) -> bool:
    screen.stage(
        "files compared",
        "Files: every reference of every row has ended as it must, and the text found is the text that was put in",
    )
    index = IndexClient(running.vespa.url)
    tally = results.files = compared(running.postgres.dsn, index, cached.expectations(running.store).expected)
    index.close()
    counted = results.comparison["files"]
    if tally.references != counted["references"]:
        raise DevstackError(
            f"expected the {tally.references} references of the sample, rowferry reconcile has {counted['references']}"
        )
    for end, count in tally.by_end():
        screen.say(f"{count:>7,}  {end}")
    if tally.equal:
        screen.say(f"{tally.texts:,} texts with {tally.words:,} words, {tally.rows:,} rows of spreadsheets: equal")
        return True
    for sample in tally.samples:
        screen.say(f"differs: {sample}")
    screen.failed(f"{tally.different:,} files differ from what was put in")
    return False


def _reconciled(running: Running) -> dict[str, Any]:
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
    report: dict[str, Any] = json.loads(out)
    return report


def _tell_unequal(screen: Screen, columns: tuple[str, ...], tables: list[dict[str, Any]]) -> None:
    if unequal := [table for table in tables if not table["equal"]]:
        screen.table(columns, [[str(table[name]) for name in columns] for table in unequal])
        samples = [
            f"{kind}: {sample}"
            for table in unequal
            for kind in columns[3:]
            for sample in table.get(f"first_{kind}", ())
        ]
        for sample in samples[:_TOLD]:
            screen.say(sample)
