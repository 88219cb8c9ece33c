"""A schema is rolled out over containers behind one address: some know a field, others refuse it (rule V13)."""

from __future__ import annotations

import json
import random

import pytest

from tests.integration.vespa_sink.proxy import Proxy, Reply
from tests.waiting import eventually

_REFUSAL = {"pathId": "/document/v1/", "message": "Field 'new' is not defined in document type 'procore_record'"}
_OLD = Reply(400, json.dumps(_REFUSAL).encode(), {"Content-Type": "application/json"})


def _old_containers(proxy: Proxy, share: float) -> None:
    """So many of the answers about rows come from containers that have the old schema; probes are asked there too."""
    chosen = random.Random(7)
    proxy.front = lambda method, path: (
        _OLD if method == "POST" and "/procore_record/" in path and chosen.random() < share else None
    )


@pytest.mark.rule("V13")
@pytest.mark.parametrize("share", [0.2, 0.5])
def test_v13_rollout_over_several_containers_loses_no_row(feeder, index, make_sink, proxy, share: float) -> None:
    table = feeder.table("rows")
    sink = make_sink(proxy.url)
    eventually(lambda: sink.ready()[0], what="readiness")
    _old_containers(proxy, share)
    versions = {row: feeder.put(table, {"id": row, "title": "a", "project_id": 1}) for row in range(200)}
    feeder.flush()
    eventually(
        lambda: {p: o for p, (o, _) in feeder.committed(sink.group, table).items()} == feeder.ends(table),
        120,
        what="all offsets committed",
    )
    assert {row: index.version(f"rows/{row}") for row in versions} == versions
    assert feeder.dead_letters(sink.group) == []
    assert sink.metric("rowferry_sink_operations_total", result="rejected") > 10


@pytest.mark.rule("V13")
def test_v13_bad_row_holds_up_its_own_offset_alone(feeder, index, make_sink, proxy) -> None:
    table = feeder.table("rows")
    sink = make_sink(proxy.url)
    proxy.front = lambda method, path: _OLD if path.partition("?")[0].endswith("/rows%2F7") else None
    feeder.put(table, {"id": 7, "title": "bad", "project_id": 1})
    versions = {row: feeder.put(table, {"id": row, "title": "a", "project_id": 1}) for row in range(10, 60)}
    feeder.flush()
    eventually(lambda: all(index.version(f"rows/{row}") == each for row, each in versions.items()), what="the others")
    eventually(
        lambda: sink.metric("rowferry_sink_held_documents", document_type="procore_record") == 1, what="one held"
    )
    below = feeder.next_version()
    feeder.floor(table, below)
    later = feeder.put(table, {"id": 8, "title": "later", "project_id": 1})
    feeder.flush()
    eventually(lambda: index.version("rows/8") == later, 120, what="a row behind the floor")
    eventually(
        lambda: {p: o for p, (o, _) in feeder.committed(sink.group, table).items()} == feeder.ends(table),
        120,
        what="all offsets, since the floor ends the bad row",
    )
    assert feeder.dead_letters(sink.group) == []
