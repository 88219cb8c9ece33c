from __future__ import annotations

from tests.unit.vespa_sink.entries import RFIS, entry
from vespa_sink.documents.schema import Pipeline, schema_fields


def test_entry_becomes_a_whole_document() -> None:
    fields = schema_fields(RFIS, Pipeline("procore", "cdc"), 1_700_000_000_000)
    columns = fields.pop("columns")
    assert columns[0] == {"name": "id", "pg_type": "bigint", "nullable": True, "primary_key": True, "ordinal": 1}
    assert len(columns) == 9
    types = fields.pop("column_types")
    assert types["status"] == "character varying(20)"
    assert fields == {
        "table_name": "rfis",
        "foreign_keys": [
            {
                "fk_column": "project_id",
                "target_table": "projects",
                "target_column": "id",
                "rel_type": "belongs_to",
                "direction": "out",
                "declared": True,
            },
            {
                "fk_column": "rfi_id",
                "target_table": "replies",
                "target_column": "id",
                "rel_type": "has_many",
                "direction": "in",
                "declared": False,
            },
        ],
        "file_columns": [{"column": "pdf_url", "kind": "url", "pattern": "*_url"}],
        "primary_key": ["id"],
        "row_estimate": 0,
        "capture": "replication: it has a primary key",
        "schema_version": 5,
        "updated_at": 1_700_000_000_000,
        "version": 5,
        "deleted": False,
        "namespace": "procore",
        "prefix": "cdc",
        "table_description": "Requests for information",
    }


def test_table_outside_public_carries_its_schema() -> None:
    assert schema_fields(entry(schema="crm"), Pipeline("procore", "cdc"), 0)["table_name"] == "crm.rfis"
