"""Neighbours are asked beside the main thread; what is told of them is told once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from cdc_runtime import neighbours
from cdc_runtime.health import Health
from cdc_runtime.metrics import NEIGHBOUR_UP, Metrics
from cdc_runtime.neighbours import Neighbours
from schemas.errors import AccessDenied, Neighbour, RowferryError, Unreachable
from tests.waiting import eventually

SILENCE_S = 0.4
NEVER_S = 3600.0
_STEP_S = 0.1


@dataclass
class Server:
    """Answers, refuses, or stands still in the middle of an answer."""

    problem: RowferryError | None = None
    goes: threading.Event = field(default_factory=threading.Event)
    answers: int = 0

    def __post_init__(self) -> None:
        self.goes.set()

    def __call__(self, timeout_s: float) -> None:
        self.goes.wait()
        if self.problem is not None:
            raise self.problem
        self.answers += 1


@dataclass
class Service:
    """What stands around neighbours in a process."""

    neighbours: Neighbours
    health: Health
    metrics: Metrics
    ended: list[RowferryError]
    servers: list[Server] = field(default_factory=list)

    def watch(self, neighbour: Neighbour, server: Server) -> None:
        self.servers.append(server)
        self.neighbours.watch(neighbour, server)

    def close(self) -> None:
        self.neighbours.close()
        for server in self.servers:
            server.goes.set()  # where a test ended before it did this

    def up(self, neighbour: Neighbour) -> float | None:
        return self.metrics.registry.get_sample_value(NEIGHBOUR_UP.name, {"neighbour": neighbour.value})

    def reasons(self) -> str:
        return self.health.readiness()[1]


class Clock:
    """Stands still until a test lets time pass: no loss is that of a busy machine."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def passes(self, seconds: float, *answering: Server) -> None:
        """Let time pass in steps, each so short that who answers has answered in it."""
        for _ in range(round(seconds / _STEP_S)):
            self.now += _STEP_S
            for server in answering:
                answers = server.answers
                eventually(lambda server=server, answers=answers: server.answers > answers + 1)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(neighbours, "time", made)
    return made


@pytest.fixture
def serve() -> Iterator[Callable[..., Service]]:
    made: list[Service] = []

    def make(start_timeout_s: float = NEVER_S, health: Health | None = None) -> Service:
        health, metrics, ended = health or Health("reader"), Metrics("reader", "1"), []
        health.ready()
        neighbours = Neighbours(
            health, metrics, silence_s=SILENCE_S, start_timeout_s=start_timeout_s, give_up=ended.append
        )
        made.append(Service(neighbours, health, metrics, ended))
        return made[-1]

    yield make
    for each in made:
        each.close()


def lines(logs: list) -> list[tuple[str, str, str]]:
    return [(each["event"], each["neighbour"], each["log_level"]) for each in logs]


@pytest.mark.rule("P15")
def test_p15_server_that_stands_still_is_told_once_and_once_that_it_is_back(serve, clock) -> None:
    service, kafka, postgres = serve(), Server(), Server()
    with capture_logs() as logs:
        service.watch(Neighbour.KAFKA, kafka)
        service.watch(Neighbour.POSTGRES, postgres)
        eventually(lambda: kafka.answers and postgres.answers)
        assert service.health.readiness() == (True, "ready")
        kafka.goes.clear()
        clock.passes(0.5, postgres)
        eventually(lambda: not service.health.readiness()[0])
        assert service.reasons() == "connection to kafka: no answer for 0.4 s"
        assert (service.up(Neighbour.KAFKA), service.up(Neighbour.POSTGRES)) == (0, 1)
        clock.passes(1.0, postgres)
        kafka.goes.set()
        eventually(lambda: service.health.readiness()[0])
        assert service.up(Neighbour.KAFKA) == 1
        eventually(lambda: len(logs) > 1)
    assert lines(logs) == [("neighbour lost", "kafka", "warning"), ("neighbour is back", "kafka", "info")]


def test_server_that_cannot_be_reached_is_lost_with_the_reason(serve, clock) -> None:
    service = serve()
    service.watch(Neighbour.VESPA, Server(Unreachable("connection refused")))
    clock.passes(0.5)
    eventually(lambda: "vespa" in service.reasons())
    assert service.reasons().endswith("no answer for 0.4 s (connection refused)")


@pytest.mark.rule("P15")
def test_p15_server_that_refuses_us_is_there(serve) -> None:
    service, server = serve(), Server(AccessDenied("no right to ask"))
    service.watch(Neighbour.KAFKA, server)
    eventually(lambda: service.up(Neighbour.KAFKA) == 1)
    assert service.health.readiness()[0]


@pytest.mark.rule("P15")
def test_p15_start_in_which_a_neighbour_does_not_answer_is_given_up(serve, clock) -> None:
    service, server = serve(start_timeout_s=0.2), Server()
    server.goes.clear()
    service.watch(Neighbour.KAFKA, server)
    clock.passes(4.0)
    (error,) = eventually(lambda: service.ended)
    assert (error.exit_code, error.neighbour, str(error)) == (
        69,
        Neighbour.KAFKA,
        "expected kafka to answer within 0.2 s, got no answer",
    )
    assert error.remedy == "start the brokers, or set kafka.bootstrap_servers"
    server.goes.set()


REMEDIES = {
    Neighbour.KAFKA: "start the brokers, or set kafka.bootstrap_servers",
    Neighbour.POSTGRES: "start the server, or set database_url",
    Neighbour.VESPA: "start Vespa, or set vespa.url",
}


@pytest.mark.remedy("start the server, or set database_url", "start Vespa, or set vespa.url")
@pytest.mark.parametrize("neighbour", REMEDIES)
@pytest.mark.parametrize("mended", ["started", "another address"])
def test_start_that_was_given_up_succeeds_once_its_remedy_is_carried_out(serve, clock, neighbour, mended) -> None:
    service, server = serve(start_timeout_s=0.2), Server()
    server.goes.clear()
    service.watch(neighbour, server)
    clock.passes(4.0)
    (error,) = eventually(lambda: service.ended)
    assert error.remedy == REMEDIES[neighbour]

    if mended == "started":
        server.goes.set()
    again, asked = serve(start_timeout_s=0.2), server if mended == "started" else Server()
    again.watch(neighbour, asked)
    clock.passes(4.0, asked)
    assert (again.ended, again.up(neighbour), again.health.readiness()[0]) == ([], 1, True)


def test_start_that_is_given_up_ends_with_the_remedy_of_what_failed(serve, clock) -> None:
    service = serve(start_timeout_s=0.2)
    service.watch(Neighbour.POSTGRES, Server(Unreachable("cannot connect", remedy="check host and port")))
    eventually(lambda: service.neighbours._states[Neighbour.POSTGRES].remedy)
    clock.passes(4.0)
    (error,) = eventually(lambda: service.ended)
    assert (str(error), error.remedy) == (
        "expected postgres to answer within 0.2 s, got cannot connect",
        "check host and port",
    )


@pytest.mark.rule("P15")
def test_p15_service_that_was_prepared_once_waits_for_ever(serve, clock) -> None:
    service, lost, other = serve(start_timeout_s=0.01), Server(), Server()
    service.neighbours.prepared()
    service.neighbours.preparing()
    lost.goes.clear()
    service.watch(Neighbour.KAFKA, lost)
    service.watch(Neighbour.POSTGRES, other)
    clock.passes(4.0)
    eventually(lambda: "kafka" in service.reasons())
    answers = other.answers
    eventually(lambda: other.answers > answers + 8, what="some looks")
    assert service.ended == []
    lost.goes.set()


@pytest.mark.rule("P15")
def test_p15_main_thread_that_prepares_is_alive_however_long_a_call_takes(serve) -> None:
    now = [0.0]
    service = serve(health=Health("reader", clock=lambda: now[0]))
    now[0] = 100.0
    eventually(lambda: service.health.liveness()[0])
    service.neighbours.prepared()
    now[0] = 200.0
    server = Server()
    service.watch(Neighbour.KAFKA, server)
    eventually(lambda: server.answers > 4, what="some looks")
    assert not service.health.liveness()[0]


def test_closed_asks_nobody(serve) -> None:
    service, server = serve(), Server()
    with closing(service.neighbours):
        service.watch(Neighbour.KAFKA, server)
        eventually(lambda: server.answers)
    eventually(lambda: not any(thread.name == "ask-kafka" for thread in threading.enumerate()))
