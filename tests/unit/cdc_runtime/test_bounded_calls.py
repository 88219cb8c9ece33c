"""Calls into client libraries that do not return, and what is done about it (rule P13)."""

from __future__ import annotations

import gc
import json
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import suppress

import pytest

from cdc_runtime import bounded_calls
from cdc_runtime.bounded_calls import BoundedCalls, CallLeftBehind
from cdc_runtime.call_bounds import Call
from schemas.errors import Neighbour
from tests.waiting import eventually

OFFSETS = Call("send_offsets", Neighbour.KAFKA, 0.05, may_be_left=True)
POLL = Call("poll", Neighbour.KAFKA, 0.05)
LONG = Call("flush", Neighbour.KAFKA, 3600.0)
FILE = Call("a file", Neighbour.S3, 3600.0, long=True)


class Client:
    """A client with a call that returns when it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.returned = threading.Event()

    def call(self) -> str:
        self.let_go.wait(30)
        self.returned.set()
        return "answer"


class World:
    """The calls of a process that notes its ends instead of ending."""

    def __init__(self) -> None:
        self.ends: list[int] = []
        self.calls = BoundedCalls(self.ends.append)
        self.clients: list[Client] = []

    def client(self) -> Client:
        self.clients.append(Client())
        return self.clients[-1]

    def ended(self) -> bool:
        return eventually(lambda: bool(self.ends), what="the end of the process")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(bounded_calls, "LOOK_S", 0.01)
    made = World()
    yield made
    for client in made.clients:
        client.let_go.set()


def test_call_that_returns_gives_what_it_returns_and_raises_what_it_raises(world: World) -> None:
    client = world.client()
    client.let_go.set()
    assert world.calls.leaving(LONG, client.call, lambda: client) == "answer"
    with pytest.raises(ZeroDivisionError):
        world.calls.leaving(LONG, lambda: 1 // 0, lambda: client)
    assert (world.calls.left, world.calls.slowest(), world.ends) == (0, None, [])


@pytest.mark.rule("P13")
def test_p13_call_that_does_not_return_is_left_behind(world: World) -> None:
    client = world.client()
    with pytest.raises(CallLeftBehind, match=r"expected send_offsets of kafka to return within 0\.05 s, got nothing"):
        world.calls.leaving(OFFSETS, client.call, lambda: client)
    assert (world.calls.left, world.ends, client.returned.is_set()) == (1, [], False)


@pytest.mark.rule("P13")
def test_p13_client_that_was_left_behind_is_never_freed(world: World) -> None:
    clients = [Client()]
    freed = threading.Event()
    weakref.finalize(clients[0], freed.set)
    let_go = clients[0].let_go
    returned = clients[0].returned
    with pytest.raises(CallLeftBehind):
        world.calls.leaving(OFFSETS, clients[0].call, lambda: clients[0])
    let_go.set()
    clients.clear()
    eventually(returned.is_set, what="the call to return after all")
    gc.collect()
    assert not freed.is_set()


@pytest.mark.rule("P13")
def test_p13_second_call_that_does_not_return_ends_the_process(world: World) -> None:
    with pytest.raises(CallLeftBehind):
        world.calls.leaving(OFFSETS, (first := world.client()).call, lambda: first)
    second = world.client()

    def call() -> None:
        with suppress(CallLeftBehind):
            world.calls.leaving(OFFSETS, second.call, lambda: second)

    caller = threading.Thread(target=call)
    caller.start()
    assert world.ended()
    second.let_go.set()
    caller.join()
    assert set(world.ends) == {69}


@pytest.mark.rule("P13")
def test_p13_call_that_may_not_be_left_behind_ends_the_process_and_is_named(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    with world.calls.held(POLL):
        assert world.ended()
    assert set(world.ends) == {69}
    told = capsys.readouterr().err.splitlines()[0]
    assert told.partition(": ")[2] == (
        "expected poll of kafka to return within 0.05 s, got nothing; "
        "start it again: what was not committed is read again"
    )


@pytest.mark.rule("P13")
def test_p13_call_back_into_our_own_code_is_no_time_of_the_call(world: World) -> None:
    world.calls._looking = True  # nobody looks but this test
    with world.calls.held(POLL):
        world.calls._look(0.04)
        assert world.calls.slowest() == (POLL, 0.04)
        with world.calls.aside():
            world.calls._look(9.0)
            assert world.calls.slowest() is None
            with world.calls.held(LONG):
                assert world.calls.slowest() == (LONG, 0.0)
        assert world.calls.slowest() == (POLL, 0.0)
    assert world.ends == []


@pytest.mark.rule("P13")
def test_p13_call_that_was_left_behind_is_not_taken_for_the_second_one(world: World) -> None:
    # Its caller has a moment between leaving it and going on.
    world.calls._looking = True
    under_way = world.calls._begin(OFFSETS)
    world.calls._look(9.0)
    assert world.calls._leave(under_way, lambda: "client")
    world.calls._look(9.0)
    assert world.ends == []


@pytest.mark.rule("P13")
def test_p13_call_within_one_that_may_be_left_is_held_by_that_one(world: World) -> None:
    client = world.client()

    def both() -> None:
        with world.calls.held(POLL):
            client.call()

    with pytest.raises(CallLeftBehind):
        world.calls.leaving(OFFSETS, both, lambda: client)
    assert world.ends == []


def test_slowest_call_is_the_one_that_waits_for_longest(world: World) -> None:
    with world.calls.held(LONG):
        eventually(lambda: (world.calls.slowest() or (None, 0.0))[1] > 0.02)
        with world.calls.held(POLL):
            assert (world.calls.slowest() or (None,))[0] is LONG


def test_call_that_takes_its_time_is_not_slow(world: World) -> None:
    with world.calls.held(FILE):
        assert world.calls.slowest() is None


STUCK = """
import logging, sys, threading
from cdc_runtime import call_bounds
from cdc_runtime.bounded_calls import CALLS
from cdc_runtime.call_bounds import Call
from cdc_runtime.logs import configure
from cdc_runtime.settings.models import LogSettings
from schemas.errors import Neighbour
configure(LogSettings(format="json"), "sample")
with CALLS.held(Call("poll", Neighbour.KAFKA, 0.5)):
    if sys.argv[1:] != ["again"]:
        threading.Event().wait()
"""


@pytest.mark.rule("P13")
@pytest.mark.remedy("start it again: what was not committed is read again")
def test_p13_process_ends_with_69_and_names_the_call_in_its_log() -> None:
    ran = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 69
    fatal, line = ran.stderr.splitlines()
    event = json.loads(fatal)
    assert {name: event[name] for name in ("event", "level", "code", "call", "neighbour", "service")} == {
        "event": "fatal",
        "level": "critical",
        "code": 69,
        "call": "poll",
        "neighbour": "kafka",
        "service": "sample",
    }
    assert "expected poll of kafka to return within 0.5 s, got nothing" in line
    assert "start it again: what was not committed is read again" in line
    again = subprocess.run([sys.executable, "-c", STUCK, "again"], capture_output=True, timeout=120, check=False)
    assert (again.returncode, again.stderr) == (0, b"")


ORDERLY = """
import signal, sys, threading
from cdc_runtime.bounded_calls import CALLS, CallLeftBehind
from cdc_runtime.call_bounds import Call
from cdc_runtime.service import Service, main
from cdc_runtime.settings.models import ServiceSettings
from schemas.errors import Neighbour, SlotLost

def body(context):
    call = Call("send_offsets", Neighbour.KAFKA, 0.5, may_be_left=True)
    try:
        CALLS.leaving(call, threading.Event().wait, object)
    except CallLeftBehind:
        threading.Thread(target=threading.Event().wait, daemon=False).start()  # as a worker that waits for it
        print("left", flush=True)
    context.drain.wait(60)
    if "--error" in sys.argv:
        raise SlotLost("expected a slot, got none")

sys.exit(main(Service("sample", "", ServiceSettings, body), ["run", "--http.port", "0", "--http.host", "127.0.0.1"]))
"""


@pytest.mark.rule("P13")
@pytest.mark.parametrize(("flags", "code"), [([], 0), (["--error"], 80)])
def test_p13_orderly_end_is_orderly_though_something_was_left_behind(flags, code) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ORDERLY, *flags], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "left\n"
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(60) == code
        finally:
            process.kill()
