"""A number of rows is counted, seen, or estimated, in this order, and says which."""

from __future__ import annotations

import pytest

from rowferry.discover.facts import ColumnSample, Contents, Counted, Facts, TableSample
from rowferry.discover.row_counts import ESTIMATE, EXACT, RowCount, file_count, row_count
from tests.unit.cdc_reader.discovery.catalogs import relation, table

NEVER_ANALYSED = -1
KINDS = {"id": "bigint", "s3_key": "text"}
NAME = table(1, "photos", KINDS).name
HALF_FULL = TableSample(50, blocks=2, all_blocks=40)

CASES = {
    "counted": (10, Contents({}, {NAME: TableSample(7, whole=True)}, counted={NAME: Counted(8)}), (8, EXACT)),
    "all seen": (10, Contents({1: Facts(1, 9)}, {NAME: TableSample(7, whole=True)}), (7, EXACT)),
    "analysed": (10, Contents({1: Facts(1, 9)}, {NAME: HALF_FULL}), (10, ESTIMATE)),
    "running statistics": (NEVER_ANALYSED, Contents({1: Facts(1, 9)}, {NAME: HALF_FULL}), (9, ESTIMATE)),
    "analysed while empty": (0, Contents({1: Facts(1, 9)}), (9, ESTIMATE)),
    "blocks that were seen": (NEVER_ANALYSED, Contents({1: Facts(0, 0)}, {NAME: HALF_FULL}), (1_000, ESTIMATE)),
    "analysed, and empty": (0, Contents({1: Facts(0, 0)}), (0, ESTIMATE)),
    "nobody knows": (NEVER_ANALYSED, Contents({1: Facts(0, 0)}), None),
    "nobody wants to": (10, Contents(), None),
}


@pytest.mark.parametrize(("estimate", "contents", "expected"), CASES.values(), ids=CASES)
def test_number_of_rows_is_the_best_that_is_known(
    estimate: int, contents: Contents, expected: tuple[int, str] | None
) -> None:
    found = row_count(table(1, "photos", KINDS, row_estimate=estimate), contents)

    assert found == (None if expected is None else RowCount(*expected))


def test_view_has_no_estimate() -> None:
    assert row_count(table(1, "photos", KINDS, key="", kind="v", row_estimate=0), Contents({1: Facts(0, 0)})) is None


def test_partitions_are_added_up_where_all_are_known() -> None:
    leaves = (relation(2, "p1", KINDS, row_estimate=4), relation(3, "p2", KINDS, row_estimate=NEVER_ANALYSED))
    photos = table(1, "photos", KINDS, kind="p", row_estimate=NEVER_ANALYSED, leaves=leaves)

    assert row_count(photos, Contents({3: Facts(1, 5)})) == RowCount(9, ESTIMATE)
    assert row_count(photos, Contents({3: Facts(0, 0)})) is None


def test_files_are_as_many_to_a_row_as_in_the_sample() -> None:
    photos = table(1, "photos", KINDS, row_estimate=1_000)
    sampled = Contents({}, {NAME: TableSample(50, {"s3_key": ColumnSample(filled=20, keys=10)})})

    assert file_count(photos, sampled, "s3_key") == 200
    assert file_count(photos, Contents({}, {NAME: TableSample(0, {"s3_key": ColumnSample()})}), "s3_key") == 0
    assert file_count(photos, Contents({}), "s3_key") is None
    sampled.counted[NAME] = Counted(1_000, {"s3_key": 3})
    assert file_count(photos, sampled, "s3_key") == 3
