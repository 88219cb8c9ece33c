"""The command `cdc-reader`: `run` is the service, `reset` makes it start from nothing."""

from __future__ import annotations

from collections.abc import Sequence

from cdc_reader.own_names import with_own_names
from cdc_reader.reset import reset
from cdc_reader.service import Reader
from cdc_reader.settings import ReaderSettings
from cdc_runtime import service
from cdc_runtime.logs import configure
from cdc_runtime.service import Context, Service
from cdc_runtime.settings.models import load
from cdc_runtime.start_steps import keep_trying

NAME = "cdc-reader"
_USAGE = """usage: cdc-reader run [settings]
       cdc-reader reset [--execute] [--source-moved] [settings]

run     read the slot and publish to Kafka until SIGTERM
reset   forget the position and drop the slot, so that the next run reads every table again and removes from the
        index what is gone; prints what it would do, does it with --execute. It refuses while a reader runs, and in
        another database than the position's; --source-moved says that this database has taken the place of that one
        for good (another server, another name, a restore), and that every reader of the old one was stopped

`cdc-reader run --help` lists the settings; each may also stand in a YAML file or the environment.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return service.main(Service(NAME, _USAGE, ReaderSettings, _body, {"reset": _reset}), argv)


def _body(context: Context[ReaderSettings]) -> None:
    given, drain = context.settings, context.drain
    settings = keep_trying(lambda: with_own_names(given, drain.is_stopping), given.start_timeout_s, drain)
    Reader(settings, drain=drain, metrics=context.metrics, health=context.health, neighbours=context.neighbours).run()


def _reset(arguments: Sequence[str]) -> None:
    flags = [argument for argument in arguments if argument not in ("--execute", "--source-moved")]
    settings = load(ReaderSettings, flags, prog=f"{NAME} reset")
    configure(settings.log, NAME)
    settings = with_own_names(settings)
    print(reset(settings, execute="--execute" in arguments, moved="--source-moved" in arguments))
