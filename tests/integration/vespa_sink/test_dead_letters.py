"""Records that cannot be carried lie in the dead letters, with their reason; the others go on."""

from __future__ import annotations

from tests.integration.vespa_sink.pipeline import Index
from tests.waiting import eventually


def _letters(feeder, sink, count: int):
    return eventually(
        lambda: (found := feeder.dead_letters(sink.group)) and len(found) >= count and found, what=f"{count} letters"
    )


def _header(record, name: str) -> str:
    return (record.header(name) or b"").decode()


def test_record_that_is_no_event_is_dead_lettered_and_the_next_one_indexed(feeder, index, sink) -> None:
    table = feeder.table("rows")
    feeder.raw(table, b"1", b"not an event")
    feeder.raw(table, b"2", None)
    feeder.raw(table, b"4", b"\xc3\x01")
    version = feeder.put(table, {"id": 3, "title": "a", "project_id": 1})
    feeder.flush()
    letters = _letters(feeder, sink, 3)
    eventually(lambda: index.version("rows/3") == version, what="the good row")
    first = next(each for each in letters if each.key == b"1")
    assert first.value == b"not an event"
    assert _header(first, "__connect.errors.topic") == feeder.topics.table(table)
    assert _header(first, "__connect.errors.stage") == "decode"
    assert "expected an event that begins with c301" in _header(first, "__connect.errors.exception.message")
    eventually(
        lambda: {p: o for p, (o, _) in feeder.committed(sink.group, table).items()} == feeder.ends(table),
        what="all offsets committed",
    )


def test_document_larger_than_the_limit_is_dead_lettered_without_its_values_in_the_log(
    feeder, index, make_sink, vespa
) -> None:
    sink = make_sink(vespa.url, vespa__max_document_bytes="20000")
    table = feeder.table("rows")
    feeder.put(table, {"id": 1, "title": "SECRETVALUE" * 3000, "project_id": 1})
    version = feeder.put(table, {"id": 2, "title": "a" * 8000, "project_id": 1})
    feeder.flush()
    (letter,) = _letters(feeder, sink, 1)
    assert letter.key == b"1"
    assert _header(letter, "__connect.errors.stage") == "write"
    assert "expected a document of at most 20000 bytes" in _header(letter, "__connect.errors.exception.message")
    eventually(lambda: index.version("rows/2") == version, what="the other row")
    assert "SECRETVALUE" not in sink.log.read_text()


def test_rejected_document_is_dead_lettered_once_the_index_is_known_to_be_sound(
    feeder, make_sink, faulty_vespa, vespa_namespace
) -> None:
    index = Index(faulty_vespa.url, vespa_namespace)
    sink = make_sink(faulty_vespa.url, breaker__rollout_s="0.3")
    table = feeder.table("rows")
    faulty_vespa.set_fault(400, match=f"id:{vespa_namespace}:procore_record::rows/13")
    versions = {row: feeder.put(table, {"id": row, "title": "a", "project_id": 1}) for row in (12, 13, 14)}
    feeder.flush()
    (letter,) = _letters(feeder, sink, 1)
    assert letter.key == b"13"
    assert "got a rejection: status 400" in _header(letter, "__connect.errors.exception.message")
    eventually(lambda: all(index.version(f"rows/{row}") == versions[row] for row in (12, 14)), what="the others")
    # What would stand in for it has the same id, and is refused as well: nothing waits for that.
    eventually(
        lambda: {p: o for p, (o, _) in feeder.committed(sink.group, table).items()} == feeder.ends(table),
        what="all offsets committed",
    )
    faulty_vespa.clear_faults()
    assert index.get("rows/13") is None
