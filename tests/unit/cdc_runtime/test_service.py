"""One frame for all services: what the command line means, and what a body runs with."""

from __future__ import annotations

import json
import logging
import os
import signal
import urllib.request
from collections.abc import Iterator

import pytest
import structlog

from cdc_runtime.service import Context, Service, main
from cdc_runtime.settings.models import ServiceSettings
from cdc_runtime.version import VERSION
from schemas.errors import SlotLost

_USAGE = "usage: sample run [settings]\n"
_QUIET_PORT = ("--http.port", "0", "--http.host", "127.0.0.1")


class Body:
    """A body that notes what it ran with."""

    def __init__(self, error: Exception | None = None) -> None:
        self.contexts: list[Context[ServiceSettings]] = []
        self.error = error

    def __call__(self, context: Context[ServiceSettings]) -> None:
        self.contexts.append(context)
        if self.error is not None:
            raise self.error


@pytest.fixture(autouse=True)
def _process() -> Iterator[None]:
    """Logs and signals as they were."""
    handlers = logging.getLogger().handlers[:]
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    structlog.reset_defaults()
    yield
    logging.getLogger().handlers[:] = handlers
    structlog.reset_defaults()
    for number, handler in signals.items():
        signal.signal(number, handler)


def sample(body: Body | None = None, **verbs) -> Service[ServiceSettings]:
    return Service("sample", _USAGE, ServiceSettings, body or Body(), verbs)


@pytest.mark.parametrize("word", ["-h", "--help", "help"])
def test_help_prints_the_usage(capsys, word):
    assert main(sample(), [word]) == 0
    assert capsys.readouterr() == (_USAGE, "")


def test_version_prints_name_and_version(capsys):
    assert main(sample(), ["--version"]) == 0
    assert capsys.readouterr() == (f"sample {VERSION}\n", "")


def test_without_a_verb_the_usage_goes_to_stderr(capsys):
    assert main(sample(), []) == 64
    assert capsys.readouterr() == ("", _USAGE)


@pytest.mark.parametrize(
    ("verbs", "expected"),
    [
        ({}, "`run`"),
        ({"check": lambda _: None}, "`run` or `check`"),
        ({"check": lambda _: None, "reset": lambda _: None}, "`run`, `check` or `reset`"),
    ],
)
def test_an_unknown_verb_is_named_behind_the_usage(capsys, verbs, expected):
    assert main(sample(**verbs), ["feed"]) == 64
    assert capsys.readouterr().err == f"{_USAGE}sample: expected {expected}, got 'feed'\n"


@pytest.mark.parametrize(("result", "code"), [(None, 0), (78, 78)])
def test_another_verb_gets_its_arguments_and_returns_the_code(result, code):
    seen = []

    def check(arguments):
        seen.append(list(arguments))
        return result

    assert main(sample(check=check), ["check", "--x", "1"]) == code
    assert seen == [["--x", "1"]]


def test_an_error_of_another_verb_is_one_line_and_its_code(capsys):
    def check(_):
        raise SlotLost("expected a slot, got none", remedy="create it")

    assert main(sample(check=check), ["check"]) == 80
    assert capsys.readouterr().err == "sample: expected a slot, got none; create it\n"


def test_a_body_runs_with_settings_drain_health_and_metrics():
    body = Body()
    assert main(sample(body), ["run", *_QUIET_PORT, "--stop-timeout-s", "7"]) == 0
    (context,) = body.contexts
    assert context.settings.stop_timeout_s == 7
    assert context.drain.remaining_s() == 7
    assert context.health.readiness() == (False, "service: starting")


def test_signals_reach_the_drain_of_the_body():
    def body(context):
        os.kill(os.getpid(), signal.SIGTERM)
        seen.append(context.drain.wait(60))

    seen: list[bool] = []
    assert main(Service("sample", _USAGE, ServiceSettings, body), ["run", *_QUIET_PORT]) == 0
    assert seen == [True]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_last_event_says_that_a_signal_ended_the_service(capsys, number):
    def body(context):
        os.kill(os.getpid(), number)
        context.drain.wait(60)

    assert main(Service("sample", _USAGE, ServiceSettings, body), ["run", *_QUIET_PORT]) == 0
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event["event"] for event in events] == ["health and metrics served", "stopping", "ended"]
    assert {name: events[-1][name] for name in ("because", "code", "service")} == {
        "because": signal.Signals(number).name,
        "code": 0,
        "service": "sample",
    }


def test_the_last_event_says_that_there_was_nothing_more_to_do(capsys):
    assert main(sample(), ["run", *_QUIET_PORT]) == 0
    last = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (last["event"], last["because"], last["code"]) == ("ended", "nothing more to do", 0)


def test_the_last_event_says_which_error_ended_the_service(capsys):
    assert main(sample(Body(SlotLost("expected a slot, got none"))), ["run", *_QUIET_PORT]) == 80
    *_, last, line = capsys.readouterr().err.splitlines()
    assert line == "sample: expected a slot, got none"
    assert [json.loads(last)[name] for name in ("event", "code", "reason")] == [
        "fatal",
        80,
        "expected a slot, got none",
    ]


def test_health_is_served_while_the_body_runs(capsys):
    def body(context):
        served = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        (port,) = [event["port"] for event in served if event["event"] == "health and metrics served"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/statusz", timeout=10) as answer:
            seen.append(json.load(answer)["service"])

    seen: list[str] = []
    assert main(Service("sample", _USAGE, ServiceSettings, body), ["run", *_QUIET_PORT]) == 0
    assert seen == ["sample"]


def test_an_error_of_the_body_is_one_line_and_its_code(capsys):
    assert main(sample(Body(SlotLost("expected a slot, got none"))), ["run", *_QUIET_PORT]) == 80
    assert capsys.readouterr().err.endswith("sample: expected a slot, got none\n")


def test_a_wrong_setting_is_told_before_the_body_runs(capsys):
    body = Body()
    assert main(sample(body), ["run", "--http.port", "x"]) == 78
    assert body.contexts == []
    assert capsys.readouterr().err.startswith("sample: http.port: expected ")
