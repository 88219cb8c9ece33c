from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.file_references import (
    FileKind,
    FileReference,
    file_column,
    file_id,
    file_name,
    references,
    relationship_type,
    without_query,
)
from schemas.tables import FileColumn

HOLDS_FILES = {
    "bare key": ("s3_key", "text", FileColumn("s3_key", "s3_key", "*_s3_key")),
    "named key": ("thumbnail_s3_key", "character varying(255)", FileColumn("thumbnail_s3_key", "s3_key", "*_s3_key")),
    "bare url": ("url", "text", FileColumn("url", "url", "*_url")),
    "named url": ("pdf_url", "citext", FileColumn("pdf_url", "url", "*_url")),
    "citext outside the path": ("pdf_url", "public.citext", FileColumn("pdf_url", "url", "*_url")),
    "fixed width": ("logo_url", "character(40)", FileColumn("logo_url", "url", "*_url")),
    "map": ("attachment_s3_keys", "jsonb", FileColumn("attachment_s3_keys", "jsonb_s3_map", "*_s3_keys")),
    "json map": ("page_s3_key_map", "json", FileColumn("page_s3_key_map", "jsonb_s3_map", "*_s3_key_map")),
}


@pytest.mark.parametrize(("name", "pg_type", "column"), HOLDS_FILES.values(), ids=HOLDS_FILES)
def test_column_holds_files_by_its_name_and_type(name: str, pg_type: str, column: FileColumn) -> None:
    assert file_column(name, pg_type) == column


@pytest.mark.parametrize(
    ("name", "pg_type"),
    [
        ("s3_key", "jsonb"),
        ("attachment_s3_keys", "text"),
        ("s3_keys", "jsonb"),
        ("url", "integer"),
        ("urls", "text"),
        ("curl", "text"),
        ("s3_key", "text[]"),
        ("key", "text"),
    ],
)
def test_column_of_another_name_or_type_holds_no_files(name: str, pg_type: str) -> None:
    assert file_column(name, pg_type) is None


LOCATIONS = {
    "key": ("a/b/plan.pdf", "a/b/plan.pdf", "plan.pdf"),
    "key without path": ("plan.pdf", "plan.pdf", "plan.pdf"),
    "key with question mark": ("a/what?.pdf", "a/what?.pdf", "what?.pdf"),
    "key ends with slash": ("a/b/", "a/b/", ""),
    "url": ("https://host/a/plan.pdf", "https://host/a/plan.pdf", "plan.pdf"),
    "signed url": ("https://host/a/plan.pdf?X-Amz-Signature=abc", "https://host/a/plan.pdf", "plan.pdf"),
    "fragment": ("http://host/a/plan.pdf#page=2", "http://host/a/plan.pdf", "plan.pdf"),
    "encoded name": ("https://host/a/site%20plan.pdf?x", "https://host/a/site%20plan.pdf", "site plan.pdf"),
    "user information": ("https://me:secret@host/a.pdf", "https://host/a.pdf", "a.pdf"),
    "no path": ("https://host", "https://host", ""),
    "scheme in capitals": ("HTTPS://host/a.pdf", "https://host/a.pdf", "a.pdf"),
    "s3": ("s3://bucket/a/b.pdf", "s3://bucket/a/b.pdf", "b.pdf"),
    "s3 with a hash": ("s3://bucket/u/Plan #3.csv", "s3://bucket/u/Plan #3.csv", "Plan #3.csv"),
    "s3 with a question mark": ("s3://bucket/u/what?x=1.csv", "s3://bucket/u/what?x=1.csv", "what?x=1.csv"),
    "s3 with a percent sign": ("s3://bucket/u/a%20b.csv", "s3://bucket/u/a%20b.csv", "a%20b.csv"),
    "s3 of a version": ("S3://bucket/u/a.csv?versionId=v7", "s3://bucket/u/a.csv", "a.csv"),
    "s3 with a signature": ("s3://bucket/a.pdf?X-Amz-Signature=abc", "s3://bucket/a.pdf", "a.pdf"),
    "s3 with user information": ("s3://me:secret@bucket/a.pdf", "s3://bucket/a.pdf", "a.pdf"),
    "s3 without a key": ("s3://bucket", "s3://bucket", ""),
}


@pytest.mark.parametrize(("location", "key", "name"), LOCATIONS.values(), ids=LOCATIONS)
def test_key_has_no_query_and_name_is_the_last_segment(location: str, key: str, name: str) -> None:
    assert (without_query(location), file_name(location)) == (key, name)


def test_file_id_follows_from_document_column_and_entry() -> None:
    assert file_id("photos/17", "image_url") == "photos/17/image_url"
    assert file_id("rfis/a%20b", "page_s3_keys", "1/2, x") == "rfis/a%20b/page_s3_keys/1%2F2%2C%20x"
    assert file_id("rfis/1", "page_s3_keys", "") == "rfis/1/page_s3_keys/%00"


_ENTRIES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))  # those that give references


@given(_ENTRIES, _ENTRIES)
def test_different_entries_have_different_ids(one: str, other: str) -> None:
    ids = {file_id("t/1", "c_s3_keys", entry) for entry in (one, other)}
    assert len(ids) == len({one, other})


@pytest.mark.parametrize(
    ("column", "role"),
    [
        ("s3_key", "file"),
        ("url", "file"),
        ("thumbnail_url", "thumbnail"),
        ("page_s3_keys", "page"),
        ("page_s3_key_map", "page"),
    ],
)
def test_relationship_type_is_the_columns_role(column: str, role: str) -> None:
    assert relationship_type(column) == role


def test_references_of_a_row_come_in_column_and_entry_order() -> None:
    columns = (
        FileColumn("thumbnail_url", "url", "*_url"),
        FileColumn("s3_key", "s3_key", "*_s3_key"),
        FileColumn("page_s3_keys", "jsonb_s3_map", "*_s3_keys"),
    )
    row = {
        "page_s3_keys": '{"2": "p/two.png", "1": "p/one.png", "3": null, "4": 7, "5": ""}',
        "s3_key": "files/plan.pdf",
        "thumbnail_url": "https://cdn/t.png?Signature=x",
    }
    assert references("drawings/5", columns, row) == (
        FileReference(
            "thumbnail_url",
            FileKind.URL,
            "https://cdn/t.png",
            "t.png",
            "drawings/5/thumbnail_url",
            "thumbnail",
            location="https://cdn/t.png?Signature=x",
        ),
        FileReference(
            "s3_key",
            FileKind.S3_KEY,
            "files/plan.pdf",
            "plan.pdf",
            "drawings/5/s3_key",
            "file",
            location="files/plan.pdf",
        ),
        FileReference(
            "page_s3_keys",
            FileKind.JSONB_S3_MAP,
            "p/two.png",
            "two.png",
            "drawings/5/page_s3_keys/2",
            "page",
            entry="2",
            location="p/two.png",
        ),
        FileReference(
            "page_s3_keys",
            FileKind.JSONB_S3_MAP,
            "p/one.png",
            "one.png",
            "drawings/5/page_s3_keys/1",
            "page",
            entry="1",
            location="p/one.png",
        ),
    )


def test_url_in_a_key_column_is_a_url() -> None:
    (reference,) = references("t/1", [FileColumn("s3_key", "s3_key", "*_s3_key")], {"s3_key": "https://h/a.pdf?sig"})
    assert (reference.kind, reference.key) == (FileKind.URL, "https://h/a.pdf")


def test_signature_is_not_in_the_printed_reference() -> None:
    (reference,) = references("t/1", [FileColumn("url", "url", "*_url")], {"url": "https://h/a.pdf?sig=TOPSECRET"})
    assert "TOPSECRET" not in repr(reference)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (FileColumn("url", "url", "*_url"), "not a url"),
        (FileColumn("url", "url", "*_url"), "mailto:a@b"),
        (FileColumn("url", "url", "*_url"), ""),
        (FileColumn("s3_key", "s3_key", "*_s3_key"), ""),
        (FileColumn("x_s3_keys", "jsonb_s3_map", "*_s3_keys"), '["a", "b"]'),
        (FileColumn("x_s3_keys", "jsonb_s3_map", "*_s3_keys"), "{broken"),
        (FileColumn("x_s3_keys", "jsonb_s3_map", "*_s3_keys"), "[" * 100_000),
    ],
)
def test_value_that_refers_to_nothing_gives_no_reference(column: FileColumn, value: str) -> None:
    assert references("t/1", [column], {column.column: value}) == ()


@pytest.mark.parametrize("value", [r'{"\ud800": "a.pdf"}', r'{"a": "\udfff.pdf"}', r'{"\u0000": "a.pdf"}'])
def test_map_entry_that_is_no_text_gives_no_reference_and_leaves_the_others(value: str) -> None:
    column = FileColumn("plans_s3_keys", "jsonb_s3_map", "*_s3_keys")
    more = value.removesuffix("}") + ', "": "b.pdf", "\\ud83d\\ude00": "c.pdf"}'
    assert references("items/7", [column], {"plans_s3_keys": value}) == ()
    found = references("items/7", [column], {"plans_s3_keys": more})
    assert [(each.file_id, each.key) for each in found] == [
        ("items/7/plans_s3_keys/%00", "b.pdf"),
        ("items/7/plans_s3_keys/%F0%9F%98%80", "c.pdf"),
    ]


@pytest.mark.parametrize(
    ("location", "key"),
    [
        (" https://b.s3.amazonaws.com/a.pdf?X-Amz-Signature=01", " https://b.s3.amazonaws.com/a.pdf"),
        ("ftp://user:secret@host/a.pdf", "ftp://host/a.pdf"),
        ("a.pdf?X-Amz-Credential=k&X-Amz-Signature=01", "a.pdf"),
        ("folder/what?.pdf", "folder/what?.pdf"),
        ("folder/a@b.pdf", "folder/a@b.pdf"),
    ],
)
def test_secrets_in_what_only_looks_like_a_link_are_left_out(location: str, key: str):
    assert without_query(location) == key
