"""Stopping: one deadline from the first request, an exit at once on the second signal."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from cdc_runtime.drain import Drain
from tests.signals import BACKGROUND, FOREGROUND, started_in

SERVICE = """
import sys
from cdc_runtime.drain import Drain
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_for_the_end_and_leaves_time_for_it(service, number):
    process = service("sys.exit(0)")
    process.send_signal(number)
    assert process.stdout.readline() == f"stopping {int(number)} True\n"
    assert process.wait(60) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_second_signal_ends_the_process_at_once(service, number, code):
    process = service("import time; time.sleep(60)")
    process.send_signal(number)
    process.stdout.readline()
    process.send_signal(number)
    assert process.wait(60) == code


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
