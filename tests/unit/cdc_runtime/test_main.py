"""What went wrong becomes one line and an exit code."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from cdc_runtime.logs import configure
from cdc_runtime.main import run_service
from cdc_runtime.settings.models import LogSettings
from schemas.errors import AccessDenied, RowferryError, SettingsError, SlotLost, Sql, Unreachable


@pytest.fixture(autouse=True)
def _unconfigured():
    structlog.reset_defaults()
    handlers = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = handlers
    structlog.reset_defaults()


def raising(error: Exception):
    def main() -> None:
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError("expected x"), 78),
        (AccessDenied("expected x"), 77),
        (Unreachable("expected x"), 69),
        (SlotLost("expected x"), 80),
        (RowferryError("expected x"), 70),
    ],
)
def test_each_error_has_its_exit_code_and_one_line(capsys, error, code):
    assert run_service("sample", raising(error)) == code
    out, err = capsys.readouterr()
    assert (out, err) == ("", "sample: expected x\n")


def test_the_remedy_stands_behind_the_reason(capsys):
    run_service("sample", raising(SlotLost("expected a slot, got none", remedy="create it")))
    assert capsys.readouterr().err == "sample: expected a slot, got none; create it\n"


def test_statements_of_a_remedy_stand_on_lines_of_their_own(capsys):
    run_service("sample", raising(SlotLost("expected a slot, got none", remedy=Sql("CREATE a;\nCREATE b;"))))
    assert capsys.readouterr().err == "sample: expected a slot, got none:\nCREATE a;\nCREATE b;\n"


def test_each_wrong_setting_is_a_line(capsys):
    run_service("sample", raising(SettingsError("a: expected x\nb: expected y")))
    assert capsys.readouterr().err == "sample: a: expected x\nsample: b: expected y\n"


def test_the_log_has_code_reason_and_remedy(capsys):
    stream = io.StringIO()
    configure(LogSettings(), "sample", stream)
    run_service("sample", raising(SlotLost("expected a slot", remedy="create it")))
    event = json.loads(stream.getvalue())
    assert {key: event[key] for key in ("event", "level", "code", "error", "reason", "remedy", "service")} == {
        "event": "fatal",
        "level": "critical",
        "code": 80,
        "error": "SlotLost",
        "reason": "expected a slot",
        "remedy": "create it",
        "service": "sample",
    }
    assert capsys.readouterr().err == "sample: expected a slot; create it\n"


def test_an_unclassified_error_is_a_bug_with_a_trace_and_without_its_message(capsys):
    stream = io.StringIO()
    configure(LogSettings(), "sample", stream)
    assert run_service("sample", raising(ValueError("a row value"))) == 70
    event = json.loads(stream.getvalue())
    assert event["reason"] == "ValueError, a bug"
    assert "test_main.py" in event["exception"]
    line = capsys.readouterr().err
    assert line.startswith("sample: a bug: ValueError in ")
    assert "row value" not in line


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (3, 3)])
def test_a_service_that_ends_by_itself_gives_its_own_code(result, code):
    assert run_service("sample", lambda: result) == code


def test_an_interrupt_before_signals_are_taken_is_130_and_said(capsys):
    def main() -> None:
        raise KeyboardInterrupt

    assert run_service("sample", main) == 130
    assert capsys.readouterr() == ("", "sample: interrupted\n")
