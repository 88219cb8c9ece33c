"""Rule D1: which definitions are the same, and which are not, by the marks of their relations."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cdc_reader.discovery.catalog_rows import AttributeRow, RelationRow, TableRow
from cdc_reader.discovery.fingerprints import (
    CHANGED,
    LEAF_GONE,
    MADE_AGAIN,
    Definition,
    definition,
    former_fingerprint,
    is_same,
    leaves_added,
    marks,
    why_other,
)
from schemas.names import TableName
from tests.unit.cdc_reader.discovery.catalogs import relation, table

COLUMNS = {"id": "bigint", "name": "text"}
BASE = table(7, "photos", COLUMNS)
ATTRIBUTES = BASE.relation.attributes
DROPPED = AttributeRow(3, "........pg.dropped.3........", 0, -1, False, True, "", "700")


def column(**changes: Any) -> dict[str, Any]:
    """The relation with another second column."""
    return {"attributes": (ATTRIBUTES[0], dataclasses.replace(ATTRIBUTES[1], **changes))}


def changed(**changes: Any) -> TableRow:
    return dataclasses.replace(BASE, relation=dataclasses.replace(BASE.relation, **changes))


def reason(before: TableRow, now: TableRow) -> str | None:
    return why_other(now.oid, marks(before), marks(now))


OTHER: dict[str, dict[str, Any]] = {
    "another replica identity": {"replica_identity": "f"},
    "a parent": {"parents": (3,)},
    "detached and attached again": {"attached": ("801",)},
    "column dropped": {"attributes": (*ATTRIBUTES, DROPPED)},
    "column renamed": column(name="title"),
    "column retyped": column(type_oid=1043),
    "length of a type": column(typmod=54),
    "column generated": column(generated="s"),
    "column rewritten": {**column(xmin="801"), "file": 9},
}
SAME: dict[str, dict[str, Any]] = {
    "another xmin: statistics, a default, a grant": column(xmin="801"),
    "NOT NULL": column(xmin="801", not_null=True),
    "another file: VACUUM FULL, CLUSTER, TRUNCATE": {"file": 9},
    "analyzed": {"row_estimate": 99},
    "its own name, by which it is known": {"name": TableName("public", "pictures")},
}


@pytest.mark.rule("D1")
@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_d1_what_gives_rows_another_meaning_is_another_definition(change: dict[str, Any]) -> None:
    assert reason(BASE, changed(**change)) == CHANGED
    assert not is_same(7, definition(BASE), definition(changed(**change)))


@pytest.mark.rule("D1")
@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_d1_what_leaves_rows_as_they_are_is_the_same_definition(change: dict[str, Any]) -> None:
    assert reason(BASE, changed(**change)) is None
    assert is_same(7, definition(BASE), definition(changed(**change)))


@pytest.mark.rule("D1")
def test_d1_table_of_another_oid_is_another_table() -> None:
    assert reason(BASE, table(8, "photos", COLUMNS)) == MADE_AGAIN


@pytest.mark.rule("D1")
def test_d1_other_labels_are_no_same_definition() -> None:
    assert not is_same(7, Definition("f", ("label open",)), Definition("f", ("label opened",)))


@pytest.mark.rule("D1")
def test_d1_former_fingerprint_stays_what_it_is_from_release_to_release() -> None:
    """Another value for the same table would have every table read again by an upgrade.

    It is the SHA-256 of [[7,"public","photos","d",[],[[1,"id",20,-1,false,false,"","700"],
    [2,"name",25,-1,false,false,"","700"]]]] (on one line), cut to 128 bits.
    """
    assert former_fingerprint(BASE) == "8e492d8523d94e75abd42d7a9247c06b"


@pytest.mark.rule("D1")
def test_d1_marks_stay_what_they_are_from_release_to_release() -> None:
    """Of the SHA-256 of ["d",[],[[1,"id",20,-1,false,""],[2,"name",25,-1,false,""]]] 64 bits, as many of that of
    [[1,"700"],[2,"700"]], and the file.
    """
    assert marks(changed(file=16390)) == {7: "0169bc64aab347b1:ccd25670b2fe9e78:16390"}


# Leaves


def events(*leaves: RelationRow) -> TableRow:
    return table(1, "events", COLUMNS, kind="p", leaves=leaves)


FIRST, SECOND = relation(2, "events_1", COLUMNS), relation(3, "events_2", COLUMNS)


@pytest.mark.rule("D3")
def test_d3_leaf_that_came_is_told_and_no_reason_by_itself() -> None:
    before, now = marks(events(FIRST)), marks(events(FIRST, SECOND))
    assert (why_other(1, before, now), leaves_added(before, now)) == (None, {3})
    assert not is_same(1, definition(events(FIRST)), definition(events(FIRST, SECOND))), "no sweep before it is read"


@pytest.mark.rule("D3")
def test_d3_leaf_that_is_gone_took_its_rows_along() -> None:
    before, now = marks(events(FIRST, SECOND)), marks(events(FIRST))
    assert (why_other(1, before, now), leaves_added(before, now)) == (LEAF_GONE, set())


@pytest.mark.rule("D3")
def test_d3_leaf_that_was_rewritten_is_its_root_s() -> None:
    rewritten = dataclasses.replace(
        SECOND, file=9, attributes=tuple(dataclasses.replace(each, xmin="801") for each in SECOND.attributes)
    )
    assert reason(events(FIRST, SECOND), events(FIRST, rewritten)) == CHANGED


@pytest.mark.rule("D3")
def test_d3_order_of_leaves_is_none() -> None:
    assert definition(events(FIRST, SECOND)) == definition(events(SECOND, FIRST))
