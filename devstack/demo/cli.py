"""
The command ``python -m devstack.demo``: run the demo, or end one that was left running.

Exit codes: 0 when index and database are equal at the end; 1 when they are not, or a server or a service cannot be
had; 2 for wrong arguments; 130 when interrupted.
"""

from __future__ import annotations

import argparse
import signal
from collections.abc import Sequence
from pathlib import Path

from devstack.demo import kept
from devstack.demo.account import Wishes
from devstack.demo.screen import Screen
from devstack.demo.story import tell
from devstack.errors import DevstackError
from schemas.errors import RowferryError

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit code."""
    arguments = _parser().parse_args(argv)
    screen = Screen()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if arguments.down or arguments.command == "down":
            return _down(arguments.data, screen)
        return 0 if tell(_wishes(arguments), screen) else 1
    except (DevstackError, RowferryError) as exc:
        screen.failed(str(exc))
        return 1
    except KeyboardInterrupt:
        screen.failed("interrupted: everything is stopped and removed")
        return _INTERRUPTED


def _down(data: Path, screen: Screen) -> int:
    found = kept.end(data)
    screen.say(f"ended: {', '.join(found)}" if found else f"nothing runs with its data in {data}")
    return 0


def _wishes(arguments: argparse.Namespace) -> Wishes:
    return Wishes(
        data=arguments.data,
        keep=arguments.keep,
        factor=arguments.factor,
        seed=arguments.seed,
        seconds=arguments.seconds,
        rate=arguments.rate,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devstack.demo", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("command", nargs="?", choices=("run", "down"), default="run", help="what to do (run)")
    parser.add_argument("--down", action="store_true", help="the same as the command down")
    parser.add_argument("--keep", action="store_true", help="leave everything running, and say how to try it")
    parser.add_argument(
        "--data",
        type=Path,
        default=kept.DEFAULT_DATA,
        metavar="DIR",
        help="where a demo that is kept lies (%(default)s)",
    )
    parser.add_argument("--factor", type=_positive, default=1.0, help="multiplies the rows of each table (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="what all values follow from (%(default)s)")
    parser.add_argument("--seconds", type=_positive, default=20.0, help="how long the workload runs (%(default)s)")
    parser.add_argument("--rate", type=_positive, default=500.0, help="its transactions per second (%(default)s)")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value
