"""The `cdc-reader` command: `run` is the service, `reset` makes it begin anew."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cdc_reader.reset import reset
from cdc_reader.service import Reader
from cdc_reader.settings import ReaderSettings
from cdc_runtime.drain import Drain
from cdc_runtime.health import Health, HealthServer
from cdc_runtime.logs import configure
from cdc_runtime.main import run_service
from cdc_runtime.metrics import Metrics
from cdc_runtime.settings.models import load
from cdc_runtime.version import VERSION
from schemas.errors import UsageError

NAME = "cdc-reader"
_USAGE = """usage: cdc-reader run [settings]
       cdc-reader reset [--execute] [settings]

run     read the slot and publish to Kafka until SIGTERM
reset   forget the position and drop the slot, so that the next run reads every table again and sweeps;
        prints what it would do, does it with --execute

`cdc-reader run --help` lists the settings; each may also stand in a YAML file or the environment."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; gives its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    return run_service(NAME, lambda: _command(arguments))


def _command(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE)
        return 0 if arguments else UsageError.exit_code
    if arguments[0] == "--version":
        print(f"{NAME} {VERSION}")
        return 0
    verb, flags = arguments[0], arguments[1:]
    if verb == "run":
        _run(load(ReaderSettings, flags, prog=f"{NAME} run"))
        return 0
    if verb == "reset":
        execute = "--execute" in flags
        settings = load(ReaderSettings, [flag for flag in flags if flag != "--execute"], prog=f"{NAME} reset")
        configure(settings.log, NAME)
        print(reset(settings, execute=execute))
        return 0
    raise UsageError(f"expected `run` or `reset`, got {verb!r}", remedy="see `cdc-reader --help`")


def _run(settings: ReaderSettings) -> None:
    configure(settings.log, NAME)
    drain = Drain(settings.stop_timeout_s)
    drain.install()
    metrics = Metrics(NAME, VERSION)
    health = Health(NAME)
    with HealthServer(settings.http, health, metrics.registry):
        Reader(settings, drain=drain, metrics=metrics, health=health).run()
