"""A table's entry holds what consumers need to know of it."""

from __future__ import annotations

from dataclasses import replace

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
        types=("label 1.700 open",),
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
            types=("label 1.700 open",),
            catalog_mark="e7d8e891d97ca3ea",
            key_kinds=("integer",),
            key_numbers=(1,),
        )
    ]


def test_column_of_a_domain_tells_what_is_under_it_and_holds_files_as_that() -> None:
    under = replace(column(2, "plan_s3_key", "text"), type="s3path", type_oid=70_000, base_type="text")
    papers = table(7, "papers", {"id": "bigint"}, columns=(column(1, "id", "bigint"), under))
    [entry] = table_entries(catalog(papers), source="", version=1, topic_of=lambda name: TopicPlan("", 1))
    plain, of_domain = entry.columns
    assert (plain.base_type, plain.base_type_oid) == (None, None)
    assert (of_domain.type_oid, of_domain.base_type, of_domain.base_type_oid) == (70_000, "text", 25)
    assert entry.file_columns == (FileColumn("plan_s3_key", "s3_key", "*_s3_key"),)


def test_rows_of_a_partitioned_table_are_those_of_its_leaves() -> None:
    leaves = tuple(
        relation(oid, f"events_{oid}", {"id": "bigint"}, row_estimate=rows) for oid, rows in ((2, 40), (3, -1))
    )
    events = table(1, "events", {"id": "bigint"}, kind="p", leaves=leaves, row_estimate=-1)

    [entry] = table_entries(catalog(events), source="s", version=1, topic_of=lambda name: TopicPlan("t", 1))

    assert entry.row_estimate == 40
