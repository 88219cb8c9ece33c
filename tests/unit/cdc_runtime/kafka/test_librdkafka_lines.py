"""Lines that librdkafka 2.16 wrote, and what the log says of them."""

from __future__ import annotations

import logging

import pytest

from cdc_runtime.kafka.librdkafka_lines import Line, line_of

DEBUG, INFO, WARNING, ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR
LINES = {
    "a broker that refuses": (
        (ERROR, "FAIL", "[thrd:a:9092/1]: a:9092/1: Connect to ipv4#10.0.0.1:9092 failed: Connection refused"),
        Line(WARNING, "broker a:9092: Connect to ipv4#10.0.0.1:9092 failed: Connection refused", "a:9092"),
    ),
    "how long it took": (
        (
            ERROR,
            "FAIL",
            "[thrd:a:9092/bootstrap]: a:9092/bootstrap: Connect failed: refused (after 0ms in state CONNECT)",
        ),
        Line(WARNING, "broker a:9092: Connect failed: refused", "a:9092"),
    ),
    "identical ones": (
        (ERROR, "FAIL", "[thrd:a:1/1]: a:1/1: refused (after 0ms in state CONNECT, 7 identical error(s) suppressed)"),
        Line(WARNING, "broker a:1: refused", "a:1"),
    ),
    "a coordinator is a broker": (
        (ERROR, "FAIL", "[thrd:GroupCoordinator]: GroupCoordinator: a:9092: Connect failed: refused"),
        Line(WARNING, "broker a:9092: Connect failed: refused", "a:9092"),
    ),
    "with a protocol": (
        (ERROR, "FAIL", "[thrd:sasl_ssl://a:9092/1]: sasl_ssl://a:9092/1: Connect failed: refused"),
        Line(WARNING, "broker a:9092: Connect failed: refused", "a:9092"),
    ),
    "an address of version 6": (
        (ERROR, "FAIL", "[thrd:[::1]:9092/1]: [::1]:9092/1: Connect to ipv6#[::1]:9092 failed: Connection refused"),
        Line(WARNING, "broker [::1]:9092: Connect to ipv6#[::1]:9092 failed: Connection refused", "[::1]:9092"),
    ),
    "one that stands still": (
        (
            ERROR,
            "FAIL",
            "[thrd:a:1/1]: a:1/1: 2 request(s) timed out: disconnect (average rtt 0.4ms) (after 60053ms in state UP)",
        ),
        Line(WARNING, "broker a:1: 2 request(s) timed out: disconnect", "a:1"),
    ),
    "which FAIL says": (
        (WARNING, "REQTMOUT", "[thrd:a:1/1]: a:1/1: Timed out 1 in-flight, 0 retry-queued, 0 out-queue"),
        Line(DEBUG, "REQTMOUT a:1/1: Timed out 1 in-flight, 0 retry-queued, 0 out-queue"),
    ),
    "a connection that ended": (
        (INFO, "FAIL", "[thrd:a:1/1]: a:1/1: Disconnected: connection closed by peer (after 8658ms in state UP)"),
        Line(DEBUG, "broker a:1: Disconnected: connection closed by peer", "a:1"),
    ),
    "a wrong password": (
        (ERROR, "FAIL", "[thrd:sasl_ssl://a:1/1]: sasl_ssl://a:1/1: SASL authentication error: Authentication failed"),
        Line(ERROR, "broker a:1: SASL authentication error: Authentication failed", "a:1"),
    ),
    "a first start, transactional": (
        (
            WARNING,
            "GETPID",
            "[thrd:main]: Failed to acquire transactional PID from broker TxnCoordinator/1: "
            "Broker: Coordinator load in progress: retrying",
        ),
        Line(INFO, "Kafka takes no producer yet, it is asked again: coordinator load in progress"),
    ),
    "a first start, idempotent": (
        (
            WARNING,
            "GETPID",
            "[thrd:main]: Failed to acquire idempotence PID from broker 127.0.0.1:21084/1: "
            "Broker: Coordinator load in progress: retrying",
        ),
        Line(INFO, "Kafka takes no producer yet, it is asked again: coordinator load in progress"),
    ),
    "offsets, which the call says": (
        (
            ERROR,
            "ADDOFFSETS",
            "[thrd:main]: TxnCoordinator/1: Failed to add offsets to transaction on broker TxnCoordinator/1: "
            "Local: Timed out",
        ),
        Line(
            DEBUG,
            "ADDOFFSETS TxnCoordinator/1: Failed to add offsets to transaction on broker TxnCoordinator/1: "
            "Local: Timed out",
        ),
    ),
    "anything else": (
        (WARNING, "MAXPOLL", "[thrd:main]: Application maximum poll interval (150000ms) exceeded by 80ms"),
        Line(WARNING, "MAXPOLL Application maximum poll interval (150000ms) exceeded by 80ms"),
    ),
    "another GETPID": (
        (WARNING, "GETPID", "[thrd:main]: a:1/1: Acquired invalid PID{1,2}: ignoring"),
        Line(WARNING, "GETPID a:1/1: Acquired invalid PID{1,2}: ignoring"),
    ),
    "a failure of no broker": ((ERROR, "FAIL", "[thrd:main]: odd"), Line(ERROR, "FAIL odd")),
}


@pytest.mark.parametrize(("said", "line"), LINES.values(), ids=LINES)
def test_line_of_librdkafka_is_judged(said: tuple[int, str, str], line: Line) -> None:
    assert line_of(*said) == line
