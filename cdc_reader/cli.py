"""The command `cdc-reader`: `run` is the service, `reset` makes it start from nothing."""

from __future__ import annotations

from collections.abc import Sequence

from cdc_reader.reset import reset
from cdc_reader.service import Reader
from cdc_reader.settings import ReaderSettings
from cdc_runtime import service
from cdc_runtime.logs import configure
from cdc_runtime.service import Context, Service
from cdc_runtime.settings.models import load

NAME = "cdc-reader"
_USAGE = """usage: cdc-reader run [settings]
       cdc-reader reset [--execute] [settings]

run     read the slot and publish to Kafka until SIGTERM
reset   forget the position and drop the slot, so that the next run reads every table again and sweeps;
        prints what it would do, does it with --execute

`cdc-reader run --help` lists the settings; each may also stand in a YAML file or the environment.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return service.main(Service(NAME, _USAGE, ReaderSettings, _body, {"reset": _reset}), argv)


def _body(context: Context[ReaderSettings]) -> None:
    Reader(context.settings, drain=context.drain, metrics=context.metrics, health=context.health).run()


def _reset(arguments: Sequence[str]) -> None:
    flags = [argument for argument in arguments if argument != "--execute"]
    settings = load(ReaderSettings, flags, prog=f"{NAME} reset")
    configure(settings.log, NAME)
    print(reset(settings, execute="--execute" in arguments))
