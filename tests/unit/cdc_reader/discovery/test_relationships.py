"""Relationships follow from foreign keys and from `*_id` names, and are told from both ends."""

from __future__ import annotations

import pytest

from cdc_reader.discovery.catalog_rows import ForeignKeyRow, TableRow
from cdc_reader.discovery.relationships import Edge, edges, relationships
from schemas.names import TableName
from schemas.tables import Relationship
from tests.unit.cdc_reader.discovery.catalogs import catalog, table

PROJECTS = TableName("public", "projects")
PHOTOS = TableName("public", "photos")


def test_declared_relationship_is_told_from_both_ends() -> None:
    found = relationships(
        catalog(
            table(1, "photos", {"id": "bigint", "owner": "bigint"}),
            table(2, "projects", {"id": "bigint"}),
            keys=(ForeignKeyRow("fk", 1, ("owner",), 2, ("id",)),),
        )
    )

    assert found == {
        PHOTOS: (Relationship("out", "owner", "public.projects", "id", "belongs_to", True),),
        PROJECTS: (Relationship("in", "owner", "public.photos", "id", "has_many", True),),
    }


IMPLIED = {
    "same name": ("project_id", "bigint", "project", "project"),
    "plural": ("project_id", "bigint", "projects", "projects"),
    "plural of y": ("company_id", "bigint", "companies", "companies"),
    "plural in es": ("address_id", "bigint", "addresses", "addresses"),
    "another integer width": ("project_id", "integer", "projects", "projects"),
    "text for a number": ("project_id", "text", "projects", None),
    "no such table": ("projekt_id", "bigint", "projects", None),
    "not an id": ("project", "bigint", "projects", None),
}


@pytest.mark.parametrize(("name", "kind", "target", "expected"), IMPLIED.values(), ids=IMPLIED)
def test_name_of_a_column_implies_its_target(name: str, kind: str, target: str, expected: str | None) -> None:
    found = edges(catalog(table(1, "photos", {"id": "bigint", name: kind}), table(2, target, {"id": "bigint"})))

    targets = [edge.target.name for edge in found]
    assert targets == ([] if expected is None else [expected])


def test_first_table_of_the_order_that_fits_is_the_target() -> None:
    found = edges(
        catalog(
            table(1, "photos", {"id": "bigint", "project_id": "bigint"}),
            table(2, "project", {"id": "text"}),
            table(3, "projectes", {"id": "bigint"}),
            table(4, "projects", {"id": "bigint"}),
        )
    )

    assert found == (Edge(PHOTOS, ("project_id",), PROJECTS, ("id",), declared=False, confidence=0.7),)


def test_parent_id_refers_to_its_own_table() -> None:
    found = edges(catalog(table(1, "projects", {"id": "bigint", "parent_id": "bigint"})))

    assert found == (Edge(PROJECTS, ("parent_id",), PROJECTS, ("id",), declared=False, confidence=0.8),)


PROJECT = table(2, "projects", {"id": "bigint"})
CONFIDENCES = {
    "the one table, its id, of the very type": ("bigint", (PROJECT,), 0.9),
    "key called as the column": ("bigint", (table(2, "projects", {"project_id": "bigint"}, key="project_id"),), 0.9),
    "another width": ("integer", (PROJECT,), 0.8),
    "key of another name": ("bigint", (table(2, "projects", {"number": "bigint"}, key="number"),), 0.7),
    "two tables of that name": ("bigint", (PROJECT, table(3, "project", {"id": "bigint"})), 0.7),
    "all of it": (
        "integer",
        (table(2, "projects", {"no": "bigint"}, key="no"), table(3, "project", {"no": "bigint"}, key="no")),
        0.4,
    ),
}


@pytest.mark.parametrize(("kind", "targets", "confidence"), CONFIDENCES.values(), ids=CONFIDENCES)
def test_confidence_falls_with_each_doubt(kind: str, targets: tuple[TableRow, ...], confidence: float) -> None:
    [edge] = edges(catalog(table(1, "photos", {"id": "bigint", "project_id": kind}), *targets))

    assert (edge.declared, edge.confidence) == (False, confidence)


def test_declared_relationship_is_certain() -> None:
    key = ForeignKeyRow("fk", 1, ("project_id",), 2, ("id",))

    [edge] = edges(catalog(table(1, "photos", {"id": "bigint", "project_id": "integer"}), PROJECT, keys=(key,)))

    assert (edge.declared, edge.confidence) == (True, 1.0)


def test_column_that_is_the_whole_primary_key_refers_to_nothing() -> None:
    assert (
        edges(
            catalog(
                table(1, "photos", {"project_id": "bigint"}, key="project_id"),
                table(2, "projects", {"id": "bigint"}),
            )
        )
        == ()
    )


def test_column_with_a_foreign_key_elsewhere_implies_nothing() -> None:
    """The key's target is not selected: the name must not be taken for another table's."""
    assert (
        edges(
            catalog(
                table(1, "photos", {"id": "bigint", "project_id": "bigint"}),
                table(2, "projects", {"id": "bigint"}),
                keys=(ForeignKeyRow("fk", 1, ("project_id",), 99, ("id",)),),
            )
        )
        == ()
    )


def test_target_with_a_composite_key_is_not_implied() -> None:
    assert (
        edges(
            catalog(
                table(1, "photos", {"id": "bigint", "project_id": "bigint"}),
                table(2, "projects", {"id": "bigint", "part": "bigint"}, key="id,part"),
            )
        )
        == ()
    )


def test_composite_foreign_key_is_told_in_the_order_of_the_target_key() -> None:
    found = relationships(
        catalog(
            table(1, "photos", {"id": "bigint", "b_no": "bigint", "a_no": "bigint"}),
            table(2, "projects", {"a": "bigint", "b": "bigint"}, key="a,b"),
            keys=(ForeignKeyRow("fk", 1, ("b_no", "a_no"), 2, ("b", "a")),),
        )
    )

    assert found[PHOTOS] == (Relationship("out", "a_no,b_no", "public.projects", "a,b", "belongs_to", True),)
