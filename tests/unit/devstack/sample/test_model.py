"""How relationships and file columns are told from a description."""

from __future__ import annotations

import pytest

from devstack.sample.model import Column, ForeignKey, Relationship, Table, file_columns, relationships

TARGETS = (
    Table("rfis", "", 1, (Column("id", "bigint"),)),
    Table("companies", "", 1, (Column("id", "smallint"),)),
    Table("boxes", "", 1, (Column("id", "uuid"),)),
    Table("equipment", "", 1, (Column("tag", "text"),), primary_key=("tag",)),
    Table("pairs", "", 1, (Column("a", "bigint"), Column("b", "bigint")), primary_key=("a", "b")),
)

CASES = {
    "plural": (Column("rfi_id", "bigint"), "rfis"),
    "plural in ies": (Column("company_id", "smallint"), "companies"),
    "plural in es": (Column("box_id", "uuid"), "boxes"),
    "same word": (Column("equipment_id", "varchar(20)"), "equipment"),
    "other integer width": (Column("company_id", "bigint"), "companies"),
    "own table": (Column("parent_id", "integer"), "subjects"),
    "other type": (Column("rfi_id", "uuid"), None),
    "parent of another type": (Column("parent_id", "uuid"), None),
    "composite key": (Column("pair_id", "bigint"), None),
    "no such table": (Column("procore_id", "bigint"), None),
    "other name": (Column("rfi", "bigint"), None),
}


@pytest.mark.parametrize(("column", "target"), CASES.values(), ids=CASES)
def test_name_and_type_imply_a_relationship(column: Column, target: str | None) -> None:
    subject = Table("subjects", "", 1, (Column("id", "bigint"), column))
    expected = [Relationship("subjects", (column.name,), target, declared=False)] if target else []
    assert relationships([*TARGETS, subject]) == expected


def test_declared_reference_counts_once() -> None:
    subject = Table("subjects", "", 1, (Column("id", "bigint"), Column("rfi_id", "bigint", target="rfis")))
    assert relationships([*TARGETS, subject]) == [Relationship("subjects", ("rfi_id",), "rfis", declared=True)]


def test_composite_reference_counts_once() -> None:
    columns = (Column("id", "bigint"), Column("rfi_id", "bigint"), Column("b", "bigint"))
    subject = Table("subjects", "", 1, columns, composite_references=(ForeignKey(("rfi_id", "b"), "pairs"),))
    assert relationships([*TARGETS, subject]) == [Relationship("subjects", ("rfi_id", "b"), "pairs", declared=True)]


def test_column_that_is_the_whole_key_is_no_relationship() -> None:
    subject = Table("subjects", "", 1, (Column("rfi_id", "bigint"),), primary_key=("rfi_id",))
    assert relationships([*TARGETS, subject]) == []


FILES = {
    "bare key": (Column("s3_key", "text"), "s3_key"),
    "named key": (Column("pdf_s3_key", "varchar(300)"), "s3_key"),
    "bare link": (Column("url", "text"), "url"),
    "named link": (Column("file_url", "text"), "url"),
    "map": (Column("photo_s3_keys", "jsonb"), "jsonb_s3_map"),
    "map as json": (Column("photo_s3_key_map", "json"), "jsonb_s3_map"),
    "key as number": (Column("s3_key", "bigint"), None),
    "map as text": (Column("photo_s3_keys", "text"), None),
    "other name": (Column("curl", "text"), None),
}


@pytest.mark.parametrize(("column", "kind"), FILES.values(), ids=FILES)
def test_name_and_type_tell_a_file_column(column: Column, kind: str | None) -> None:
    expected = [("subjects", column.name, kind)] if kind else []
    assert file_columns([Table("subjects", "", 1, (column,))]) == expected
