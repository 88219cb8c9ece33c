"""
The sample from the command line: `python -m devstack.sample load|workload --dsn ...`, `upload --objects ...`.

Prints what was done as one JSON document; returns 0, or the exit code of the error, which takes one line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from devstack import s3
from devstack.sample.load import load
from devstack.sample.objects.cached import upload
from devstack.sample.objects.catalogue import objects
from devstack.sample.objects.links import ObjectStore
from devstack.sample.rows import Size
from devstack.sample.workload import Workload, run
from schemas.errors import FatalError, RowferryError

_URL = "http://[key:secret@]host:port/bucket"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        report = {"load": _load, "workload": _workload, "upload": _upload}[arguments.command](arguments)
    except RowferryError as exc:
        print(f"error: {exc}" + (f"; {exc.remedy}" if exc.remedy else ""), file=sys.stderr)
        return exc.exit_code
    print(json.dumps(report))
    return 0


def _load(arguments: argparse.Namespace) -> dict[str, object]:
    report = load(arguments.dsn, Size(arguments.seed, arguments.factor), arguments.objects)
    return {"tables": len(report.rows), "rows": sum(report.rows.values()), "seconds": round(report.seconds, 2)}


def _workload(arguments: argparse.Namespace) -> dict[str, object]:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    size = Size(arguments.seed, arguments.factor)
    workload = Workload(size, arguments.rate, arguments.seconds, arguments.connections, arguments.objects)
    report = run(arguments.dsn, workload, stop=stop)
    return {
        "transactions": report.total,
        "per_second": round(report.rate_per_s, 1),
        "retried": report.retried,
        "seconds": round(report.seconds, 2),
        "by_kind": report.transactions,
    }


def _upload(arguments: argparse.Namespace) -> dict[str, object]:
    """Put all objects into the bucket, which is made if it is not there."""
    store: ObjectStore = arguments.objects
    began = time.monotonic()
    client = s3.client(store.endpoint_url, store.access_key_id, store.secret_access_key)
    try:
        with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
            client.create_bucket(Bucket=store.bucket)
        upload(client, store.bucket)
    except (BotoCoreError, ClientError) as exc:
        raise FatalError(
            f"expected bucket {store.bucket!r} to take the objects, got {type(exc).__name__}",
            remedy="give an endpoint with credentials that may make buckets and write there",
        ) from exc
    return {"objects": len(objects()), "seconds": round(time.monotonic() - began, 2)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devstack.sample", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    filled = commands.add_parser("load", help="fill an empty database")
    changed = commands.add_parser("workload", help="keep changing a filled database for a while")
    for command in (filled, changed):
        command.add_argument("--dsn", required=True, help="connection string of the database")
        command.add_argument("--seed", type=int, default=1, help="what the values follow from (1)")
        command.add_argument("--factor", type=_positive, default=1.0, help="multiplies the rows of each table (1.0)")
        command.add_argument("--objects", type=_store, metavar="URL", help=f"where the links lead: {_URL}")
    uploaded = commands.add_parser("upload", help="put all objects that rows refer to into a bucket")
    uploaded.add_argument("--objects", type=_store, required=True, metavar="URL", help=_URL)
    changed.add_argument("--rate", type=_positive, default=500.0, help="transactions per second (500)")
    changed.add_argument("--seconds", type=_positive, default=20.0, help="how long (20)")
    changed.add_argument("--connections", type=int, choices=range(1, 17), default=3, help="how many at once (3)")
    return parser


def _store(text: str) -> ObjectStore:
    try:
        return ObjectStore.parse(text, datetime.now(UTC))
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value


if __name__ == "__main__":
    sys.exit(main())
