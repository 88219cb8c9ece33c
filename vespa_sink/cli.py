"""The command `vespa-sink`: `run`, `check` and `deploy`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cdc_runtime import service
from cdc_runtime.service import Context, Service
from cdc_runtime.settings.models import load
from cdc_runtime.settings.sources import UsageParser
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
    """Run the command and return its exit code."""
    return service.main(Service(_NAME, _USAGE, SinkSettings, _body, {"check": _check, "deploy": _deploy}), argv)


def _body(context: Context[SinkSettings]) -> None:
    from vespa_sink.service import run

    run(context)


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
    parser = UsageParser(prog=f"{_NAME} deploy", allow_abbrev=False)
    parser.add_argument("application", type=Path, help="directory that holds services.xml")
    parser.add_argument("--config-server", default="http://localhost:19071", help="URL of Vespa's config server")
    parser.add_argument("--wait", type=float, default=120, help="seconds to wait until the application is active")
    given = parser.parse_args(arguments)
    from vespa_sink.vespa.deployment import deploy

    for line in deploy(given.application, given.config_server, given.wait):
        print(f"{_NAME}: {line}")
