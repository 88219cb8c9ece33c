"""Logs: one JSON object per line with fixed keys, for our own loggers and those of libraries."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from cdc_runtime.logs import Repeats, configure
from cdc_runtime.settings.models import LogSettings


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("librdkafka").filters.clear()
    structlog.reset_defaults()


def lines(stream: io.StringIO):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_has_the_fixed_keys_and_its_own():
    stream = io.StringIO()
    configure(LogSettings(), "cdc-reader", stream)
    structlog.get_logger("cdc_reader.service").info("position read", lsn="0/5A3F10", offset=7)
    (event,) = lines(stream)
    assert event.pop("ts").endswith("Z")
    assert event == {
        "event": "position read",
        "level": "info",
        "service": "cdc-reader",
        "logger": "cdc_reader.service",
        "lsn": "0/5A3F10",
        "offset": 7,
    }


def test_libraries_log_through_the_same_pipe():
    stream = io.StringIO()
    configure(LogSettings(), "cdc-reader", stream)
    logging.getLogger("librdkafka").warning("broker %s is down", 1)
    (event,) = lines(stream)
    assert (event["event"], event["level"], event["logger"]) == ("broker 1 is down", "warning", "librdkafka")
    assert event["service"] == "cdc-reader"


def test_events_below_the_level_are_not_written():
    stream = io.StringIO()
    configure(LogSettings(level="WARNING"), "cdc-reader", stream)
    structlog.get_logger("a").info("quiet")
    logging.getLogger("librdkafka").info("quiet")
    structlog.get_logger("a").warning("loud")
    assert [event["event"] for event in lines(stream)] == ["loud"]


def test_an_exception_is_one_line():
    stream = io.StringIO()
    configure(LogSettings(), "cdc-reader", stream)
    try:
        raise ValueError("x")
    except ValueError:
        structlog.get_logger("a").exception("failed")
    (event,) = lines(stream)
    assert "ValueError: x" in event["exception"]


def test_a_terminal_gets_the_console_and_can_be_told_otherwise():
    terminal = Terminal()
    configure(LogSettings(), "cdc-reader", terminal)
    structlog.get_logger("a").info("hello", count=3)
    assert "hello" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
    forced = Terminal()
    configure(LogSettings(format="json"), "cdc-reader", forced)
    structlog.get_logger("a").info("hello")
    assert [event["event"] for event in lines(forced)] == ["hello"]


def test_the_last_configuration_wins():
    first, second = io.StringIO(), io.StringIO()
    configure(LogSettings(), "one", first)
    configure(LogSettings(), "two", second)
    structlog.get_logger("a").info("hello")
    assert first.getvalue() == ""
    assert lines(second)[0]["service"] == "two"


FAIL = (
    "FAIL [rdkafka#producer-{}] [thrd:a:1/1]: a:1/1: Connect failed: Connection refused (after {}ms in state CONNECT)"
)


def test_librdkafka_says_the_same_once_a_minute_and_then_how_often_it_was_left_out():
    now = 0.0
    repeats = Repeats(clock=lambda: now)

    def said(text: str) -> object:
        record = logging.LogRecord("librdkafka", logging.ERROR, "", 0, text, (), None)
        return getattr(record, "suppressed", 0) if repeats.filter(record) else None

    assert said(FAIL.format(1, 0)) == 0
    now = 1.0
    assert said(FAIL.format(2, 37)) is None
    assert said("another message") == 0
    now = 59.0
    assert said(FAIL.format(1, 4)) is None
    now = 60.0
    assert said(FAIL.format(1, 0)) == 2
    now = 120.0
    assert said(FAIL.format(1, 0)) == 0


def test_one_event_at_a_broker_is_one_line_however_many_clients_see_it():
    stream = io.StringIO()
    configure(LogSettings(), "cdc-reader", stream)
    librdkafka = logging.getLogger("librdkafka")
    librdkafka.warning("broker a:1: Connection refused", extra={"broker": "a:1", "client": "rdkafka#producer-1"})
    librdkafka.warning("broker a:1: Connection reset", extra={"broker": "a:1", "client": "rdkafka#consumer-2"})
    librdkafka.warning("broker b:1: Connection refused", extra={"broker": "b:1"})
    librdkafka.error("broker a:1: SASL authentication failed", extra={"broker": "a:1"})
    assert [(event["level"], event["broker"]) for event in lines(stream)] == [
        ("warning", "a:1"),
        ("warning", "b:1"),
        ("error", "a:1"),
    ]
    assert lines(stream)[0]["client"] == "rdkafka#producer-1"


def test_repeats_of_librdkafka_are_left_out_of_the_log():
    stream = io.StringIO()
    configure(LogSettings(), "cdc-reader", stream)
    for _ in range(3):
        logging.getLogger("librdkafka").error("broker is down")
    assert [event["event"] for event in lines(stream)] == ["broker is down"]
