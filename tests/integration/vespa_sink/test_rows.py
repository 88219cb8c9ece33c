"""Rows become documents, and only newer versions replace older ones."""

from __future__ import annotations

import time

from tests.waiting import eventually


def test_insert_update_and_delete_reach_the_index(feeder, index, sink) -> None:
    table = feeder.table("rfis")
    version = feeder.put(table, {"id": 17, "title": "Slab pour", "project_id": 3})
    feeder.flush()
    fields = eventually(lambda: index.get("rfis/17"), what="the inserted row")
    assert {
        name: fields[name] for name in ("doc_id", "source_table", "source_id", "title", "project_id", "version")
    } == {
        "doc_id": "rfis/17",
        "source_table": "rfis",
        "source_id": "17",
        "title": "Slab pour",
        "project_id": 3,
        "version": version,
    }
    assert fields["metadata"] == {"id": "17", "title": "Slab pour", "project_id": "3"}

    newer = feeder.put(table, {"id": 17, "title": "Slab poured", "project_id": None}, op="u")
    feeder.flush()
    eventually(lambda: index.version("rfis/17") == newer, what="the updated row")
    fields = index.get("rfis/17")
    assert fields is not None
    assert fields["metadata"] == {"id": "17", "title": "Slab poured"}
    assert "project_id" not in fields

    gone = feeder.delete(table, 17)
    feeder.flush()
    eventually(lambda: index.version("rfis/17") == gone, what="the deleted row")
    memory = index.get("rfis/17")
    assert memory is not None
    assert memory.keys() == {"deleted", "version", "expire_at"}
    assert memory["deleted"] is True
    assert abs(memory["expire_at"] - (time.time() + 7 * 24 * 3600)) < 120
