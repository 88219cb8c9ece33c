"""Columns refer to files by name and type, or look like it by most of their values."""

from __future__ import annotations

import pytest

from rowferry.discover.facts import ColumnSample, Contents, TableSample
from rowferry.discover.file_columns import file_columns
from tests.unit.cdc_reader.discovery.catalogs import table

CASES = {
    "by name, nothing seen": ("photo_url", "text", None, ("url", "name", False)),
    "by name, with references": ("s3_key", "text", ColumnSample(9, 0, 9), ("s3_key", "name", False)),
    "by name, without one": ("photo_url", "text", ColumnSample(9, 0, 0), ("url", "name", True)),
    "by name, too few to say": ("photo_url", "text", ColumnSample(4, 0, 0), ("url", "name", False)),
    "by name, of another type": ("photo_url", "bigint", None, None),
    "keys": ("place", "text", ColumnSample(10, 0, 9), ("s3_key", "values", False)),
    "addresses": ("place", "text", ColumnSample(10, 10, 0), ("url", "values", False)),
    "maps": ("places", "jsonb", ColumnSample(5, 0, 5), ("jsonb_s3_map", "values", False)),
    "not often enough": ("place", "text", ColumnSample(10, 4, 5), None),
    "too few to say": ("place", "text", ColumnSample(4, 0, 4), None),
    "nothing seen": ("place", "text", None, None),
}


@pytest.mark.parametrize(("name", "kind", "sample", "expected"), CASES.values(), ids=CASES)
def test_column_refers_to_files(
    name: str, kind: str, sample: ColumnSample | None, expected: tuple[str, str, bool] | None
) -> None:
    photos = table(1, "photos", {"id": "bigint", name: kind})
    contents = Contents({}, {photos.name: TableSample(20, {name: sample})} if sample else {})

    found = file_columns(photos, contents)

    assert [(str(each.kind), each.found_by, each.looks_wrong) for each in found] == ([expected] if expected else [])
