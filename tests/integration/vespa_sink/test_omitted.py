"""A document says what it lacks: columns that were not carried, and a row that is refused or too large."""

from __future__ import annotations

import json

import pytest

from tests.integration.vespa_sink.proxy import Reply
from tests.waiting import eventually

pytestmark = pytest.mark.rule("P8")

_REFUSAL = {"pathId": "/document/v1/", "message": "Field 'new' is not defined in document type 'procore_record'"}
_REFUSED = Reply(400, json.dumps(_REFUSAL).encode(), {"Content-Type": "application/json"})
_TITLES = {1: "carried", 2: "a" * 20_000, 3: "SECRET"}  # as it should be, too large, refused


def _says(index, row: int) -> tuple[object, object, object]:
    fields = index.get(f"rows/{row}") or {}
    return fields.get("metadata", {}).get("title"), fields.get("omitted"), fields.get("version")


def test_p8_document_says_what_it_lacks_until_it_is_whole_again(feeder, index, make_sink, proxy) -> None:
    proxy.reads = lambda body: _REFUSED if b"SECRET" in body else None
    table = feeder.table("rows")
    sink = make_sink(proxy.url, vespa__max_document_bytes="10000", breaker__rollout_s="0.2")
    for row in _TITLES:
        feeder.put(table, {"id": row, "title": "old", "project_id": 1})
    feeder.flush()
    eventually(lambda: all(_says(index, row)[0] == "old" for row in _TITLES), 150, what="the old rows")
    assert [_says(index, row)[1] for row in _TITLES] == [None] * 3

    lacking = {row: feeder.next_version() + 10 for row in _TITLES}
    feeder.put(table, {"id": 1, "title": None, "project_id": 2}, version=lacking[1], omitted=["title"])
    for row in (2, 3):
        feeder.put(table, {"id": row, "title": _TITLES[row], "project_id": 2}, version=lacking[row])
    feeder.flush()
    eventually(lambda: all(_says(index, row)[0] is None for row in _TITLES), 150, what="documents that lack something")
    assert _says(index, 1) == (None, ["title"], lacking[1])
    assert _says(index, 2) == (None, ["title"], lacking[2] - 1)
    assert _says(index, 3) == (None, ["project_id", "title"], lacking[3] - 1)
    assert (index.get("rows/2") or {})["metadata"] == {"id": "2", "project_id": "2"}
    assert sorted(each.key for each in feeder.dead_letters(sink.group)) == [b"2", b"3"]
    assert index.search('omitted contains "title"') == {"rows/1", "rows/2", "rows/3"}

    # The same records, read again once they can be written; a newer one; a delete, which stays one.
    proxy.reads = lambda body: None
    again = feeder.put(table, {"id": 3, "title": _TITLES[3], "project_id": 2}, version=lacking[3])
    newer = feeder.put(table, {"id": 1, "title": "new", "project_id": 2}, version=lacking[3] + 20)
    gone = feeder.delete(table, 2, version=lacking[3] + 21)
    feeder.flush()
    eventually(lambda: index.version("rows/2") == gone, 150, what="the delete")
    eventually(lambda: _says(index, 1) == ("new", None, newer), 150, what="the newer row")
    eventually(lambda: _says(index, 3) == ("SECRET", None, again), 150, what="the refused row")
    feeder.put(table, {"id": 2, "title": _TITLES[2], "project_id": 2}, version=lacking[2])
    feeder.flush()
    eventually(
        lambda: {p: o for p, (o, _) in feeder.committed(sink.group, table).items()} == feeder.ends(table),
        60,
        what="all offsets committed",
    )
    assert (index.get("rows/2") or {}).keys() == {"deleted", "version", "expire_at"}
