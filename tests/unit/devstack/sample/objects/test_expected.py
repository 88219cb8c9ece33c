"""What is expected of references, and how a text found is compared with the one that was put in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from devstack.sample.objects import links
from devstack.sample.objects.catalogue import SHELVES, missing_key, objects, plan_key
from devstack.sample.objects.contents import Content, SheetRow
from devstack.sample.objects.expected import Expectations, Expected, Made, fetcher_settings
from devstack.sample.objects.links import Form, Link, ObjectStore

STORE = ObjectStore("http://127.0.0.1:9000", "files", datetime(2026, 1, 5, tzinfo=UTC))
EXPECTATIONS = Expectations(STORE, {content: Made("5ha", "md5", 7) for content in objects().values()})


def key_of(kind: str) -> str:
    return next(key for key, content in objects().items() if content.kind == kind)


def link(key: str, form: Form) -> str:
    return links.text(Link(key, form), STORE)


ENDS = {
    "key": (key_of("pdf"), "fetched", ""),
    "key with a slash before it": ("/odd/lead.pdf", "fetched", ""),
    "key that is a folder": ("odd/dir/", "fetched", ""),
    "plan": (plan_key("rfis"), "fetched", ""),
    "signed link": (link(key_of("xlsx"), Form.SIGNED), "fetched", ""),
    "signed link to an odd key": (link("odd/a b+c&d=%25#?e\u0301.pdf", Form.SIGNED), "fetched", ""),
    "signed link to a key with a slash before it": (link("/odd/lead.pdf", Form.SIGNED), "fetched", ""),
    "expired link": (link(key_of("jpg"), Form.EXPIRED), "fetched", ""),
    "bucket's scheme": (link(key_of("csv"), Form.S3), "fetched", ""),
    "corrupt": (key_of("corrupt"), "fetched", ""),
    "encrypted": (key_of("encrypted"), "fetched", ""),
    "missing key": (missing_key("rfis", 3), "failed", "not_found"),
    "missing behind a link": (link(missing_key("rfis", 3), Form.EXPIRED), "failed", "not_found"),
    "expired link elsewhere": (link(key_of("jpg"), Form.PARTNER), "skipped", "url_expired"),
    "foreign host": (link(key_of("jpg"), Form.FOREIGN), "skipped", "host_not_allowed"),
    "google sheet": ("https://docs.google.com/spreadsheets/d/abc/edit#gid=0", "skipped", "no_credentials"),
    "too large": ("faulty/one byte too large.txt", "skipped", "too_large"),
    "empty": ("faulty/empty.pdf", "skipped", "empty"),
    "empty folder": ("faulty/folder/", "skipped", "not_a_file"),
    "word": (key_of("docx"), "skipped", "unsupported_type"),
    "drawing": (key_of("dwg"), "skipped", "unsupported_type"),
    "archive": (key_of("zip"), "skipped", "unsupported_type"),
    "error page": ("faulty/error page.pdf", "skipped", "unsupported_type"),
}


@pytest.mark.parametrize(("location", "status", "reason"), ENDS.values(), ids=ENDS)
def test_reference_must_end_so(location: str, status: str, reason: str) -> None:
    expected = EXPECTATIONS.expected(location)
    assert (expected.status, expected.reason) == (status, reason)
    assert expected.sha256 == ("5ha" if status == "fetched" else "")


def test_pdf_is_expected_with_its_text_and_pages() -> None:
    key = next(key for key, found in objects().items() if found == Content("pdf", 1, "rfis"))
    expected = EXPECTATIONS.expected(key)
    assert expected.pages == 2
    assert expected.words[:6] == ("Inspect", "cracked", "sprinkler", "head", "in", "the")
    assert expected.words[-6:] == ("proposed", "stair", "in", "the", "mechanical", "room")


@pytest.mark.parametrize("key", ["faulty/torn.pdf", "faulty/locked.pdf"])
def test_unreadable_file_is_expected_without_text(key: str) -> None:
    expected = EXPECTATIONS.expected(key)
    assert (expected.text, expected.readable) == (None, False)


def test_image_is_expected_without_text_and_is_readable() -> None:
    expected = EXPECTATIONS.expected(key_of("png"))
    assert (expected.text, expected.readable, expected.rows) == (None, True, ())


def test_sheets_are_expected_with_their_rows() -> None:
    keys = [key for key, content in objects().items() if content.kind == "xlsx"]
    rows = [row for key in keys for row in EXPECTATIONS.expected(key).rows]
    assert {row.sheet for row in rows} == {"Quantities", "Änderungen 2"}
    assert min(row.number for row in rows) == 2
    assert [row for row in rows if row.bad] == []


def test_some_rows_of_csv_files_are_bad() -> None:
    keys = [key for folder in SHELVES for key, found in objects().items() if found.kind == "csv"]
    expected = [EXPECTATIONS.expected(key) for key in dict.fromkeys(keys)]
    assert {len(each.rejected) for each in expected} == {0, 1}
    for each in expected:
        assert len(each.accepted) + len(each.rejected) == len(each.rows)


TEXT = Expected("fetched", text="Seal the slab edge, page 1\nReference X1.")
TEXTS = {
    "same": ("Seal the slab edge, page 1\nReference X1.", False, True),
    "other spaces": ("Seal the slab\r\nedge, page 1  Reference X1.\n", False, True),
    "a word less": ("Seal the slab edge, page 1\nReference", False, False),
    "a word more": ("Seal the slab edge, page 1\nReference X1. Draft", False, False),
    "another order": ("Reference X1.\nSeal the slab edge, page 1", False, False),
    "cut in a word": ("Seal the slab ed", True, True),
    "cut, another beginning": ("Seal a slab ed", True, False),
    "cut to nothing": ("", True, False),
}


@pytest.mark.parametrize(("found", "truncated", "agrees"), TEXTS.values(), ids=TEXTS)
def test_text_found_is_compared_word_by_word(found: str, truncated: bool, agrees: bool) -> None:
    assert TEXT.agrees_with(found, truncated=truncated) is agrees


def test_of_a_sheet_the_words_of_its_accepted_rows_must_be_found() -> None:
    good = SheetRow("", 2, ("Grout the column", "Masonry", "3", "1.5", "x"))
    bad = SheetRow("", 3, ("Bad", "Masonry", "3", "1.5", "x" * 40_000), bad=True)
    expected = Expected("fetched", text="", rows=(good, bad))
    assert expected.agrees_with("Sheet1\nItem\tTrade\nGrout the column\tMasonry\t3\t1.5\tx\n")
    assert not expected.agrees_with("Item\tTrade\nGrout the column\tMasonry\t3\tx\n")


def test_fetcher_is_told_of_bucket_hosts_and_limit() -> None:
    assert fetcher_settings(STORE) == {
        "ROWFERRY_S3__BUCKET": "files",
        "ROWFERRY_S3__ENDPOINT_URL": "http://127.0.0.1:9000",
        "ROWFERRY_S3__REGION": "us-east-1",
        "ROWFERRY_S3__ACCESS_KEY_ID": "test",
        "ROWFERRY_S3__SECRET_ACCESS_KEY": "test",
        "ROWFERRY_URLS__HOSTS": '["http://127.0.0.1:9000 private"]',
        "ROWFERRY_URLS__S3_HOSTS": '["127.0.0.1:9000"]',
        "ROWFERRY_URLS__S3_BUCKETS": '["files"]',
        "ROWFERRY_LIMITS__MAX_BYTES": "2097152",
    }
