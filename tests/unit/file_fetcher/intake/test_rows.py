from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cdc_runtime.consuming.records import Record
from cdc_runtime.consuming.row_changes import RowDelete, RowPut
from file_fetcher.intake.rows import forgotten, row_of
from file_fetcher.work import Row
from schemas.envelope import Event, Omitted
from schemas.errors import RecordError
from schemas.file_references import FileKind
from schemas.names import TableName
from schemas.tables import FileColumn
from tests.unit.vespa_sink.events import SOURCE, event, record

PHOTOS = TableName("public", "photos")
COLUMNS = (
    FileColumn("image_s3_key", "s3_key", "*_s3_key"),
    FileColumn("url", "url", "url"),
    FileColumn("plans_s3_keys", "jsonb_s3_map", "*_s3_keys"),
)


def _put(after: dict[str, Any], table: TableName = PHOTOS, **more: Any) -> Row:
    found = event("u", after=after, **more)
    return row_of(table, RowPut(record(), found, b"7"), COLUMNS, ("project_id", "site"))


def _delete(found: Event | None) -> Row:
    return row_of(PHOTOS, RowDelete(record(), 99, b"7", found), COLUMNS, ("project_id",))


def test_row_has_the_references_of_its_file_columns() -> None:
    found = _put({"id": 7, "image_s3_key": "a.png", "url": "https://h/b.pdf?x=1", "plans_s3_keys": '{"e": "c.pdf"}'})
    assert (found.record_id, found.table, found.source_table) == ("photos/7", "public.photos", "photos")
    assert (found.partition, found.version) == (2, 99)
    assert [(each.file_id, each.kind, each.key, each.location) for each in found.references] == [
        ("photos/7/image_s3_key", FileKind.S3_KEY, "a.png", "a.png"),
        ("photos/7/url", FileKind.URL, "https://h/b.pdf", "https://h/b.pdf?x=1"),
        ("photos/7/plans_s3_keys/e", FileKind.JSONB_S3_MAP, "c.pdf", "c.pdf"),
    ]


def test_table_of_another_schema_is_named_with_it() -> None:
    found = _put({"id": 7, "image_s3_key": "a.png"}, TableName("crm", "photos"))
    assert (found.record_id, found.table, found.source_table) == ("crm.photos/7", "crm.photos", "crm.photos")


def test_null_refers_to_nothing() -> None:
    assert _put({"id": 7, "image_s3_key": None}).references == ()


def test_project_is_the_first_project_column_with_a_value_as_postgres_prints_it() -> None:
    renderers = {"project_id": str}
    assert _put({"image_s3_key": "a", "project_id": 3, "site": "x"}, renderers=renderers).project_id == "3"
    assert _put({"image_s3_key": "a", "project_id": None, "site": "x"}, renderers=renderers).project_id == "x"
    assert _put({"image_s3_key": "a"}).project_id == ""
    assert _put({"project_id": 3}, renderers=renderers).project_id == ""


def test_columns_that_could_not_be_carried_are_unknown() -> None:
    omitted = (Omitted("image_s3_key", "unchanged"), Omitted("title", "too large"))
    found = _put({"id": 7, "image_s3_key": None}, omitted=omitted)
    assert found.unknown == {"image_s3_key", "title"}
    assert found.references == ()


def test_commit_time_counts_only_of_what_was_streamed() -> None:
    assert (_put({"id": 7}).committed_ms, _put({"id": 7}).streamed) == (1_700_000_000_000, True)
    read = _put({"id": 7}, source=replace(SOURCE, mode="snapshot"))
    assert (read.committed_ms, read.streamed) == (0, False)


@pytest.mark.parametrize("mode", ["snapshot", "polling"])
def test_row_that_is_read_again_has_its_failed_files_tried_again(mode: str) -> None:
    read = event("r", after={"id": 7}, source=replace(SOURCE, mode=mode))
    changed = event("u", after={"id": 7}, source=replace(SOURCE, mode=mode))
    found = [row_of(PHOTOS, RowPut(record(), each, b"7"), COLUMNS, ("project_id",)).reread for each in (read, changed)]
    assert found == [True, False]


def test_deleted_row_refers_to_nothing_and_nothing_of_it_is_unknown() -> None:
    found = _delete(event("d", before={"id": 7}, omitted=(Omitted("url", "too large"),)))
    assert (found.version, found.references, found.unknown) == (99, (), frozenset())
    assert found.committed_ms == 1_700_000_000_000


@pytest.mark.rule("V2")
def test_v2_tombstone_is_a_deleted_row() -> None:
    found = _delete(None)
    assert (found.record_id, found.version, found.references, found.committed_ms) == ("photos/7", 99, (), 0)


def test_row_with_more_references_than_can_be_remembered_is_an_error() -> None:
    many = "{" + ",".join(f'"{number}": "a"' for number in range(10_001)) + "}"
    with pytest.raises(RecordError, match="10001"):
        _put({"plans_s3_keys": many})
    assert len(_put({"plans_s3_keys": many.replace('"0": "a",', "")}).references) == 10_000


def test_row_with_longer_references_than_can_be_remembered_is_an_error() -> None:
    with pytest.raises(RecordError):
        _put({"image_s3_key": "a" * 3_000_000})


def test_value_that_postgres_cannot_hold_is_an_error_without_the_value() -> None:
    def refuses(value: object) -> str:
        raise OverflowError(value)

    with pytest.raises(RecordError) as caught:
        _put({"image_s3_key": "a", "project_id": 4_711}, renderers={"project_id": refuses})
    assert "4711" not in str(caught.value)


def test_row_of_a_table_without_file_columns_is_its_key_and_version() -> None:
    assert forgotten(PHOTOS, record(b"7"), 99) == Row("photos/7", "public.photos", "photos", 2, 99)


@pytest.mark.parametrize("key", [None, b"", b"\xff"])
def test_record_without_a_row_key_is_an_error(key: bytes | None) -> None:
    with pytest.raises(RecordError):
        forgotten(PHOTOS, Record("cdc.public.photos", 2, 5, key, b"event", 0), 99)
