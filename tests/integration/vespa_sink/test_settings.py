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


def test_rejected_rows_of_a_table_pause_it(feeder, make_sink, faulty_vespa: VespaServer, vespa_namespace) -> None:
    """Five rows are rejected, no tenth comes as the default asks: the breaker opens all the same."""
    faulty_vespa.set_fault(400, match=f"id:{vespa_namespace}:procore_record::rows/", method="POST")
    table = feeder.table("rows")
    sink = make_sink(faulty_vespa.url, breaker__in_a_row="5")
    for row in range(5):
        feeder.put(table, ROW | {"id": row})
    feeder.flush()
    eventually(lambda: sink.metric("rowferry_sink_circuit_open") == 1, what="the breaker to open")
    faulty_vespa.clear_faults()
    index = Index(faulty_vespa.url, vespa_namespace)
    eventually(lambda: all(index.get(f"rows/{row}") for row in range(5)), 150, what="all rows")
    assert feeder.dead_letters(sink.group) == []


def test_rejected_rows_that_are_held_have_a_bound(
    feeder, make_sink, faulty_vespa: VespaServer, vespa_namespace
) -> None:
    """Five rows are held though nothing is final for minutes; two may be, so the others are given up."""
    faulty_vespa.set_fault(400, match=f"id:{vespa_namespace}:procore_record::rows/7", method="POST")
    table = feeder.table("rows")
    sink = make_sink(faulty_vespa.url, breaker__max_held="2")
    for row in (1, 70, 71, 72, 73, 74, 2):
        feeder.put(table, ROW | {"id": row})
    feeder.flush()
    letters = eventually(
        lambda: (found := feeder.dead_letters(sink.group)) and len(found) >= 3 and found, 60, "letters"
    )
    assert all(b"before its time" in (each.header("__connect.errors.exception.message") or b"") for each in letters)


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
    eventually(lambda: all(index.get(f"rows/{row}") for row in range(50)), 150, what="all rows")
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
    eventually(lambda: all(index.get(f"rows/{row}") for row in range(50)), 150, what="all rows")
