"""A table says why it is not captured, or only in part, with what mends it."""

from __future__ import annotations

import pytest

from cdc_reader.discovery.catalog_rows import KeyIndex, TableRow
from cdc_reader.discovery.selection import Selection
from rowferry.discover.facts import ColumnSample, Contents, TableSample
from rowferry.discover.file_columns import file_columns
from rowferry.discover.judged import capture_told, judged
from rowferry.discover.warnings import LARGE_BYTES, warnings_of
from tests.unit.cdc_reader.discovery.catalogs import catalog, column, publication, relation, table

KINDS = {"id": "bigint", "place": "text", "photo_url": "text"}
UNREADABLE = tuple(column(at, name, kind, readable=False) for at, (name, kind) in enumerate(KINDS.items(), 1))
ALL = Selection.of()


def codes(row: TableRow, contents: Contents | None = None) -> list[str]:
    contents = contents or Contents({})
    [row] = judged(catalog(row)).tables
    return [each.code for each in warnings_of(row, capture_told(row, ALL), file_columns(row, contents), contents)]


CASES = {
    "replicated": (table(1, "t", KINDS), []),
    "no key": (table(1, "t", KINDS, key=""), ["no_primary_key"]),
    "nothing names its rows": (table(1, "t", KINDS, replica_identity="n"), ["identity_missing"]),
    "deferrable key": (table(1, "t", KINDS, primary_key=KeyIndex(("id",), immediate=False)), ["identity_missing"]),
    "unlogged": (table(1, "t", KINDS, persistence="u"), ["unlogged"]),
    "view": (table(1, "t", KINDS, key="", kind="v"), ["not_streamed"]),
    "partition elsewhere": (
        table(1, "t", KINDS, kind="p", leaves=(relation(2, "p", KINDS, kind="f"),)),
        ["not_streamed"],
    ),
    "no right": (table(1, "t", KINDS, columns=UNREADABLE), ["forbidden"]),
    "hidden rows": (table(1, "t", KINDS, rows_hidden=True), ["forbidden"]),
    "hidden rows, polled": (table(1, "t", KINDS, rows_hidden=True, replica_identity="n"), ["forbidden"]),
    "another's, without a publication": (table(1, "t", KINDS, owned=False), []),
}


@pytest.mark.parametrize(("row", "expected"), CASES.values(), ids=CASES)
def test_table_that_is_not_streamed_says_why(row: TableRow, expected: list[str]) -> None:
    assert codes(row) == expected


def test_remedy_goes_with_it() -> None:
    row = table(1, "t", KINDS, rows_hidden=True)
    [row] = judged(catalog(row)).tables
    capture = capture_told(row, ALL)

    [found] = warnings_of(row, capture, (), Contents({}))

    assert (capture.mode, capture.reason) == ("none", "row security hides rows of it from us")
    assert found.remedy == 'ALTER ROLE "rowferry" BYPASSRLS;'


def test_what_the_contents_tell() -> None:
    row = table(1, "t", KINDS)
    columns = {
        "place": ColumnSample(10, 10, 0, LARGE_BYTES),
        "photo_url": ColumnSample(10, 0, 0, LARGE_BYTES - 1),
    }
    contents = Contents({}, {row.name: TableSample(50, columns)}, {row.name: "locked"}, uncounted={row.name: "late"})

    assert codes(row, contents) == [
        "count_timed_out",
        "not_sampled",
        "large_column",
        "files_by_values",
        "no_files_in_values",
    ]


def test_another_owners_table_is_forbidden_once_there_is_a_publication() -> None:
    whole = catalog(table(1, "t", KINDS, owned=False), publication=publication())

    [row] = judged(whole).tables

    assert capture_told(row, ALL).mode == "none"
    assert [each.remedy for each in warnings_of(row, capture_told(row, ALL), (), Contents())] == [
        'ALTER PUBLICATION "rowferry" ADD TABLE "public"."t";'
    ]


def test_partition_that_waits_is_told_and_its_table_captured() -> None:
    leaves = (relation(2, "p1", KINDS), relation(3, "p2", KINDS, owned=False))
    whole = catalog(table(1, "t", KINDS, kind="p", leaves=leaves), publication=publication((2, "p1")))

    [row] = judged(whole).tables

    assert capture_told(row, ALL).mode == "replication"
    [found] = warnings_of(row, capture_told(row, ALL), (), Contents())
    assert (found.code, found.message.partition(":")[0]) == ("partition_waits", "public.p2")
