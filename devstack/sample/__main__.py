"""
The sample from the command line: `python -m devstack.sample load|workload --dsn ...`.

Prints what was done as one JSON document; returns 0, or the exit code of the error, which takes one line.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence

from devstack.sample.load import load
from devstack.sample.rows import Size
from devstack.sample.workload import Workload, run
from schemas.errors import RowferryError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        report = _load(arguments) if arguments.command == "load" else _workload(arguments)
    except RowferryError as exc:
        print(f"error: {exc}" + (f"; {exc.remedy}" if exc.remedy else ""), file=sys.stderr)
        return exc.exit_code
    print(json.dumps(report))
    return 0


def _load(arguments: argparse.Namespace) -> dict[str, object]:
    report = load(arguments.dsn, Size(arguments.seed, arguments.factor))
    return {"tables": len(report.rows), "rows": sum(report.rows.values()), "seconds": round(report.seconds, 2)}


def _workload(arguments: argparse.Namespace) -> dict[str, object]:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    size = Size(arguments.seed, arguments.factor)
    workload = Workload(size, arguments.rate, arguments.seconds, arguments.connections)
    report = run(arguments.dsn, workload, stop=stop)
    return {
        "transactions": report.total,
        "per_second": round(report.rate_per_s, 1),
        "retried": report.retried,
        "seconds": round(report.seconds, 2),
        "by_kind": report.transactions,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devstack.sample", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    filled = commands.add_parser("load", help="fill an empty database")
    changed = commands.add_parser("workload", help="keep changing a filled database for a while")
    for command in (filled, changed):
        command.add_argument("--dsn", required=True, help="connection string of the database")
        command.add_argument("--seed", type=int, default=1, help="what the values follow from (1)")
        command.add_argument("--factor", type=_positive, default=1.0, help="multiplies the rows of each table (1.0)")
    changed.add_argument("--rate", type=_positive, default=500.0, help="transactions per second (500)")
    changed.add_argument("--seconds", type=_positive, default=20.0, help="how long (20)")
    changed.add_argument("--connections", type=int, choices=range(1, 17), default=3, help="how many at once (3)")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value


if __name__ == "__main__":
    sys.exit(main())
