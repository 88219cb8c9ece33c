"""The command `vespa-sink`: `run`, `check` and `deploy`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cdc_runtime.main import run_service
from cdc_runtime.settings.models import load
from cdc_runtime.version import VERSION
from vespa_sink.settings import SinkSettings

_NAME = "vespa-sink"
_USAGE = """usage: vespa-sink run [--SETTING VALUE ...]
       vespa-sink check [--SETTING VALUE ...]
       vespa-sink deploy APPLICATION [--config-server URL] [--wait SECONDS]

run     move changes from Kafka to Vespa until SIGTERM
check   compare the deployed application with what the sink writes; exit 0, 69 (no answer) or 78 (differs)
deploy  send an application package (a directory) to Vespa's config server
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments and give the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = arguments.pop(0) if arguments else ""
    if command == "run":
        return run_service(_NAME, lambda: _run(arguments))
    if command == "check":
        return run_service(_NAME, lambda: _check(arguments))
    if command == "deploy":
        return run_service(_NAME, lambda: _deploy(arguments))
    wanted_help = command in ("-h", "--help", "help")
    (sys.stdout if wanted_help else sys.stderr).write(_USAGE)
    return 0 if wanted_help else 64


def _run(arguments: Sequence[str]) -> None:
    settings = load(SinkSettings, arguments, prog=f"{_NAME} run")
    from vespa_sink.service import run

    run(settings, VERSION)


def _check(arguments: Sequence[str]) -> int:
    settings = load(SinkSettings, arguments, prog=f"{_NAME} check")
    from vespa_sink.vespa.application import check

    differences = check(settings)
    for difference in differences:
        print(f"{_NAME}: {difference}")
    if not differences:
        print(f"{_NAME}: {settings.vespa.url} has the document types and every field that the sink writes")
    return 78 if differences else 0


def _deploy(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog=f"{_NAME} deploy", exit_on_error=False, allow_abbrev=False)
    parser.add_argument("application", type=Path, help="directory that holds services.xml")
    parser.add_argument("--config-server", default="http://localhost:19071", help="URL of Vespa's config server")
    parser.add_argument("--wait", type=float, default=120, help="seconds to wait until the application is active")
    given = parser.parse_args(arguments)
    from vespa_sink.vespa.application import deploy

    for line in deploy(given.application, given.config_server, given.wait):
        print(f"{_NAME}: {line}")
