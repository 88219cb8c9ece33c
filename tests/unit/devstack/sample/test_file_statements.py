from __future__ import annotations

import json

import pytest

from devstack.sample.file_statements import change_file, columns_of
from devstack.sample.objects.catalogue import missing_key, objects
from devstack.sample.rows import Sample, Size
from devstack.sample.workload_plan import CHANGED, WITH_FILES

SAMPLE = Sample(Size(factor=0.1))
MISSING = {missing_key(folder, number) for folder in ("rfis", "photos") for number in range(20)}


def test_reference_to_a_file_is_replaced_or_taken_away() -> None:
    table = SAMPLE.table("photos")
    changes = [change_file(SAMPLE, table, ("7",), number) for number in range(16)]
    names = ["file_s3_key", "thumbnail_s3_key", "image_url", "thumbnail_url"]
    assert [change.sql for change in changes] == [f"UPDATE photos SET {name} = %s WHERE id = %s" for name in names] * 4
    assert all(change.parameters[1] == "7" for change in changes)
    assert [change.parameters[0] is None for change in changes] == [True] * 4 + [False] * 12
    keys = {change.parameters[0] for change in changes[4:] if "s3_key" in change.sql}
    assert keys <= objects().keys() | MISSING
    assert len(keys) == 6


def test_entry_of_a_map_is_put_in_or_taken_out() -> None:
    table = SAMPLE.table("rfis")
    out, put = change_file(SAMPLE, table, ("7",), 0), change_file(SAMPLE, table, ("7",), 1)
    assert out.sql == (
        "UPDATE rfis SET attachment_s3_keys = (attachment_s3_keys::jsonb - "
        "(SELECT min(entry) FROM jsonb_object_keys(attachment_s3_keys::jsonb) AS entry))::jsonb WHERE id = %s"
    )
    assert put.sql == (
        "UPDATE rfis SET attachment_s3_keys = (coalesce(attachment_s3_keys::jsonb, '{}') || %s::jsonb)::jsonb "
        "WHERE id = %s"
    )
    entries = json.loads(put.parameters[0] or "")
    assert list(entries) == ["1"]
    assert entries["1"] in objects().keys() | MISSING


@pytest.mark.parametrize("name", WITH_FILES)
def test_tables_with_files_are_changed_and_have_files(name: str) -> None:
    assert name in CHANGED
    assert columns_of(SAMPLE.table(name)) != ()


def test_every_changed_table_with_files_is_named() -> None:
    assert {name for name in CHANGED if columns_of(SAMPLE.table(name))} == set(WITH_FILES)
