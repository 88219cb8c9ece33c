"""Each service has a port of its own for health and metrics, so that probes and Prometheus know it beforehand."""

from __future__ import annotations

import pytest

from cdc_reader.settings import ReaderSettings
from cdc_runtime.settings.models import ServiceSettings, load
from file_fetcher.settings import FetcherSettings
from vespa_sink.settings import SinkSettings

PORTS: dict[type[ServiceSettings], int] = {ReaderSettings: 8081, SinkSettings: 8082, FetcherSettings: 8083}


@pytest.mark.parametrize(("model", "port"), PORTS.items(), ids=lambda item: getattr(item, "__name__", str(item)))
def test_the_port_is_that_of_the_service_unless_it_is_set(model: type[ServiceSettings], port: int):
    assert load(model, [], environ={}).http.port == port
    assert load(model, ["--http.host", "127.0.0.1"], environ={}).http.port == port
    assert load(model, [], environ={"ROWFERRY_HTTP__PORT": "0"}).http.port == 0
