"""The inventory has the keys of the contract, as JSON values and as Markdown."""

from __future__ import annotations

from datetime import UTC, datetime

from cdc_reader.discovery.catalog_rows import ForeignKeyRow
from cdc_reader.discovery.selection import Selection
from rowferry.discover.facts import Contents, Counted
from rowferry.discover.inventory import inventory
from rowferry.discover.markdown import markdown
from tests.unit.cdc_reader.discovery.catalogs import catalog, column, table

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PHOTOS = table(
    1,
    "photos",
    {},
    columns=(
        column(1, "id", "bigint"),
        column(2, "project_id", "bigint"),
        column(3, "s3_key", "text", default="''::text", description="a|b"),
    ),
    description="all photos",
)
EVENTS = table(2, "sync_events", {"id": "bigint"})
CATALOG = catalog(
    PHOTOS, EVENTS, table(3, "projects", {"id": "bigint"}), keys=(ForeignKeyRow("fk", 1, ("project_id",), 3, ("id",)),)
)
CONTENTS = Contents({}, counted={PHOTOS.name: Counted(5, {"s3_key": 4})})


def test_inventory_has_the_keys_of_the_contract() -> None:
    found = inventory(CATALOG, Selection.of(), CONTENTS, host="db", now=NOW)

    assert found["discovery_timestamp"] == "2026-11-21T12:00:00+00:00"
    assert (found["database_name"], found["database_host"]) == ("procore", "db")
    assert [schema["name"] for schema in found["schemas"]] == ["public"]
    assert found["schemas"][0]["tables"][0] == {
        "name": "photos",
        "row_count": 5,
        "row_count_source": "exact",
        "error": None,
        "columns": [
            {
                "name": name,
                "data_type": kind,
                "is_nullable": True,
                "default_value": default,
                "max_length": None,
                "description": description,
            }
            for name, kind, default, description in (
                ("id", "bigint", None, None),
                ("project_id", "bigint", None, None),
                ("s3_key", "text", "''::text", "a|b"),
            )
        ],
        "timestamp_columns": [],
        "file_reference_columns": [
            {
                "column_name": "s3_key",
                "reference_type": "s3_key",
                "pattern": "*_s3_key",
                "found_by": "name",
                "sampled_values": None,
                "estimated_file_count": 4,
            }
        ],
        "kind": "table",
        "description": "all photos",
        "primary_key": ["id"],
        "capture": {"mode": "replication", "reason": "primary key is the replica identity"},
        "warnings": [],
    }
    assert found["relationships"] == [
        {
            "source_table": "photos",
            "source_column": "project_id",
            "target_table": "projects",
            "target_column": "id",
            "declared": True,
            "confidence": 1.0,
        }
    ]
    assert found["file_references_summary"] == {
        "total_columns": 1,
        "tables_with_files": 1,
        "estimated_file_count": 4,
    }


def test_table_that_is_not_selected_says_so() -> None:
    found = inventory(CATALOG, Selection.of(), CONTENTS, host="db", now=NOW)

    assert found["schemas"][0]["tables"][1]["capture"] == {"mode": "none", "reason": "excluded by the settings"}


def test_nothing_is_counted_without_statistics() -> None:
    found = inventory(CATALOG, Selection.of(), Contents(), host="db", now=NOW)

    assert found["schemas"][0]["tables"][0]["row_count"] is None
    assert found["file_references_summary"]["estimated_file_count"] is None
    assert "samples" not in found["schemas"][0]["tables"][0]


def test_long_texts_are_cut_in_samples() -> None:
    contents = Contents(first_rows={PHOTOS.name: [{"id": 1, "s3_key": "x" * 501}]})

    found = inventory(CATALOG, Selection.of(), contents, host="db", now=NOW)

    assert found["schemas"][0]["tables"][0]["samples"] == [{"id": 1, "s3_key": "x" * 500 + "…"}]


def test_length_of_a_varying_text_is_told() -> None:
    name = column(1, "id", "text")
    short = type(name)(1, "id", "character varying(40)", 1043, 1043, 44, not_null=True)
    found = inventory(catalog(table(1, "t", {}, columns=(short,))), Selection.of(), Contents(), host="db", now=NOW)

    assert found["schemas"][0]["tables"][0]["columns"][0]["max_length"] == 40


def test_markdown_tells_the_same() -> None:
    text = markdown(
        inventory(
            catalog(PHOTOS),
            Selection.of(),
            Contents({}, counted=CONTENTS.counted, first_rows={PHOTOS.name: [{"id": 1, "s3_key": "k"}]}),
            host="db",
            now=NOW,
        )
    )

    assert text == (
        "# Database procore\n\n"
        "Read from db at 2026-11-21T12:00:00+00:00:\n"
        "1 tables, 0 relationships, 1 file columns in 1 tables.\n\n"
        "| table | rows | columns | captured by | why |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| public.photos | 5 | 3 | replication | primary key is the replica identity |\n\n"
        "## public.photos\n\n"
        "all photos\n\n"
        "A table; primary key: id;\n"
        "timestamp columns: none.\n\n"
        "| column | type | null | default | files | description |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| id | bigint | yes |  |  |  |\n"
        "| project_id | bigint | yes |  |  |  |\n"
        "| s3_key | text | yes | ''::text | s3_key | a\\|b |\n\n"
        "First rows:\n\n"
        "| id | s3_key |\n"
        "| --- | --- |\n"
        "| 1 | k |\n\n"
        "## Relationships\n\n"
        "| table | column | refers to | column | declared | confidence |\n"
        "| --- | --- | --- | --- | --- | --- |\n\n"
    )


def test_markdown_tells_estimates_and_warnings_as_such() -> None:
    keyless = table(4, "notes", {"body": "text"}, key="", row_estimate=1234)

    text = markdown(inventory(catalog(keyless), Selection.of(), Contents({}), host="db", now=NOW))

    assert "| public.notes | ~1,234 | 1 | none |" in text
    assert "* **no_primary_key**: has no primary key: its rows cannot be told apart\n  (ALTER TABLE" in text
