"""The probes and what they depend on, over real HTTP."""

from __future__ import annotations

import http.client
import json
import socket

import pytest

from cdc_runtime.health import Health, HealthServer
from cdc_runtime.metrics import READER_LEADER, Metrics
from cdc_runtime.settings.models import HttpSettings
from cdc_runtime.subjects import KAFKA, VESPA
from schemas.errors import SettingsError


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def health(clock):
    return Health("sample", clock=clock)


@pytest.fixture
def metrics():
    return Metrics("sample", "1.2.3")


@pytest.fixture
def get(health, metrics):
    with HealthServer(HttpSettings(host="127.0.0.1", port=0), health, metrics.registry) as server:

        def request(path: str, method: str = "GET") -> tuple[int, str]:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            try:
                connection.request(method, path)
                response = connection.getresponse()
                return response.status, response.read().decode()
            finally:
                connection.close()

        yield request


def test_startup_waits_for_the_first_attempt(get, health):
    assert get("/startupz") == (503, "starting\n")
    health.started()
    assert get("/startupz") == (200, "started\n")


def test_liveness_needs_a_tick_within_a_minute(get, health, clock):
    health.tick()
    clock.now += 59
    assert get("/livez") == (200, "alive\n")
    clock.now += 2
    assert get("/livez") == (503, "the main loop has stood still for 61 s, 60 s are allowed\n")
    health.tick()
    assert get("/livez")[0] == 200


def test_liveness_does_not_depend_on_readiness(get, health):
    health.not_ready("no answer", KAFKA)
    assert get("/livez")[0] == 200


def test_readiness_names_every_reason(get, health):
    assert get("/readyz") == (503, "service: starting\n")
    health.not_ready("no answer", KAFKA)
    health.ready()
    assert get("/readyz") == (503, "kafka: no answer\n")
    health.not_ready("no answer", VESPA)
    assert get("/readyz") == (503, "kafka: no answer; vespa: no answer\n")
    health.ready(KAFKA)
    health.ready(VESPA)
    assert get("/readyz") == (200, "ready\n")


def test_status_shows_the_details(get, health):
    health.detail("role", lambda: "standby")
    health.ready()
    status, body = get("/statusz")
    assert status == 200
    assert json.loads(body) == {
        "service": "sample",
        "started": False,
        "live": True,
        "ready": True,
        "reasons": {},
        "tick_age_s": 0.0,
        "role": "standby",
    }


def test_metrics_are_served_in_prometheus_format(get, metrics):
    metrics.gauge(READER_LEADER).labels("rowferry").set(1)
    status, body = get("/metrics")
    assert status == 200
    assert 'rowferry_reader_leader{slot="rowferry"} 1.0\n' in body
    assert 'rowferry_build_info{service="sample",version="1.2.3"} 1.0\n' in body


def test_another_path_says_what_there_is(get):
    assert get("/") == (404, "expected one of /startupz, /livez, /readyz, /statusz, /metrics\n")


def test_a_head_request_has_no_body(get):
    assert get("/livez", "HEAD") == (200, "")


@pytest.mark.remedy("set http.port to another port, or to 0 for a free one")
def test_a_taken_port_is_a_settings_error(health, metrics):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError) as caught:
            HealthServer(HttpSettings(host="127.0.0.1", port=port), health, metrics.registry)
    assert str(caught.value) == (
        f"expected a free address for http.host and http.port, got address already in use at 127.0.0.1:{port}"
    )
    assert caught.value.remedy == "set http.port to another port, or to 0 for a free one"
    for other in (0, free_port()):
        with HealthServer(HttpSettings(host="127.0.0.1", port=other), health, metrics.registry) as server:
            assert other in (0, server.port)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
