"""
Edge: the frame that all services share: settings, logs, drain, health, metrics, and then the service's own body.

A service is a `Service`: its names, the model of its settings, and a body that is called once all of that is there, in
a thread of its own (`body_thread`). Where a call was left behind the process ends at once behind the body.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from cdc_runtime.body_thread import BodyThread
from cdc_runtime.bounded_calls import CALLS, end_process
from cdc_runtime.drain import Drain
from cdc_runtime.health import Health, HealthServer
from cdc_runtime.logs import configure
from cdc_runtime.main import end_at_once, run_service
from cdc_runtime.metrics import UNREADABLE_RECORDS, Metrics
from cdc_runtime.neighbours import Neighbours
from cdc_runtime.settings.models import ServiceSettings, load
from cdc_runtime.start_steps import StartEnded
from cdc_runtime.unreadable import UNREADABLE
from cdc_runtime.version import VERSION
from schemas.errors import UsageError

_log = structlog.get_logger(__name__)
S = TypeVar("S", bound=ServiceSettings)
_HELP = ("-h", "--help", "help")
Verb = Callable[[Sequence[str]], int | None]


@dataclass(frozen=True, slots=True)
class Context(Generic[S]):
    """
    What a body runs with. It returns once `drain` asks for the end, and says to `health` how it is.

    It tells `neighbours` whom to look after, and when it is prepared.
    """

    settings: S
    drain: Drain
    health: Health
    metrics: Metrics
    neighbours: Neighbours


@dataclass(frozen=True, slots=True)
class Service(Generic[S]):
    """
    A command with a verb `run`.

    `body` blocks until the end and raises our errors; its thread is not the main one. `verbs` are what the command can
    do besides: each is called with the arguments behind it and returns an exit code (None: 0). `usage` is what `--help`
    prints.
    """

    name: str
    usage: str
    settings: type[S]
    body: Callable[[Context[S]], None]
    verbs: Mapping[str, Verb] = field(default_factory=dict)


def main(service: Service[S], argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code (`run_service`); 64 for one that cannot be read."""
    verb, *arguments = (sys.argv[1:] if argv is None else argv) or [""]
    if verb in _HELP:
        sys.stdout.write(service.usage)
        return 0
    if verb == "--version":
        sys.stdout.write(f"{service.name} {VERSION}\n")
        return 0
    verbs: dict[str, Verb] = {"run": lambda flags: _run(service, flags), **service.verbs}
    if verb not in verbs:
        sys.stderr.write(service.usage)
        if verb:
            # A word that is no word may be an address with a password.
            found = repr(verb) if verb.replace("-", "").isalpha() else "something else"
            sys.stderr.write(f"{service.name}: expected {_either(verbs)}, got {found}\n")
        return UsageError.exit_code
    code = run_service(service.name, lambda: verbs[verb](arguments))
    if CALLS.left:
        end_process(code)
    return code


def _run(service: Service[S], flags: Sequence[str]) -> None:
    settings = load(service.settings, flags, prog=f"{service.name} run")
    configure(settings.log, service.name)
    drain = Drain(settings.stop_timeout_s)
    drain.install()
    health, metrics = Health(service.name), Metrics(service.name, VERSION)
    unreadable = metrics.counter(UNREADABLE_RECORDS)
    UNREADABLE.count = lambda topic: unreadable.labels(topic).inc()
    began = time.monotonic()
    with (
        HealthServer(settings.http, health, metrics.registry),
        _neighbours(service, settings, health, metrics) as neighbours,
        suppress(StartEnded),
    ):
        context = Context(settings, drain, health, metrics, neighbours)
        BodyThread(drain, health, CALLS).run(lambda: service.body(context))
    # An end by an error is told by `run_service`, in the event `fatal`.
    _log.info("ended", because=drain.reason, code=0, after_s=round(time.monotonic() - began, 3))


def _neighbours(service: Service[S], settings: S, health: Health, metrics: Metrics) -> closing[Neighbours]:
    return closing(
        Neighbours(
            health,
            metrics,
            silence_s=settings.neighbour_timeout_s,
            start_timeout_s=settings.start_timeout_s,
            give_up=lambda error: end_at_once(service.name, error),
        )
    )


def _either(verbs: Mapping[str, Verb]) -> str:
    *some, last = (f"`{verb}`" for verb in verbs)
    return f"{', '.join(some)} or {last}" if some else last
