"""What settings of the sink do that no other test turns: each is changed, and its effect is seen from outside."""

from __future__ import annotations

from devstack.vespa import VespaServer
from tests.integration.vespa_sink.pipeline import Index
from tests.waiting import eventually

ROW = {"id": 1, "title": "a title of the row", "project_id": 7}


def test_mapping_file_says_what_becomes_the_title(feeder, index, make_sink, vespa, tmp_path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("tables:\n  rows:\n    title: project_id\n")
    make_sink(vespa.url, mapping_file=str(mapping))
    feeder.put(feeder.table("rows"), ROW)
    feeder.flush()
    assert eventually(lambda: index.get("rows/1"), what="the row")["title"] == "7"


def test_searchable_text_is_bounded(feeder, index, make_sink, vespa) -> None:
    make_sink(vespa.url, max_text_bytes="7")
    feeder.put(feeder.table("rows"), ROW)
    feeder.flush()
    document = eventually(lambda: index.get("rows/1"), what="the row")
    assert (document["content_text"], document["metadata"]["title"]) == ("a title", "a title of the row")


def test_requests_in_flight_begin_as_set(feeder, index, make_sink, vespa) -> None:
    sink = make_sink(vespa.url, vespa__connections="7")
    feeder.put(feeder.table("rows"), ROW)
    feeder.flush()
    eventually(lambda: index.get("rows/1"), what="the row")
    assert sink.metric("rowferry_sink_inflight_limit_operations") == 7


def test_requests_in_flight_are_bounded(feeder, index, make_sink, vespa) -> None:
    sink = make_sink(vespa.url, vespa__connections="64", vespa__max_connections="5")
    feeder.put(feeder.table("rows"), ROW)
    feeder.flush()
    eventually(lambda: index.get("rows/1"), what="the row")
    assert sink.metric("rowferry_sink_inflight_limit_operations") == 5


def test_rejections_in_a_row_pause_the_sink(feeder, make_sink, faulty_vespa: VespaServer, vespa_namespace) -> None:
    assert _paused_after_five(
        feeder, make_sink, faulty_vespa, vespa_namespace, breaker__in_a_row="5", breaker__of_last="1000"
    )


def test_rejections_among_the_last_answers_pause_the_sink(
    feeder, make_sink, faulty_vespa: VespaServer, vespa_namespace
) -> None:
    assert _paused_after_five(
        feeder, make_sink, faulty_vespa, vespa_namespace, breaker__in_a_row="1000", breaker__of_last="5"
    )


def _paused_after_five(feeder, make_sink, server: VespaServer, namespace: str, **breaker: str) -> bool:
    """Five rows are rejected, no tenth or fifteenth comes as the defaults ask: the breaker opens all the same."""
    server.set_fault(400, match=f"id:{namespace}:procore_record::", method="POST")
    table = feeder.table("rows")
    sink = make_sink(server.url, breaker__ratio="1", breaker__window_s="30", **breaker)
    for row in range(5):
        feeder.put(table, ROW | {"id": row})
    feeder.flush()
    eventually(lambda: sink.metric("rowferry_sink_circuit_open") == 1, what="the breaker to open")
    server.clear_faults()
    index = Index(server.url, namespace)
    eventually(lambda: all(index.get(f"rows/{row}") for row in range(5)), 60, what="all rows")
    return feeder.dead_letters(sink.group) == []


def test_open_bytes_pause_the_reading(feeder, make_sink, faulty_vespa: VespaServer, vespa_namespace) -> None:
    index = Index(faulty_vespa.url, vespa_namespace)
    faulty_vespa.set_fault(503, match=f"id:{vespa_namespace}:procore_record::rows/")
    table = feeder.table("rows")
    sink = make_sink(faulty_vespa.url, max_open_bytes="1000")
    for row in range(50):
        feeder.put(table, ROW | {"id": row})
    feeder.flush()
    eventually(lambda: sink.metric("rowferry_consumer_paused_partitions") > 0, what="paused partitions")
    faulty_vespa.clear_faults()
    eventually(lambda: all(index.get(f"rows/{row}") for row in range(50)), 60, what="all rows")
    eventually(lambda: sink.metric("rowferry_consumer_paused_partitions") == 0, what="reading again")


def test_partitions_are_given_up_within_the_time_set(
    feeder, make_sink, faulty_vespa: VespaServer, vespa_namespace
) -> None:
    faulty_vespa.set_fault(503, match=f"id:{vespa_namespace}:procore_record::rows/")
    table = feeder.table("rows")
    first = make_sink(faulty_vespa.url, revoke_timeout_s="0.1")
    for row in range(50):
        feeder.put(table, ROW | {"id": row})
    feeder.flush()
    eventually(lambda: first.metric("rowferry_sink_retries_total") > 0, what="writes that wait")
    second = make_sink(faulty_vespa.url)
    eventually(lambda: second.ready()[0] is not None, what="the second member")
    eventually(lambda: second.metric("rowferry_consumer_assigned_partitions") > 0, 9.5, what="partitions to move")
    faulty_vespa.clear_faults()
    index = Index(faulty_vespa.url, vespa_namespace)
    eventually(lambda: all(index.get(f"rows/{row}") for row in range(50)), 60, what="all rows")
