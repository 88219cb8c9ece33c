from __future__ import annotations

from typing import Any

from schemas.names import TableName
from schemas.tables import FileColumn, Relationship
from tests.unit.vespa_sink.entries import RFIS, column, entry
from vespa_sink.documents.record import RowIdentity, Shape, record_plan

ROW = {
    "id": "17",
    "title": "Slab pour",
    "question": "When?",
    "status": "open",
    "project_id": "3",
    "pdf_url": "https://me:pw@files/a/plan%20b.pdf?Signature=x",
    "settings": '{"a": 1}',
    "created_at": "2024-02-29 12:30:15",
    "updated_at": "2024-02-29 12:30:15.5+00",
}


def _fields(table: Any, row: dict[str, str], keys: dict[str, tuple[str, ...]] | None = None, **shape: Any) -> Any:
    known = {TableName.parse(name): key for name, key in (keys or {}).items()}
    plan = record_plan(table, Shape(**{"namespace": "procore", **shape}), known.get)
    return plan.fields(RowIdentity(b"17", 99, 2), row, 1_700_000_000_000)


def test_row_becomes_a_whole_document() -> None:
    fields, replaced = _fields(RFIS, ROW, {"public.projects": ("id",)})
    assert replaced == 0
    assert fields == {
        "doc_id": "rfis/17",
        "namespace": "procore",
        "source_table": "rfis",
        "source_id": "17",
        "version": 99,
        "source_partition": 2,
        "deleted": False,
        "ingested_at": 1_700_000_000_000,
        "metadata": ROW,
        "column_types": {
            "id": "bigint",
            "title": "text",
            "question": "text",
            "status": "character varying(20)",
            "project_id": "bigint",
            "pdf_url": "text",
            "settings": "jsonb",
            "created_at": "timestamp without time zone",
            "updated_at": "timestamp with time zone",
        },
        "table_description": "Requests for information",
        "title": "Slab pour",
        "content_text": "Slab pour\nWhen?\nopen",
        "project_id": 3,
        "created_at": 1_709_209_815_000,
        "updated_at": 1_709_209_815_500,
        "relationships": [
            {
                "rel_type": "belongs_to",
                "direction": "out",
                "fk_column": "project_id",
                "target_table": "projects",
                "target_id": "3",
                "target_doc_id": "projects/3",
            }
        ],
        "parent_ids": ["projects/3"],
        "edge_keys": ["belongs_to:projects/3"],
        "omitted": [],
        "file_references": [
            {
                "column": "pdf_url",
                "kind": "url",
                "key": "https://files/a/plan%20b.pdf",
                "file_name": "plan b.pdf",
                "file_id": "rfis/17/pdf_url",
                "relationship_type": "pdf",
            }
        ],
    }


def test_nulls_leave_fields_out() -> None:
    fields, _ = _fields(RFIS, {"id": "17", "title": ""})
    assert fields["metadata"] == {"id": "17", "title": ""}
    assert not fields.keys() & {
        "title",
        "content_text",
        "project_id",
        "created_at",
        "updated_at",
        "relationships",
        "parent_ids",
        "edge_keys",
        "file_references",
    }


def test_values_that_no_long_holds_are_only_in_the_metadata() -> None:
    row = {"id": "17", "project_id": "P-3", "created_at": "infinity", "updated_at": "0044-03-15 00:00:00 BC"}
    fields, _ = _fields(RFIS, row)
    assert not fields.keys() & {"project_id", "created_at", "updated_at"}
    assert fields["metadata"] == row


def test_composite_reference_follows_the_order_of_the_targets_key() -> None:
    edge = Relationship("out", "a,b", "crm.pairs", "x,y", "belongs_to", declared=True)
    table = entry(columns=(column("id"), column("a"), column("b")), relationships=(edge,))
    fields, _ = _fields(table, {"id": "17", "a": "1 2", "b": "3"}, {"crm.pairs": ("y", "x")})
    assert fields["parent_ids"] == ["crm.pairs/3,1%202"]
    assert fields["relationships"][0]["fk_column"] == "a,b"


def test_half_a_composite_reference_is_none() -> None:
    edge = Relationship("out", "a,b", "public.pairs", "x,y", "belongs_to", declared=True)
    table = entry(columns=(column("id"), column("a"), column("b")), relationships=(edge,))
    fields, _ = _fields(table, {"id": "17", "a": "1"})
    assert "relationships" not in fields


def test_reference_to_something_else_than_the_key_names_no_document() -> None:
    edge = Relationship("out", "project_code", "public.projects", "code", "belongs_to", declared=True)
    table = entry(columns=(column("id"), column("project_code")), relationships=(edge,))
    fields, _ = _fields(table, {"id": "17", "project_code": "A"}, {"public.projects": ("id",)})
    assert fields["relationships"] == [
        {"rel_type": "belongs_to", "direction": "out", "fk_column": "project_code", "target_table": "projects"}
    ]
    assert "parent_ids" not in fields


def test_two_references_to_one_parent_make_one_parent_id() -> None:
    edges = tuple(
        Relationship("out", name, "public.people", "id", "belongs_to", declared=True) for name in ("author", "reader")
    )
    table = entry(columns=(column("id"), column("author"), column("reader")), relationships=edges)
    fields, _ = _fields(table, {"id": "17", "author": "5", "reader": "5"})
    assert len(fields["relationships"]) == 2
    assert (fields["parent_ids"], fields["edge_keys"]) == (["people/5"], ["belongs_to:people/5"])


def test_illegal_code_points_are_replaced_in_texts_but_not_in_ids() -> None:
    table = entry(
        columns=(column("id"), column("title"), column("a_s3_keys", "jsonb")),
        file_columns=(FileColumn("a_s3_keys", "jsonb_s3_map", "*_s3_keys"),),
    )
    fields, replaced = _fields(table, {"id": "17", "title": "a\x01b", "a_s3_keys": '{"x\\u0001": "k\\u0001.pdf"}'})
    assert replaced == 1
    assert (fields["title"], fields["metadata"]["title"]) == ("a\ufffdb", "a\ufffdb")
    assert fields["file_references"][0]["file_id"] == "rfis/17/a_s3_keys/x%01"
    assert fields["file_references"][0]["key"] == "k\ufffd.pdf"


def test_text_is_bounded_and_the_metadata_whole() -> None:
    fields, _ = _fields(RFIS, {"id": "17", "question": "x" * 100}, max_text_bytes=10)
    assert fields["content_text"] == "x" * 10
    assert fields["metadata"]["question"] == "x" * 100


def test_table_outside_public_carries_its_schema() -> None:
    fields, _ = _fields(entry(schema="crm", columns=(column("id"),)), {"id": "17"}, namespace="other")
    assert (fields["doc_id"], fields["source_table"], fields["namespace"]) == ("crm.rfis/17", "crm.rfis", "other")


def test_number_is_no_time_whatever_its_digits_look_like() -> None:
    epoch = entry(columns=(column("id", "bigint", primary_key=True), column("created_at", "bigint")))
    fields, _ = _fields(epoch, {"id": "1", "created_at": "1712123112000"})
    assert (fields["metadata"]["created_at"], fields.get("created_at")) == ("1712123112000", None)
