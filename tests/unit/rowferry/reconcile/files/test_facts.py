"""What the document of a file must say about its reference, and what it says, in one form."""

from __future__ import annotations

import pytest

from rowferry.reconcile.files import facts
from rowferry.reconcile.files.facts import Outcome
from rowferry.reconcile.shapes import Described, Shape, for_files
from schemas.tables import FileColumn

COLUMNS = {"region": "text", "id": "int4", "image_url": "text", "name": "text", "a_s3_keys": "jsonb"}
PHOTOS = Described(
    "public",
    "photos",
    COLUMNS,
    ("region", "id"),
    tuple(COLUMNS),
    (),
    (FileColumn("image_url", "url", "*_url"), FileColumn("a_s3_keys", "jsonb_s3_map", "*_s3_keys")),
)
SHAPE = Shape(PHOTOS)
ROW = {
    "region": "north/east",
    "id": "7",
    "image_url": "https://files.example.com/a/b%20c.jpg?X-Amz-Signature=secret",
    "a_s3_keys": '{"first one": "folder/\\u0001.pdf"}',
}
IMAGE = {
    "file_id": "photos/north%2Feast,7/image_url",
    "record_id": "photos/north%2Feast,7",
    "source_table": "photos",
    "source_column": "image_url",
    "entry": "",
    "kind": "url",
    "relationship_type": "image",
    "file_name": "b c.jpg",
    "source_uri": "https://files.example.com/a/b%20c.jpg",
    "ended": True,
}
PLAN = {
    "file_id": "photos/north%2Feast,7/a_s3_keys/first%20one",
    "record_id": "photos/north%2Feast,7",
    "source_table": "photos",
    "source_column": "a_s3_keys",
    "entry": "first one",
    "kind": "jsonb_s3_map",
    "relationship_type": "a",
    "file_name": "\N{REPLACEMENT CHARACTER}.pdf",
    "source_uri": "folder/\N{REPLACEMENT CHARACTER}.pdf",
    "ended": True,
}
DOCUMENT = {
    "file_id": "photos/north%2Feast,7/a_s3_keys/first%20one",
    "record_id": "photos/north%2Feast,7",
    "source_table": "photos",
    "source_column": "a_s3_keys",
    "entry": "first one",
    "kind": "jsonb_s3_map",
    "relationship_type": "a",
    "file_name": "\N{REPLACEMENT CHARACTER}.pdf",
    "source_uri": "s3://drawings/folder/\N{REPLACEMENT CHARACTER}.pdf",
    "status": "skipped",
    "reason": "too_large",
    "version": 28672,
    "deleted": False,
}


def test_row_wants_a_document_for_each_of_its_references() -> None:
    assert [facts.expected(SHAPE, each) for each in facts.row_references(SHAPE, ROW)] == [IMAGE, PLAN]


def test_row_without_a_reference_wants_none() -> None:
    assert facts.row_references(SHAPE, {"region": "x", "id": "7", "image_url": "no link", "a_s3_keys": "{}"}) == ()


def test_document_that_names_the_bucket_says_the_same() -> None:
    assert facts.found(DOCUMENT) == PLAN


def test_document_tells_what_became_of_the_file() -> None:
    assert facts.outcome(DOCUMENT) == Outcome("skipped", "too_large", 28672)
    assert facts.outcome({}) == Outcome("", "", 0)


SPOILT = {
    "another key": ({"source_uri": "s3://drawings/other.pdf"}, ["source_uri"]),
    "no such bucket": ({"source_uri": "s3://s3:drawings/folder/\N{REPLACEMENT CHARACTER}.pdf"}, ["source_uri"]),
    "another column": ({"source_column": "b_s3_keys"}, ["source_column"]),
    "another entry": ({"entry": "second"}, ["entry"]),
    "no record": ({"record_id": None}, ["record_id"]),
    "gone": ({"status": "gone"}, ["status"]),
    "not ended": ({"status": None}, ["status"]),
    "deleted": ({"deleted": True}, ["status"]),
}


@pytest.mark.parametrize(("changes", "names"), SPOILT.values(), ids=SPOILT)
def test_difference_is_named(changes: dict[str, object], names: list[str]) -> None:
    assert list(facts.differences(PLAN, facts.found({**DOCUMENT, **changes}))) == names


@pytest.mark.parametrize(
    ("fields", "memory"),
    [
        ({"deleted": True, "file_id": "photos/1/url", "version": 3}, True),
        ({"deleted": True, "source_uri": "s3://b/k"}, False),
        ({"deleted": True, "row_number": 3}, False),
        ({"deleted": False}, False),
    ],
)
def test_memory_holds_no_data(fields: dict[str, object], memory: bool) -> None:
    assert facts.is_memory(fields) is memory


def test_id_of_a_row_names_its_file() -> None:
    assert facts.file_of_row("photos/1/a_s3_keys/x/Sheet%2F1/12") == "photos/1/a_s3_keys/x"


def test_only_keys_and_file_columns_are_read() -> None:
    plain = Shape(Described("public", "plans", {"id": "int4"}, ("id",), ("id",), ()))

    [found] = for_files([plain, SHAPE])

    assert found.table.carried == ("region", "id", "image_url", "a_s3_keys")
