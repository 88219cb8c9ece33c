"""Truncates and sweeps: everything below the floor leaves the index, nothing else does (rule V4)."""

from __future__ import annotations

from tests.integration.vespa_sink.pipeline import Index
from tests.waiting import eventually


def _of(index: Index, table: str) -> set[str]:
    return index.search(f'source_table contains "{table}"')


def test_v4_floor_removes_what_is_below_it_and_nothing_else(feeder, index, sink) -> None:
    rfis = feeder.table("rfis_floor")
    other = feeder.table("rfis_floor_other")
    for row_id in range(1, 41):
        feeder.put(rfis, {"id": row_id, "title": "old", "project_id": 1})
    feeder.put(other, {"id": 1, "title": "of another table", "project_id": 1})
    floor = feeder.next_version()
    feeder.floor(rfis, floor)
    for row_id in (1, 50):
        feeder.put(rfis, {"id": row_id, "title": "new", "project_id": 1})
    feeder.flush()
    eventually(lambda: _of(index, "rfis_floor") == {"rfis_floor/1", "rfis_floor/50"}, what="only rows above the floor")
    assert index.get("rfis_floor/1")["title"] == "new"
    assert index.get("rfis_floor_other/1")["title"] == "of another table"
    assert index.get("rfis_floor/2") is None


def test_v4_row_above_the_floor_survives_although_it_came_before(feeder, index, sink) -> None:
    table = feeder.table("kept")
    above = feeder.next_version() + 10_000_000
    feeder.put(table, {"id": 1, "title": "above", "project_id": 1}, version=above)
    feeder.put(table, {"id": 2, "title": "below", "project_id": 1})
    feeder.floor(table, above, op="s")
    feeder.flush()
    eventually(lambda: index.version("kept/1") == above, what="the row above")
    eventually(lambda: sink.metric("rowferry_sink_swept_documents_total") >= 1, what="the sweep")
    eventually(lambda: index.get("kept/2") is None, what="the row below to be gone")
    assert index.version("kept/1") == above


def test_v4_offset_of_a_floor_is_committed_and_pages_go_on_until_none_is_left(feeder, index, make_sink, vespa) -> None:
    table = feeder.table("paged")
    for row_id in range(900):
        feeder.put(table, {"id": row_id, "title": "x", "project_id": 1})
    feeder.floor(table, feeder.next_version())
    feeder.flush()
    sink = make_sink(vespa.url, vespa__timeout_s="0.5")
    eventually(
        lambda: {p: o for p, (o, _) in feeder.committed(sink.group, table).items()} == feeder.ends(table),
        what="the floor's offset to be committed",
    )
    assert _of(index, "paged") == set()
    assert sink.metric("rowferry_sink_swept_documents_total") == 900


def test_v4_floor_waits_while_the_search_does_not_answer(feeder, make_sink, faulty_vespa, vespa_namespace) -> None:
    index = Index(faulty_vespa.url, vespa_namespace)
    table = feeder.table("waits")
    sink = make_sink(faulty_vespa.url)
    older = feeder.put(table, {"id": 1, "title": "old", "project_id": 1})
    feeder.flush()
    eventually(lambda: index.get("waits/1"), what="the row")
    faulty_vespa.set_fault(503, match="/search/")
    feeder.floor(table, feeder.next_version())
    newer = feeder.put(table, {"id": 1, "title": "new", "project_id": 1})
    feeder.flush()
    eventually(lambda: "removing what is gone of waits" in sink.ready()[1], what="the reason")
    assert index.version("waits/1") == older
    faulty_vespa.clear_faults()
    eventually(lambda: index.version("waits/1") == newer, what="the row after the floor")
    eventually(lambda: sink.ready()[0], what="readiness")
