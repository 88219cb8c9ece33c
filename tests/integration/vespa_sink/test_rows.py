"""Rows and tables become documents, and only newer versions replace older ones."""

from __future__ import annotations

import time

from schemas.avro_types import ColumnType
from schemas.tables import Relationship
from tests.integration.vespa_sink.pipeline import COLUMNS
from tests.waiting import eventually


def test_insert_update_and_delete_reach_the_index(feeder, index, sink) -> None:
    table = feeder.table("rfis")
    version = feeder.put(table, {"id": 17, "title": "Slab pour", "project_id": 3})
    feeder.flush()
    fields = eventually(lambda: index.get("rfis/17"), what="the inserted row")
    assert (fields["doc_id"], fields["source_table"], fields["source_id"]) == ("rfis/17", "rfis", "17")
    assert (fields["title"], fields["project_id"], fields["version"]) == ("Slab pour", 3, version)
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
    eventually(lambda: sink.metric("rowferry_sink_end_to_end_latency_seconds_count") >= 3, what="three latencies")


def test_v2_tombstone_alone_deletes_the_row(feeder, index, sink) -> None:
    table = feeder.table("rfis")
    version = feeder.put(table, {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: index.version("rfis/1") == version, what="the row")
    feeder.tombstone(table, 1, version + 5)
    feeder.flush()
    eventually(lambda: index.version("rfis/1") == version + 5, what="the delete")
    assert index.get("rfis/1")["deleted"] is True
    assert index.search('source_table contains "rfis"') == set()


def test_v3_older_versions_lose_against_rows_and_deletes(feeder, index, sink) -> None:
    table = feeder.table("rfis")
    feeder.put(table, {"id": 1, "title": "newest", "project_id": 1}, version=2000)
    feeder.delete(table, 2, version=2000)
    feeder.flush()
    eventually(lambda: (index.version("rfis/1"), index.version("rfis/2")) == (2000, 2000), what="both")
    for row_id in (1, 2):
        feeder.put(table, {"id": row_id, "title": "old", "project_id": 1}, version=1000)
    feeder.delete(table, 1, version=1500)
    last = feeder.put(table, {"id": 3, "title": "last of partition", "project_id": 1})
    other = feeder.put(table, {"id": 4, "title": "last of the other", "project_id": 1})
    feeder.flush()
    eventually(lambda: (index.version("rfis/3"), index.version("rfis/4")) == (last, other), what="the last ones")
    eventually(
        lambda: sink.metric("rowferry_sink_operations_total", result="superseded") >= 2, what="superseded operations"
    )
    assert index.get("rfis/1")["title"] == "newest"
    assert index.get("rfis/2")["deleted"] is True


def test_composite_and_odd_keys_and_texts_that_vespa_refuses_are_carried(feeder, index, sink) -> None:
    columns = (ColumnType("id", "text", 25, "text"), ColumnType("note", "text", 25, "text"))
    table = feeder.table("odd", columns)
    feeder.put(table, {"id": "a/b c,d%æ", "note": "bell\x07 and \ufffe"})
    feeder.flush()
    fields = eventually(lambda: index.get("odd/a%2Fb%20c%2Cd%25%C3%A6"), what="the odd row")
    assert fields["metadata"] == {"id": "a/b c,d%æ", "note": "bell\ufffd and \ufffd"}
    assert sink.metric("rowferry_sink_replaced_code_points_total") == 2


def test_row_refers_to_its_parent_by_document_id(feeder, index, sink) -> None:
    feeder.table("projects")
    edge = Relationship("out", "project_id", "public.projects", "id", "belongs_to", declared=True)
    rfis = feeder.table("rfis", relationships=(edge,))
    feeder.put(rfis, {"id": 1, "title": "a", "project_id": 7})
    feeder.flush()
    fields = eventually(lambda: index.get("rfis/1"), what="the row")
    assert fields["relationships"] == [
        {
            "rel_type": "belongs_to",
            "direction": "out",
            "fk_column": "project_id",
            "target_table": "projects",
            "target_id": "7",
            "target_doc_id": "projects/7",
        }
    ]
    assert fields["parent_ids"] == ["projects/7"]
    assert index.search('parent_ids contains "projects/7"') == {"rfis/1"}


def test_table_entry_becomes_a_schema_document_and_goes_with_its_table(feeder, index, sink) -> None:
    table = feeder.table("rfis", description="Requests for information")
    fields = eventually(lambda: index.get("rfis", "procore_schema"), what="the table's document")
    assert fields["table_description"] == "Requests for information"
    assert [column["name"] for column in fields["columns"]] == ["id", "title", "project_id"]
    assert fields["prefix"] == feeder.kafka.prefix
    gone = feeder.announce(table, COLUMNS, deleted=True)
    eventually(
        lambda: index.get("rfis", "procore_schema").get("deleted") is True,
        what="the table's memory",
    )
    assert index.get("rfis", "procore_schema")["version"] == gone.version


def test_column_added_later_is_in_the_documents_types(feeder, index, sink) -> None:
    table = feeder.table("rfis")
    feeder.put(table, {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: index.get("rfis/1"), what="the row")
    wider = (*COLUMNS, ColumnType("status", "text", 25, "text"))
    feeder.table("rfis", wider)
    feeder.put(table, {"id": 1, "title": "a", "project_id": 1, "status": "open"}, op="u")
    feeder.flush()
    eventually(lambda: "status" in index.get("rfis/1")["metadata"], what="the column")
    fields = index.get("rfis/1")
    assert fields["column_types"]["status"] == "text"
    assert "open" in fields["content_text"]
