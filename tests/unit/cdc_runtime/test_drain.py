"""Stopping: one deadline from the first request, an exit at once on the second signal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from cdc_runtime.drain import Drain
from tests.signals import BACKGROUND, FOREGROUND, started_in

SERVICE = """
import sys
from cdc_runtime.drain import Drain
from cdc_runtime.logs import configure
from cdc_runtime.settings.models import LogSettings
configure(LogSettings(format="json"), "sample")
drain = Drain({timeout})
drain.install()
print("up", flush=True)
while not drain.wait(0.05):
    pass
print("stopping", drain.signal, drain.remaining_s() > 1, flush=True)
{then}
"""


@pytest.fixture(params=[FOREGROUND, BACKGROUND], ids=["foreground", "background"])
def service(request):
    started = []

    def start(then: str, timeout: float = 300) -> subprocess.Popen[str]:
        with started_in(request.param):
            process = subprocess.Popen(
                [sys.executable, "-c", SERVICE.format(then=then, timeout=timeout)], stdout=subprocess.PIPE, text=True
            )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def hung_up(*, terminal, disposition):
    """The service in a session of its own, with a terminal that controls it or with none; the lines that it writes."""
    keeper, line = pty.openpty()
    inherited = signal.signal(signal.SIGHUP, disposition)
    # A session leader without a terminal gets the first that it opens.
    opened = f"import os; os.close(os.open({os.ttyname(line)!r}, os.O_RDWR))" if terminal else ""
    try:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", opened + SERVICE.format(timeout=300, then="sys.exit(0)")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGHUP, inherited)
    try:
        assert process.stdout is not None
        lines = iter(process.stdout)
        assert next(lines) == "up\n"
        yield process, lines
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        os.close(keeper)
        os.close(line)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_for_the_end_and_leaves_time_for_it(service, number):
    process = service("sys.exit(0)")
    process.send_signal(number)
    assert process.stdout.readline() == f"stopping {int(number)} True\n"
    assert process.wait(60) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_second_signal_ends_the_process_at_once_and_says_so(service, capfd, number, code):
    process = service("import time; time.sleep(60)")
    process.send_signal(number)
    process.stdout.readline()
    process.send_signal(number)
    assert process.wait(60) == code
    assert capfd.readouterr().err.splitlines()[-1] == f"a second signal, {signal.Signals(number).name}: ended at once"


@pytest.mark.remedy("restart the service to change its settings; SIGTERM ends it")
def test_a_hangup_of_a_daemon_is_logged_and_ends_nothing():
    with hung_up(terminal=False, disposition=signal.SIG_DFL) as (process, lines):
        process.send_signal(signal.SIGHUP)
        told = next(lines)
        assert "signal ignored" in told
        assert "restart the service to change its settings; SIGTERM ends it" in told
        process.send_signal(signal.SIGTERM)
        assert "stopping" in next(lines)
        assert next(lines) == f"stopping {int(signal.SIGTERM)} True\n"
        assert process.wait(60) == 0


def test_a_hangup_of_the_terminal_asks_for_the_end_and_does_not_insist():
    with hung_up(terminal=True, disposition=signal.SIG_DFL) as (process, lines):
        process.send_signal(signal.SIGHUP)
        assert "stopping" in next(lines)
        process.send_signal(signal.SIGHUP)
        assert next(lines) == f"stopping {int(signal.SIGHUP)} True\n"
        assert process.wait(60) == 0


@pytest.mark.parametrize("terminal", [True, False])
def test_a_hangup_that_was_to_be_passed_over_is_passed_over(terminal):
    with hung_up(terminal=terminal, disposition=signal.SIG_IGN) as (process, lines):
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert "SIGTERM" in next(lines)
        assert process.wait(60) == 0


def test_the_deadline_counts_from_the_first_request_only():
    drain = Drain(100)
    assert drain.remaining_s() == 100
    drain.stop()
    first = drain.remaining_s()
    assert 99 < first <= 100
    drain.stop()
    assert drain.remaining_s() <= first
    assert not drain.expired


def test_the_time_that_is_left_is_never_negative():
    drain = Drain(0)
    drain.stop()
    assert drain.remaining_s() == 0.0
    assert drain.expired


def test_a_wait_ends_when_another_thread_asks_for_the_end():
    drain = Drain(10)
    assert drain.wait(0.001) is False
    thread = threading.Thread(target=drain.stop)
    thread.start()
    assert drain.wait(60) is True
    thread.join()
    assert drain.is_stopping()


def test_callbacks_run_once_at_the_request_or_at_once_after_it():
    drain = Drain(10)
    calls = []
    drain.on_stop(lambda: calls.append("early"))
    assert calls == []
    drain.stop()
    drain.stop()
    drain.on_stop(lambda: calls.append("late"))
    assert calls == ["early", "late"]
