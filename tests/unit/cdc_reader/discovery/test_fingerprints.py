"""Rule D1: the fingerprint changes with every change of definition that may send nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cdc_reader.discovery.catalog_rows import AttributeRow
from cdc_reader.discovery.fingerprints import fingerprint
from schemas.names import TableName
from tests.unit.cdc_reader.discovery.catalogs import relation, table

COLUMNS = {"id": "bigint", "name": "text"}
BASE = table(7, "photos", COLUMNS)
ATTRIBUTES = BASE.relation.attributes
DROPPED = AttributeRow(3, "........pg.dropped.3........", 0, -1, False, True, "", "700")

CHANGES: dict[str, dict[str, Any]] = {
    "created again": {"oid": 8},
    "renamed": {"name": TableName("public", "pictures")},
    "moved": {"name": TableName("other", "photos")},
    "another replica identity": {"replica_identity": "f"},
    "a parent": {"parents": (3,)},
    "column dropped": {"attributes": (*ATTRIBUTES, DROPPED)},
    "column renamed": {"attributes": (ATTRIBUTES[0], dataclasses.replace(ATTRIBUTES[1], name="title"))},
    "column retyped": {"attributes": (ATTRIBUTES[0], dataclasses.replace(ATTRIBUTES[1], type_oid=1043))},
    "column rewritten": {"attributes": (ATTRIBUTES[0], dataclasses.replace(ATTRIBUTES[1], xmin="801"))},
}


@pytest.mark.rule("D1")
def test_d1_fingerprint_stays_what_it_is_from_release_to_release() -> None:
    """Another value for the same table would have every table snapshotted again by an upgrade.

    It is the SHA-256 of [[7,"public","photos","d",[],[[1,"id",20,-1,false,false,"","700"],
    [2,"name",25,-1,false,false,"","700"]]]] (on one line), cut to 128 bits.
    """
    assert fingerprint(BASE) == "8e492d8523d94e75abd42d7a9247c06b"


@pytest.mark.rule("D1")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_d1_change_of_definition_changes_the_fingerprint(change: dict[str, Any]) -> None:
    changed = dataclasses.replace(BASE, relation=dataclasses.replace(BASE.relation, **change))

    assert fingerprint(changed) != fingerprint(BASE)


@pytest.mark.rule("D1")
def test_d1_what_vacuum_and_analyze_change_keeps_the_fingerprint() -> None:
    analyzed = dataclasses.replace(BASE, relation=dataclasses.replace(BASE.relation, row_estimate=99))

    assert fingerprint(analyzed) == fingerprint(BASE)


@pytest.mark.rule("D3")
def test_d3_attached_partition_changes_the_fingerprint_of_its_root() -> None:
    one, two = relation(2, "events_1", COLUMNS), relation(3, "events_2", COLUMNS)

    before = fingerprint(table(1, "events", COLUMNS, kind="p", leaves=(one,)))
    after = fingerprint(table(1, "events", COLUMNS, kind="p", leaves=(one, two)))
    other_order = fingerprint(table(1, "events", COLUMNS, kind="p", leaves=(two, one)))

    assert before != after
    assert after == other_order
