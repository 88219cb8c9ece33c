"""What the catalogue of objects promises, and what the sample's rows make of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from devstack.sample.model import file_columns
from devstack.sample.objects.catalogue import FAULTY, LONGEST_KEY, ODD_KEYS, SHELVES, missing_key, objects
from devstack.sample.objects.expected import Expectations, Made
from devstack.sample.rows import Sample, Size
from devstack.sample.tables import CAPTURED
from schemas.file_references import FileReference, file_column, references

TYPES = {"varchar": "character varying"}
NOTHING = Made("", "", 0)


def references_of(sample: Sample, name: str) -> Iterator[FileReference]:
    """The references of a table's rows, found by the product's own rules."""
    columns = sample.table(name).stored_columns
    kinds = [file_column(c.name, TYPES.get(c.base_type, c.base_type)) for c in columns]
    files = [kind for kind in kinds if kind is not None]
    for row in sample.rows(name) if files else ():
        values = {c.name: value for c, value in zip(columns, row, strict=True) if value is not None}
        yield from references("x/1", files, values)


def all_references(sample: Sample) -> list[FileReference]:
    return [each for table in CAPTURED for each in references_of(sample, table.name)]


def test_about_a_thousand_contents_lie_under_about_two_thousand_keys() -> None:
    assert len(objects()) == 2130
    assert len(set(objects().values())) == 1066


def test_formats_are_mixed() -> None:
    kinds = Counter(content.kind for content in set(objects().values()))
    assert kinds == {
        **{"pdf": 485, "jpg": 278, "png": 150, "txt": 61, "xlsx": 38, "csv": 30, "gif": 4, "tiff": 4},
        **{"docx": 4, "dwg": 3, "zip": 2},
        **{"large": 2, "empty": 1, "corrupt": 1, "encrypted": 1, "html": 1, "long": 1},
    }


def test_keys_that_are_easily_taken_for_one_another_hold_different_contents() -> None:
    assert len({objects()[key] for key in ODD_KEYS}) == len(ODD_KEYS) == 18
    assert {"/odd/lead.pdf", "odd/lead.pdf", "odd//b.pdf", "odd/b.pdf", "odd/dir", "odd/dir/"} <= set(ODD_KEYS)
    assert {"odd/x/../y.txt", "odd/y.txt", "odd/e\u0301.txt", "odd/\u00e9.txt"} <= set(ODD_KEYS)


def test_longest_key_has_all_the_bytes_that_a_key_may_have() -> None:
    assert len(LONGEST_KEY.encode()) == 1024
    assert max(len(key.encode()) for key in objects() if key != LONGEST_KEY) < 200


def test_missing_keys_are_missing() -> None:
    assert {missing_key(folder, number) for folder in SHELVES for number in range(20)} & objects().keys() == set()


def test_sample_has_sixteen_thousand_references_of_every_outcome() -> None:
    """At factor 1; the numbers are those that the demo must account for."""
    found = all_references(Sample(Size()))
    expectations = Expectations(None, dict.fromkeys(objects().values(), NOTHING))
    outcomes = Counter((each.status, each.reason) for each in map(expectations.expected, (f.location for f in found)))
    assert sum(outcomes.values()) == len(found) == 15_927
    assert set(outcomes) == {
        ("fetched", ""),
        ("failed", "not_found"),
        ("skipped", "host_not_allowed"),
        *(("skipped", reason) for reason in ("empty", "not_a_file", "too_large", "unsupported_type")),
        ("skipped", "no_credentials"),
    }


def test_every_odd_and_every_faulty_object_is_referred_to() -> None:
    found = {each.location for each in all_references(Sample(Size()))}
    assert {*ODD_KEYS, *FAULTY} - found == set()


def test_odd_keys_are_in_the_small_sample_too() -> None:
    found = {each.location for each in references_of(Sample(Size(factor=0.02)), "documents")}
    assert set(ODD_KEYS) - found == set()


def test_rows_beyond_the_load_refer_to_objects_that_are_there() -> None:
    sample = Sample(Size(factor=0.02))
    place = [column.name for column in sample.table("photos").stored_columns].index("file_s3_key")
    keys = {sample.row("photos", number)[place] for number in range(50_000, 51_000)} - {None}
    missing = {missing_key("photos", number) for number in range(20)}
    assert len(keys) > 150
    assert keys - objects().keys() <= missing


@pytest.mark.parametrize("kind", ["s3_key", "url", "jsonb_s3_map"])
def test_columns_of_each_kind_refer_to_files(kind: str) -> None:
    sample = Sample(Size(factor=0.1))
    columns = {(table, column) for table, column, found in file_columns(CAPTURED) if found == kind}
    found = {(table, each.column) for table in {name for name, _ in columns} for each in references_of(sample, table)}
    assert columns - found == set()


def test_maps_hold_up_to_three_entries() -> None:
    sample = Sample(Size())
    place = [column.name for column in sample.table("rfis").stored_columns].index("attachment_s3_keys")
    sizes = Counter(len(json.loads(row[place])) for row in sample.rows("rfis") if row[place])
    assert set(sizes) == {0, 1, 2, 3}
