"""Edge: the workload changes the database for a while; how long its changes take to Kafka and Vespa is measured."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from devstack.demo.account import Results, Wishes
from devstack.demo.file_latency import FilesInIndex
from devstack.demo.index_markers import MarkersInIndex
from devstack.demo.kafka_markers import MarkersInKafka
from devstack.demo.latency import Latency, milliseconds
from devstack.demo.running import Running
from devstack.demo.screen import Screen
from devstack.demo.services import REPOSITORY
from devstack.errors import DevstackError

_LOOK_S = 0.2
_PREFIX = "cdc"
_RECENT = 200  # markers that the latency shown meanwhile is of


def change_and_measure(running: Running, wishes: Wishes, screen: Screen, results: Results) -> None:
    """Run the workload while its marker rows are watched for; raises DevstackError when any of them does not come."""
    screen.stage("live changes", f"Live changes: {wishes.seconds:g} s at {wishes.rate:g} transactions a second")
    observed_kafka = MarkersInKafka(running.kafka.address, _PREFIX)
    observed_index = MarkersInIndex(running.postgres.dsn, running.vespa.url)
    observed_files = FilesInIndex(running.kafka.address, f"{_PREFIX}._files", running.vespa.url)
    with observed_kafka as in_kafka, observed_index as in_index, observed_files as in_files:
        results.workload = _workload(running, wishes, screen, lambda: _so_far(in_kafka.seconds, in_index.seconds))
    results.to_kafka, results.to_index = Latency.of(in_kafka.seconds), Latency.of(in_index.seconds)
    results.to_files = Latency.of(in_files.seconds, "files")
    done = results.workload
    screen.say(f"{done['transactions']:,} transactions, {done['per_second']:,.0f} a second")
    screen.say(", ".join(f"{count:,} {kind}" for kind, count in done["by_kind"].items()))
    screen.say(f"from commit to Kafka: {results.to_kafka or 'no marker came'}")
    screen.say(f"from commit to Vespa: {results.to_index or 'no marker came'}")
    screen.say(f"from commit to the row's file in Vespa: {results.to_files or 'no file came'}")
    markers = done["by_kind"].get("marker", 0)
    if in_index.missing or (markers and not (in_kafka.seconds and in_index.seconds)):
        raise DevstackError(
            f"expected {markers} marker rows in Kafka and Vespa, saw {len(in_kafka.seconds)} and "
            f"{len(in_index.seconds)}; {in_index.missing} did not come in time"
        )


def _workload(running: Running, wishes: Wishes, screen: Screen, so_far: Callable[[], str]) -> dict[str, Any]:
    """The workload in a process of its own, so that it and what measures it do not wait for each other."""
    options = {"seed": wishes.seed, "factor": wishes.factor, "rate": wishes.rate, "seconds": wishes.seconds}
    flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    flags += ["--dsn", running.postgres.dsn, "--objects", running.objects_url]
    argv = [sys.executable, "-m", "devstack.sample", "workload", *flags]
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
    kafka, index = Latency.of(in_kafka[-_RECENT:]), Latency.of(in_index[-_RECENT:])
    texts = {"Kafka": kafka, "Vespa": index}
    return ", ".join(f"{name} p50 {milliseconds(each.p50_s)}" for name, each in texts.items() if each)
