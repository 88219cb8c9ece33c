"""A body that does not return: signals, probes and the time for stopping do not wait for it (rule P13)."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from cdc_runtime import body_thread
from cdc_runtime.body_thread import BodyThread
from cdc_runtime.bounded_calls import BoundedCalls
from cdc_runtime.call_bounds import Call
from cdc_runtime.drain import Drain
from cdc_runtime.health import Health
from schemas.errors import Neighbour, SlotLost
from tests.waiting import eventually

FLUSH = Call("flush", Neighbour.KAFKA, 3600.0)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, stop_timeout_s: float = 60.0) -> None:
        self.clock = Clock()
        self.ends: list[int] = []
        self.health = Health("sample", clock=self.clock)
        self.health.ready()
        self.drain = Drain(stop_timeout_s)
        self.calls = BoundedCalls(self.ends.append)
        self.let_go = threading.Event()
        self.body = BodyThread(self.drain, self.health, self.calls, self.ends.append)
        monkeypatch.setattr(body_thread, "SLOW_S", 0.0)
        self.thread = threading.Thread(target=self.body.run, args=(self._in_a_call,))

    def _in_a_call(self) -> None:
        with self.calls.held(FLUSH):
            self.let_go.wait(120)
        eventually(lambda: not self.thread.is_alive() or self.health.readiness()[0])


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(monkeypatch)
    yield made
    made.let_go.set()
    if made.thread.is_alive():
        made.thread.join()


@pytest.mark.rule("P13")
def test_p13_call_that_is_held_counts_as_alive_and_not_as_ready(world: World) -> None:
    world.thread.start()
    world.clock.now = 1000.0
    eventually(lambda: world.health.liveness()[0], what="a tick")
    eventually(lambda: not world.health.readiness()[0], what="a service that is not ready")
    assert world.health.readiness()[1].startswith("calls: flush of kafka has not returned for ")
    world.let_go.set()
    world.thread.join()
    assert world.health.readiness() == (True, "ready")


@pytest.mark.rule("P13")
def test_p13_end_of_the_time_for_stopping_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, stop_timeout_s=0.0)
    monkeypatch.setattr(body_thread, "_GRACE_S", 0.0)
    world.thread.start()
    world.drain.stop()
    eventually(lambda: world.ends, what="the end of the process")
    world.let_go.set()
    world.thread.join()
    assert set(world.ends) == {143}


def test_what_the_body_raises_is_raised(world: World) -> None:
    def body() -> None:
        raise SlotLost("expected a slot, got none")

    with pytest.raises(SlotLost):
        world.body.run(body)


HUNG = """
import sys, threading
from cdc_runtime.service import Service, main
from cdc_runtime.settings.models import ServiceSettings

def body(context):
    print("up", flush=True)
    context.drain.on_stop(lambda: print("asked", flush=True))
    threading.Event().wait()

sys.exit(main(Service("sample", "", ServiceSettings, body), ["run", "--http.port", "0", "--http.host", "127.0.0.1"]))
"""


@pytest.mark.rule("P13")
def test_p13_second_signal_ends_a_process_whose_body_hangs() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HUNG], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(60) == 128 + signal.SIGTERM
        finally:
            process.kill()
