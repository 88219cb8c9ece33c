"""The catalogue of metrics keeps its own rules, and the factory follows it."""

from __future__ import annotations

import re

import pytest
from prometheus_client import generate_latest

from cdc_runtime.metrics import CATALOGUE, SINK_END_TO_END, SINK_OPERATIONS, Metrics, metrics_reference

UNITS = ("_seconds", "_bytes", "_records", "_rows", "_partitions", "_operations", "_downloads", "_references")
UNITS += ("_documents", "_total", "_info")
STATES = ("_leader", "_connected", "_active", "_open", "_state", "_up", "_streamed")


@pytest.mark.parametrize("definition", CATALOGUE, ids=lambda d: d.name)
def test_names_follow_the_rules_of_prometheus(definition):
    assert re.fullmatch(r"rowferry_[a-z0-9_]+", definition.name)
    assert definition.name.endswith("_total") == (definition.type == "counter")
    assert definition.name.endswith(UNITS + STATES)
    assert definition.help.endswith(".")
    assert not {"table", "partition"} <= set(definition.labels)
    assert bool(definition.buckets) == (definition.type == "histogram")
    assert list(definition.buckets) == sorted(definition.buckets)


def test_names_are_unique():
    assert len({definition.name for definition in CATALOGUE}) == len(CATALOGUE)


def test_every_metric_can_be_made_and_is_shown():
    metrics = Metrics("sample", "1")
    for definition in CATALOGUE:
        if definition.type != "info":
            kind = {"counter": metrics.counter, "gauge": metrics.gauge, "histogram": metrics.histogram}
            kind[definition.type](definition)
    shown = generate_latest(metrics.registry).decode()
    for definition in CATALOGUE:
        assert f"# TYPE {definition.name} " in shown


def test_a_metric_is_made_once():
    metrics = Metrics("sample", "1")
    labels = ("procore_record", "put", "ok")
    metrics.counter(SINK_OPERATIONS).labels(*labels).inc()
    metrics.counter(SINK_OPERATIONS).labels(*labels).inc()
    name = "rowferry_sink_operations_total"
    sample = {"document_type": "procore_record", "operation": "put", "result": "ok"}
    assert metrics.registry.get_sample_value(name, sample) == 2


def test_known_labels_are_shown_as_zero_from_the_start():
    metrics = Metrics("sample", "1")
    metrics.preset(SINK_OPERATIONS, [("procore_record", "put", "ok")])
    assert (
        'rowferry_sink_operations_total{document_type="procore_record",operation="put",result="ok"} 0.0'
        in generate_latest(metrics.registry).decode()
    )


def test_a_metric_used_as_another_type_is_refused():
    with pytest.raises(TypeError, match="rowferry_sink_end_to_end_latency_seconds to be used as a histogram"):
        Metrics("sample", "1").counter(SINK_END_TO_END)


def test_the_reference_has_a_row_per_metric():
    rows = metrics_reference().splitlines()
    assert len(rows) == len(CATALOGUE) + 2
    assert "| `rowferry_reader_leader` | gauge | slot | 1 while this process holds the slot, 0 on standby. |" in rows
