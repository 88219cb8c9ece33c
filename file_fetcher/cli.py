"""The command `file-fetcher`: `run`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cdc_runtime.main import run_service
from cdc_runtime.settings.models import load
from cdc_runtime.version import VERSION
from file_fetcher.settings import FetcherSettings

_NAME = "file-fetcher"
_USAGE = """usage: file-fetcher run [--SETTING VALUE ...]

run     fetch the files that rows refer to, and publish what is in them, until SIGTERM
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments and give the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = arguments.pop(0) if arguments else ""
    if command == "run":
        return run_service(_NAME, lambda: _run(arguments))
    wanted_help = command in ("-h", "--help", "help")
    (sys.stdout if wanted_help else sys.stderr).write(_USAGE)
    return 0 if wanted_help else 64


def _run(arguments: Sequence[str]) -> None:
    settings = load(FetcherSettings, arguments, prog=f"{_NAME} run")
    from file_fetcher.service import run

    run(settings, VERSION)
