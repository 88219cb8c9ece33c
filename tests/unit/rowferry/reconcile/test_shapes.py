"""What documents must be like follows from the catalog, by rules of the comparison's own."""

from __future__ import annotations

import pytest

from rowferry.reconcile.shapes import Described, Parent, Reference, shapes


def described(name: str, columns: dict[str, str], key: tuple[str, ...] = ("id",), schema: str = "public") -> Described:
    return Described(schema, name, columns, key, tuple(columns), ())


PHOTOS = described("photos", {"id": "int8", "project_id": "int8"})
PROJECTS = described("projects", {"id": "int4"})


def test_declared_reference_to_the_key_names_its_parent() -> None:
    found = shapes([PHOTOS, PROJECTS], [Reference(0, ("project_id",), 1, ("id",))])

    assert found[0].parents == (Parent("project_id", ("project_id",), "projects", ("project_id",)),)


def test_composite_reference_is_spelled_in_the_order_of_the_key() -> None:
    target = described("plans", {"a": "int8", "b": "int8"}, ("a", "b"))
    source = described("sheets", {"id": "int8", "y": "int8", "x": "int8"})

    found = shapes([source, target], [Reference(0, ("y", "x"), 1, ("b", "a"))])

    assert found[0].parents == (Parent("x,y", ("x", "y"), "plans", ("x", "y")),)


def test_reference_to_another_unique_column_has_no_target() -> None:
    target = described("projects", {"id": "int8", "code": "text"})
    source = described("photos", {"id": "int8", "project_code": "text"})

    found = shapes([source, target], [Reference(0, ("project_code",), 1, ("code",))])

    assert found[0].parents == (Parent("project_code", ("project_code",), "projects", None),)


IMPLIED = {
    "plural": ("project_id", "int8", "projects", "projects"),
    "singular": ("staff_id", "int8", "staff", "staff"),
    "ies": ("company_id", "int8", "companies", "companies"),
    "es": ("box_id", "int8", "boxes", "boxes"),
    "text": ("project_id", "text", "projects", None),
    "unlike types": ("project_id", "uuid", "projects", None),
    "unknown type": ("project_id", "numeric", "projects", None),
    "no id": ("project", "int8", "projects", None),
    "id in the middle": ("project_id_old", "int8", "projects", None),
}


@pytest.mark.parametrize(("column", "kind", "target", "parent"), IMPLIED.values(), ids=IMPLIED)
def test_name_implies_a_parent(column: str, kind: str, target: str, parent: str | None) -> None:
    found = shapes([described("photos", {"id": "int8", column: kind}), described(target, {"id": "int4"})], [])

    assert [edge.target for edge in found[0].parents] == ([] if parent is None else [parent])


def test_parent_id_names_its_own_table() -> None:
    found = shapes([described("folders", {"id": "uuid", "parent_id": "uuid"})], [])

    assert found[0].parents == (Parent("parent_id", ("parent_id",), "folders", ("parent_id",)),)


def test_column_with_a_foreign_key_out_of_sight_implies_nothing() -> None:
    assert shapes([PHOTOS, PROJECTS], [Reference(0, ("project_id",), None, ("id",))])[0].parents == ()


def test_column_that_is_the_whole_key_implies_nothing() -> None:
    own = described("details", {"project_id": "int8"}, ("project_id",))

    assert shapes([own, PROJECTS], [])[0].parents == ()


def test_implied_parent_is_of_the_same_schema() -> None:
    assert shapes([PHOTOS, described("projects", {"id": "int8"}, schema="other")], [])[0].parents == ()


NAMES = {
    "public": ("public", "photos", "photos"),
    "another schema": ("audit", "photos", "audit.photos"),
    "separators": ("a.b", "c/d %,e", "a%2Eb.c%2Fd%20%25%2Ce"),
    "other scripts": ("public", "é", "%C3%A9"),
}


@pytest.mark.parametrize(("schema", "name", "called"), NAMES.values(), ids=NAMES)
def test_table_is_called_so_that_its_ids_are_unambiguous(schema: str, name: str, called: str) -> None:
    assert described(name, {"id": "int8"}, schema=schema).called == called
