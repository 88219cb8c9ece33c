"""A table's entry holds what consumers need to know of it."""

from __future__ import annotations

from cdc_reader.discovery.entries import TopicPlan, table_entries
from cdc_reader.discovery.fingerprints import fingerprint
from schemas.tables import Capture, Column, FileColumn, Relationship, TableEntry
from tests.unit.cdc_reader.discovery.catalogs import catalog, column, relation, table


def test_entry_describes_the_table_whole() -> None:
    photos = table(
        7,
        "photos",
        {"id": "bigint", "parent_id": "integer"},
        columns=(
            column(1, "id", "bigint"),
            column(3, "parent_id", "integer", default="0", description="the album"),
            column(4, "image_url", "text", generated="s"),
        ),
        description="all photos",
    )

    entries = table_entries(
        catalog(photos), source="rowferry", version=5, topic_of=lambda name: TopicPlan(f"cdc.{name}", 3)
    )

    assert entries == [
        TableEntry(
            version=5,
            source="rowferry",
            database="procore",
            schema="public",
            table="photos",
            oid=7,
            topic="cdc.public.photos",
            partitions=3,
            columns=(
                Column("id", "bigint", 20, -1, nullable=True, ordinal=1, primary_key=True),
                Column("parent_id", "integer", 23, -1, True, 2, default="0", description="the album"),
                Column("image_url", "text", 25, -1, True, 3, generated=True),
            ),
            primary_key=("id",),
            capture=Capture("replication", "primary key is the replica identity"),
            description="all photos",
            row_estimate=10,
            relationships=(
                Relationship("out", "parent_id", "public.photos", "id", "belongs_to", False),
                Relationship("in", "parent_id", "public.photos", "id", "has_many", False),
            ),
            file_columns=(FileColumn("image_url", "url", "*_url"),),
            fingerprint=fingerprint(photos),
            key_kinds=("integer",),
        )
    ]


def test_rows_of_a_partitioned_table_are_those_of_its_leaves() -> None:
    leaves = tuple(
        relation(oid, f"events_{oid}", {"id": "bigint"}, row_estimate=rows) for oid, rows in ((2, 40), (3, -1))
    )
    events = table(1, "events", {"id": "bigint"}, kind="p", leaves=leaves, row_estimate=-1)

    [entry] = table_entries(catalog(events), source="s", version=1, topic_of=lambda name: TopicPlan("t", 1))

    assert entry.row_estimate == 40
