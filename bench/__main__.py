"""
Runs the benchmarks one after the other: `python -m bench [NAME ...]`; all of them without a name.

Each runs as a process of its own (`python -m bench.NAME`), so that none measures what another left in memory.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

BENCHMARKS = {
    "transcoder": "tuples to events: the compiled encoder, the reference, fastavro",
    "slot_to_kafka": "the reader from slot to Kafka, beside pg_recvlogical on the same slot",
    "discover": "`rowferry discover` on 2,000 tables, beside counting each",
    "files": "the fetcher from references to results, beside boto3 and s5cmd",
}


def main(names: Sequence[str]) -> int:
    """Run those benchmarks; returns 0, or the exit code of the first that failed, or 64 for an unknown name."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"bench: expected one of {', '.join(BENCHMARKS)}, got {unknown[0]!r}", file=sys.stderr)
        return 64
    codes = [_run(name) for name in names or BENCHMARKS]
    return next((code for code in codes if code != 0), 0)


def _run(name: str) -> int:
    print(f"\n## {name}: {BENCHMARKS[name]}\n", flush=True)
    if find_spec(f"bench.{name}") is None:
        print(f"bench: not run, bench/{name}.py does not exist", file=sys.stderr)
        return 1
    return subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
