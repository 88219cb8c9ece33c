"""Rows are looked at in few statements, and no table is asked for more than it can tell at little cost."""

from __future__ import annotations

import dataclasses

import pytest

from cdc_reader.discovery.catalog_rows import TableRow
from rowferry.discover.facts import Facts
from rowferry.discover.probes import probes
from rowferry.discover.sample_plan import batches, is_cheap, percent, why_not
from tests.unit.cdc_reader.discovery.catalogs import column, relation, table

KINDS = {"id": "bigint", "body": "text"}


def tables(count: int) -> list[TableRow]:
    return [table(at, f"t{at}", KINDS) for at in range(count)]


def test_fifty_tables_share_a_statement() -> None:
    assert [len(batch) for batch in batches(tables(120), {})] == [50, 50, 20]
    assert list(batches([], {})) == []


def test_locked_table_comes_last_and_alone() -> None:
    found = [[each.oid for each in batch] for batch in batches(tables(4), {1: Facts(1, 1, locked=True)})]

    assert found == [[0, 2, 3], [1]]


def test_wide_tables_share_a_statement_with_fewer() -> None:
    wide = table(1, "wide", {f"c{at}": "text" for at in range(1_600)}, key="c0")

    assert len(probes(wide)) == 200
    assert [len(batch) for batch in batches([wide] * 7, {})] == [5, 2]


def test_columns_named_for_files_come_first_and_those_we_may_not_read_not_at_all() -> None:
    columns = (
        column(1, "id", "bigint"),
        column(2, "body", "text"),
        column(3, "secret", "text", readable=False),
        column(4, "s3_key", "text"),
        column(5, "other", "jsonb"),
    )

    found = probes(table(1, "t", {}, columns=columns))

    assert [(each.column.name, str(each.probe)) for each in found] == [
        ("s3_key", "s3_key"),
        ("body", "text"),
        ("other", "json"),
    ]


PERCENTS = {
    "small": (900, 100, None),
    "few blocks": (5_000, 4, None),
    "never analysed": (-1, 0, None),
    "two samples' worth of rows": (100_000, 10_000, 0.1),
    "five blocks at least": (1_000_000, 1_000, 0.5),
    "all of it": (1_000, 5, 100.0),
}


@pytest.mark.parametrize(("rows", "blocks", "expected"), PERCENTS.values(), ids=PERCENTS)
def test_rows_of_large_tables_are_from_all_over_it(rows: int, blocks: int, expected: float | None) -> None:
    assert percent(table(1, "t", KINDS, row_estimate=rows), {1: Facts(blocks, rows)}) == expected


def test_tables_that_tell_nothing_at_little_cost_are_left_alone() -> None:
    photos = table(1, "photos", KINDS)
    leaves = tuple(relation(at, f"p{at}", KINDS) for at in range(2, 103))
    events = dataclasses.replace(table(1, "events", KINDS, kind="p"), leaves=leaves)

    assert why_not(photos, {1: Facts(1, 1)}) is None
    assert why_not(photos, {}) == "it is gone"
    assert why_not(photos, {1: Facts(0, 0, populated=False)}) == "it is a materialized view that has not been filled"
    assert why_not(events, {1: Facts(0, 0)}) == "it has more than 100 partitions"
    assert [is_cheap(table(1, "t", KINDS, kind=kind)) for kind in "rpmvf"] == [True, True, True, False, False]
    foreign = dataclasses.replace(events, leaves=(relation(2, "p", KINDS, kind="f"),))
    assert not is_cheap(foreign)
