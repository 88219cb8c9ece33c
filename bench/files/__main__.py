"""
Files of 64 KiB from nginx on this machine: the fetcher beside boto3 in threads and s5cmd.

All in one run, in turn, in several rounds; the ratio is of medians, against boto3's `get_object`. The fetcher hashes,
stores by content and flushes to the disk; "with text" it has the file read by a parser, and as a service it takes the
references from Kafka and writes results, references held and offsets in transactions. The peers write files only
(`get_object` hashes as well).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from bench.files import service
from bench.files.contestants import environment
from bench.files.server import make_objects, serving
from devstack import kafka

FILES = int(os.environ.get("ROWFERRY_BENCH_FILES", "4000"))
ROUNDS = int(os.environ.get("ROWFERRY_BENCH_ROUNDS", "3"))
NAMES = {
    "get_object": "boto3 get_object, 16 threads, SHA-256",
    "download_file": "boto3 download_file, 16 threads",
    "s5cmd": "s5cmd run, 256 workers",
    "store": "fetcher: hash, store",
    "read": "fetcher: hash, store, text by a parser",
    "service": "file-fetcher: rows from Kafka to results in Kafka, with text",
}
PEER = "get_object"
Figures = dict[str, float]


def main() -> int:
    """Run all in turn and print a table."""
    wanted = os.environ.get("ROWFERRY_BENCH_ONLY", ",".join(NAMES)).split(",")
    took: dict[str, list[Figures]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="bench-files-") as home, kafka.start() as broker:
        keys = make_objects(Path(home), FILES)
        keys_file = Path(home) / "keys"
        keys_file.write_text("\n".join(keys))
        with serving(Path(home)) as endpoint:
            for at in range(ROUNDS):
                for name in wanted:
                    with tempfile.TemporaryDirectory(dir=home) as folder:
                        if name == "service":
                            figures = service.run(broker, endpoint, keys, Path(folder), f"bench{at}")
                        else:
                            figures = _contest(name, endpoint, folder, keys_file)
                    took[name].append(figures)
    _print(took)
    return 0


def _contest(name: str, endpoint: str, folder: str, keys_file: Path) -> Figures:
    command = [sys.executable, "-m", "bench.files.contestants", name, endpoint, folder, str(keys_file)]
    done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench: {name} ended with exit {done.returncode}")
    figures: Figures = json.loads(done.stdout)
    return figures


def _print(took: dict[str, list[Figures]]) -> None:
    rates = {name: [FILES / each["seconds"] for each in runs] for name, runs in took.items()}
    peer = statistics.median(rates.get(PEER, [float("nan")]))
    load = os.getloadavg()[0]
    print(f"{FILES} files of 64 KiB from nginx, {ROUNDS} rounds in turn, load average {load:.1f}")
    print("| | files/s (median) | min - max | ratio | CPU, ms/file | peak memory, MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, runs in took.items():
        rate = statistics.median(rates[name])
        cpu = statistics.median(1e3 * each["cpu_s"] / FILES for each in runs)
        print(
            f"| {NAMES[name]} | {rate:,.0f} | {min(rates[name]):,.0f} - {max(rates[name]):,.0f} | {rate / peer:.2f} "
            f"| {cpu:.2f} | {max(each['peak_mb'] for each in runs):.0f} |"
        )


if __name__ == "__main__":
    sys.exit(main())
