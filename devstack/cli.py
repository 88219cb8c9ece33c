"""
The command ``python -m devstack``: detached servers in a data folder.

Exit codes: 0; 1 when a server cannot be had, or ``status`` finds one that does not answer; 2 for
wrong arguments.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from devstack import postgres_programs, records, stack
from devstack.errors import DevstackError
from devstack.server import Server
from devstack.stack import KINDS, Stack, Wanted

_DEFAULT_DATA = Path(".devstack")


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "status":
            return _status(arguments)
        with _locked(arguments.data):
            return {"up": _up, "down": _down, "reset": _reset}[arguments.command](arguments)
    except DevstackError as exc:
        print(f"devstack: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("devstack: interrupted", file=sys.stderr)
        return 130


def _up(arguments: argparse.Namespace) -> int:
    wanted = Wanted(
        tuple(arguments.only), arguments.postgres_version, arguments.vespa_application, None, arguments.postgres_origin
    )
    started = stack.start(arguments.data, wanted, tied=False, say=_say)
    for server in started.servers.values():
        print(f"{server.kind:<9} {server.address}")
    return 0


def _down(arguments: argparse.Namespace) -> int:
    found = stack.running(arguments.data, arguments.only)
    alive = [server.kind for server in found.servers.values() if server.alive]
    found.stop()
    for kind in arguments.only:
        _say(f"{kind}: {'stopped' if kind in alive else 'was not running'}")
    if arguments.wipe:
        _wipe(found)
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    _wipe(stack.running(arguments.data, arguments.only))
    return _up(arguments)


def _status(arguments: argparse.Namespace) -> int:
    found = stack.running(arguments.data, arguments.only).servers
    states = {kind: _state(found.get(kind)) for kind in arguments.only}
    if arguments.json:
        servers = {
            kind: {"state": state, "address": found[kind].address if kind in found else None}
            for kind, state in states.items()
        }
        print(json.dumps({"data": str(arguments.data.absolute()), "servers": servers}))
    else:
        for kind, state in states.items():
            print(f"{kind:<9} {state:<13} {found[kind].address if kind in found else ''}".rstrip())
    return 0 if all(state == "running" for state in states.values()) else 1


def _state(server: Server | None) -> str:
    if server is None or not server.alive:
        return "not running"
    return "running" if server.healthy() else "not answering"


def _wipe(found: Stack) -> None:
    found.wipe()
    for kind in found.servers:
        _say(f"{kind}: data removed")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Two commands on one data folder wait for each other."""
    with (records.prepare(data) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m devstack", description="PostgreSQL, Kafka, Vespa and S3 on this machine, without Docker."
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data", type=Path, default=_DEFAULT_DATA, metavar="DIR", help="data folder (%(default)s)")
    common.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS), help="these servers instead of all")
    start = argparse.ArgumentParser(add_help=False, parents=[common])
    versions, origins = postgres_programs.versions(), postgres_programs.ORIGINS
    start.add_argument("--postgres-version", type=int, choices=versions, help="major version of new data")
    start.add_argument("--postgres-origin", choices=origins, help="where its programs come from (the first with it)")
    start.add_argument("--vespa-application", type=Path, metavar="DIR", help="application package (deploy/vespa)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", parents=[start], help="start the servers that do not run")
    down = commands.add_parser("down", parents=[common], help="stop the servers")
    down.add_argument("--wipe", action="store_true", help="remove their data as well")
    status = commands.add_parser("status", parents=[common], help="say which servers answer, and where")
    status.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    commands.add_parser("reset", parents=[start], help="stop, remove the data, and start again")
    return parser
