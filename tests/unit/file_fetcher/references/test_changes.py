"""The records of `_file_refs` as changes of what is remembered."""

from __future__ import annotations

import pytest

from cdc_runtime.consuming.records import Record
from file_fetcher.references.changes import Ended, Holds, change_of
from file_fetcher.references.placements import Placements
from schemas.errors import RecordError
from tests.unit.file_fetcher.references.holdings import held


def record(key, value, *headers, partition=1) -> Record:
    return Record("cdc._file_refs", partition, 5, key, value, 0, headers)


def test_a_record_says_what_a_row_holds():
    assert change_of(record(b"photos/7", held().to_json()), Placements(3)) == Holds(held())


def test_a_tombstone_ends_a_row_at_its_version():
    assert change_of(record(b"photos/7", None, ("rowferry.version", b"12")), Placements(3)) == Ended("photos/7", 12)


@pytest.mark.parametrize("headers", [(), (("rowferry.version", None),), (("rowferry.version", b"1.5"),)])
def test_a_tombstone_without_a_version_is_refused(headers):
    with pytest.raises(RecordError, match=r"in header rowferry\.version"):
        change_of(record(b"photos/7", None, *headers), Placements(3))


@pytest.mark.parametrize("key", [None, b"", b"\xff"])
def test_a_record_without_the_id_of_a_record_is_refused(key):
    with pytest.raises(RecordError, match="expected the id of a record as key"):
        change_of(record(key, held().to_json()), Placements(3))


def test_a_record_under_the_key_of_another_is_refused():
    with pytest.raises(RecordError, match="expected the references of the row in the key of their record"):
        change_of(record(b"photos/8", held().to_json()), Placements(3))


def test_state_in_the_partition_of_another_is_refused():
    with pytest.raises(RecordError, match="state of row partition 4 in partition 1 of 3, got it in 0"):
        change_of(record(b"photos/7", held().to_json(), partition=0), Placements(3))


def test_a_value_that_is_no_state_is_refused():
    with pytest.raises(RecordError, match="expected a _file_refs record"):
        change_of(record(b"photos/7", b"{}"), Placements(3))
