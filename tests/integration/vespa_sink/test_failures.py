"""Answers that are no success: everything ends in the index all the same, and nothing in the dead letters."""

from __future__ import annotations

import pytest

from tests.integration.vespa_sink.pipeline import Index
from tests.waiting import eventually

FAULTS = {
    "429 now and then": {"status": 429, "count": 30},
    "503 for a while": {"status": 503, "count": 12},
    "500 for a while": {"status": 500, "count": 12},
    "504 although applied": {"status": 504, "count": 12, "applied": True},
    "reply lost after the write": {"lose_reply": True, "count": 12},
}


@pytest.fixture
def index(faulty_vespa, vespa_namespace) -> Index:
    return Index(faulty_vespa.url, vespa_namespace)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_every_row_arrives_although_writes_fail(feeder, make_sink, faulty_vespa, index, fault) -> None:
    table = feeder.table("rows")
    sink = make_sink(faulty_vespa.url)
    eventually(lambda: sink.ready()[0], what="readiness")
    faulty_vespa.set_fault(match=f"id:{index.namespace}:procore_record", method="POST", **fault)
    versions = {}
    for row_id in range(60):
        versions[row_id] = feeder.put(table, {"id": row_id, "title": "a", "project_id": 1})
    for row_id in range(0, 60, 3):
        versions[row_id] = feeder.delete(table, row_id)
    feeder.flush()
    eventually(lambda: all(index.version(f"rows/{row}") == version for row, version in versions.items()), what="all")
    eventually(
        lambda: {p: o for p, (o, _) in feeder.committed(sink.group, table).items()} == feeder.ends(table),
        what="all offsets committed",
    )
    assert sum(each["hits"] for each in faulty_vespa.faults()) >= fault["count"]
    assert feeder.dead_letters(sink.group) == []


def test_full_index_is_waited_for_and_said(feeder, make_sink, faulty_vespa, index) -> None:
    table = feeder.table("rows")
    sink = make_sink(faulty_vespa.url)
    eventually(lambda: sink.ready()[0], what="readiness")
    faulty_vespa.set_fault(507, match=f"id:{index.namespace}:procore_record", method="POST", count=3)
    version = feeder.put(table, {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: sink.metric("rowferry_sink_retries_total", reason="full") >= 1, what="a retry for a full index")
    assert index.version("rows/1") is None
    faulty_vespa.clear_faults()
    eventually(lambda: index.version("rows/1") == version, what="the row")


def test_outage_makes_the_sink_unready_and_ends_by_itself(feeder, make_sink, faulty_vespa, index) -> None:
    table = feeder.table("rows")
    sink = make_sink(faulty_vespa.url)
    feeder.put(table, {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: index.get("rows/1"), what="the first row")
    faulty_vespa.set_fault(503)
    version = feeder.put(table, {"id": 1, "title": "b", "project_id": 1})
    feeder.flush()
    eventually(lambda: "to take writes, got status 503" in sink.ready()[1], what="the reason")
    assert feeder.committed(sink.group, table) != feeder.ends(table)
    faulty_vespa.clear_faults()
    eventually(lambda: index.version("rows/1") == version, what="the row")
    eventually(lambda: sink.ready()[0], what="readiness")


def test_v3_delete_that_vespa_ignores_is_followed_by_a_remove(feeder, make_sink, index, own_vespa, tmp_path) -> None:
    import shutil

    package = tmp_path / "application"
    shutil.copytree(own_vespa.application, package)
    services = package / "services.xml"
    old = "procore_record.expire_at == null or procore_record.expire_at &gt; now()"
    assert old in services.read_text()
    services.write_text(services.read_text().replace(old, "procore_record.expire_at == null"))
    own_vespa.restart(package)
    index.url = own_vespa.url
    table = feeder.table("rows")
    sink = make_sink(own_vespa.url)
    feeder.put(table, {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: index.get("rows/1"), what="the row")
    feeder.delete(table, 1)
    feeder.flush()
    eventually(lambda: index.get("rows/1") is None, what="the row to be gone")
    assert sink.metric("rowferry_sink_operations_total", operation="delete", result="ignored") >= 1
