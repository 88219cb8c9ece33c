"""The doctor's judgement of rights on tables is the reader's: a table is read through its root."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cdc_reader.discovery.catalog_rows import RelationRow, TableRow
from cdc_reader.discovery.forbidden_tables import with_forbidden
from rowferry.doctor.findings import Verdict
from tests.unit.cdc_reader.discovery.catalogs import catalog, publication, relation, table
from tests.unit.rowferry.doctor.test_checks import database


def lacking(**more: Any) -> TableRow:
    return table(1, "photos", {"id": "bigint"}, **more)


CLOSED = tuple(dataclasses.replace(column, readable=False) for column in lacking().relation.columns)
GRANT = 'GRANT SELECT ON "public"."photos" TO "rowferry";'
BELOW = {"id": "bigint"}
JUDGED_BY_THE_READER = {
    "select": (lacking(columns=CLOSED), "rights.select", GRANT),
    "usage": (lacking(schema_open=False), "rights.select", f'GRANT USAGE ON SCHEMA "public" TO "rowferry";\n{GRANT}'),
    "row security": (lacking(rows_hidden=True), "rights.row_security", 'ALTER ROLE "rowferry" BYPASSRLS;'),
    "select on the root": (
        lacking(kind="p", columns=CLOSED, leaves=(relation(2, "leaf", BELOW),)),
        "rights.select",
        GRANT,
    ),
}
READ_THROUGH_THE_ROOT = {
    "select on the leaf": relation(2, "leaf", BELOW, columns=CLOSED),
    "usage of the leaf's schema": relation(2, "leaf", BELOW, schema_open=False),
    "row security of the leaf": relation(2, "leaf", BELOW, rows_hidden=True),
}


@pytest.mark.parametrize(("found", "check", "remedy"), JUDGED_BY_THE_READER.values(), ids=JUDGED_BY_THE_READER)
def test_right_that_the_reader_lacks_has_the_same_remedy(found: TableRow, check: str, remedy: str) -> None:
    """The doctor's catalog is the reader's, and so is its judgement: `why_forbidden`."""
    published = publication(*((each.oid, each.name.name) for each in found.published))
    finding = database(catalog(found, publication=published))[check]
    [judged] = with_forbidden(catalog(found, publication=published)).tables

    assert (finding.status, finding.remedy, finding.sql) == (Verdict.FAILED, remedy, True)
    assert judged.set_aside is not None
    assert judged.set_aside.remedy == remedy


@pytest.mark.parametrize("leaf", READ_THROUGH_THE_ROOT.values(), ids=READ_THROUGH_THE_ROOT)
def test_leaf_that_is_read_through_its_root_needs_no_right(leaf: RelationRow) -> None:
    found = catalog(lacking(kind="p", leaves=(leaf,)), publication=publication((2, "leaf")))

    failed = {name for name, each in database(found).items() if each.status is Verdict.FAILED}
    assert failed == set()
    assert with_forbidden(found) == found
