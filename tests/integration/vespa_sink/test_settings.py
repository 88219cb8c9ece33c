"""Settings of the sink change what it does."""

from __future__ import annotations

import pytest

from tests.integration.vespa_sink.pipeline import Index
from tests.waiting import eventually


def test_mapping_file_and_text_bound_shape_the_documents(feeder, index, make_sink, vespa, tmp_path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("tables:\n  rows:\n    title: [id]\n    project_id: [id]\n    content_text: [title]\n")
    make_sink(vespa.url, mapping_file=str(mapping), max_text_bytes="4")
    table = feeder.table("rows")
    feeder.put(table, {"id": 7, "title": "abcdefgh", "project_id": 1})
    feeder.flush()
    fields = eventually(lambda: index.get("rows/7"), what="the row")
    assert (fields["title"], fields["project_id"], fields["content_text"]) == ("7", 7, "abcd")
    assert fields["metadata"]["title"] == "abcdefgh"


def test_mapping_file_with_a_mistake_ends_the_sink_with_78(make_sink, vespa, tmp_path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("defaults:\n  titel: [id]\n")
    sink = make_sink(vespa.url, mapping_file=str(mapping))
    assert sink.wait() == 78
    assert "mapping.yaml: defaults.titel: expected one of" in sink.log.read_text()


@pytest.mark.parametrize("bound", [{"max_open_records": "4"}, {"max_open_bytes": "2000"}], ids=["records", "bytes"])
def test_partitions_pause_at_the_bound_and_everything_arrives(
    feeder, make_sink, faulty_vespa, vespa_namespace, bound
) -> None:
    index = Index(faulty_vespa.url, vespa_namespace)
    table = feeder.table("rows")
    sink = make_sink(faulty_vespa.url, **bound)
    eventually(lambda: sink.metric("rowferry_consumer_assigned_partitions") == 3, what="partitions")
    faulty_vespa.set_fault(503, match=f"id:{vespa_namespace}:procore_record", method="POST")
    versions = {row: feeder.put(table, {"id": row, "title": "a", "project_id": 1}) for row in range(40)}
    feeder.flush()
    eventually(lambda: sink.metric("rowferry_consumer_paused_partitions") > 0, what="paused partitions")
    faulty_vespa.clear_faults()
    eventually(lambda: all(index.version(f"rows/{row}") == version for row, version in versions.items()), what="rows")
    eventually(lambda: sink.metric("rowferry_consumer_paused_partitions") == 0, what="no paused partitions")


@pytest.mark.parametrize(
    ("options", "limit"),
    [({"vespa__connections": "7"}, 7), ({"vespa__connections": "7", "vespa__max_connections": "1"}, 1)],
    ids=["start", "most"],
)
def test_requests_in_flight_begin_with_the_connections(feeder, index, make_sink, vespa, options, limit) -> None:
    table = feeder.table("rows")
    sink = make_sink(vespa.url, **options)
    feeder.put(table, {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: index.get("rows/1"), what="the row")
    assert sink.metric("rowferry_sink_inflight_limit_operations") == limit


@pytest.mark.parametrize(
    "options",
    [
        {"breaker__in_a_row": "3"},
        {"breaker__in_a_row": "1000", "breaker__ratio": "0.75", "breaker__of_last": "4"},
    ],
    ids=["in a row", "of the last"],
)
def test_breaker_opens_where_its_settings_say(feeder, make_sink, faulty_vespa, vespa_namespace, options) -> None:
    index = Index(faulty_vespa.url, vespa_namespace)
    table = feeder.table("rows")
    # The window is longer than the test: only counting can open the breaker.
    sink = make_sink(faulty_vespa.url, vespa__max_connections="1", breaker__window_s="600", **options)
    eventually(lambda: sink.ready()[0], what="readiness")
    faulty_vespa.set_fault(400, match=f"id:{vespa_namespace}:procore_record", method="POST")
    versions = {row: feeder.put(table, {"id": row, "title": "a", "project_id": 1}) for row in range(20)}
    feeder.flush()
    eventually(lambda: sink.metric("rowferry_sink_circuit_open") == 1, what="the open breaker")
    rejected = {"document_type": "procore_record", "result": "rejected"}
    assert sink.metric("rowferry_sink_operations_total", **rejected) == 3
    faulty_vespa.clear_faults()
    eventually(lambda: all(index.version(f"rows/{row}") == version for row, version in versions.items()), what="rows")
    assert feeder.dead_letters(sink.group) == []


def test_document_types_can_have_other_names(feeder, make_sink, vespa, vespa_namespace) -> None:
    index = Index(vespa.url, vespa_namespace, type="procore_schema")
    table = feeder.table("rows", announce=False)
    # Both types exist; rows written as descriptions of tables are refused for their fields, and nothing is lost.
    sink = make_sink(vespa.url, vespa__record_type="procore_schema", vespa__schema_type="procore_record")
    feeder.announce(table)
    eventually(lambda: "document type procore_record" in sink.ready()[1], what="the reason")
    assert index.get("rows") is None


def test_last_applied_record_is_shown_for_each_partition(feeder, index, sink) -> None:
    table = feeder.table("rows")
    feeder.put(table, {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: index.get("rows/1"), what="the row")
    topic = feeder.topics.table(table)
    name = "rowferry_consumer_last_applied_commit_timestamp_seconds"
    eventually(lambda: sink.metric(name, topic=topic) > 1_700_000_000, what="the time of the last record")
