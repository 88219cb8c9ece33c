from __future__ import annotations

from cdc_runtime.metrics import Metrics
from vespa_sink.metrics import SinkMetrics


def test_circuit_is_open_until_the_last_breaker_closes() -> None:
    registered = Metrics("vespa-sink", "1")
    metrics = SinkMetrics(registered, "group")
    seen = []
    for name, is_open in (("rows", True), ("files", True), ("rows", False), ("files", False)):
        metrics.circuit(name, is_open=is_open)
        seen.append(registered.registry.get_sample_value("rowferry_sink_circuit_open"))
    assert seen == [1, 1, 1, 0]
