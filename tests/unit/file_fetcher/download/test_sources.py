"""Where the bytes of a reference lie."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from file_fetcher.download.sources import GoogleSheet, HttpUrl, S3Object, resolve, rules_of
from file_fetcher.failures import Skipped
from file_fetcher.settings import GoogleSettings, S3Settings, UrlSettings
from schemas.errors import SettingsError
from schemas.file_references import FileKind, FileReference, references
from schemas.tables import FileColumn

NOW_S = 1_704_164_645.0  # 2024-01-02 03:04:05
SIGNED_AT = "X-Amz-Date=20240102T020405Z&X-Amz-Signature=s3cr3t"  # an hour before
RULES = rules_of(
    S3Settings(
        bucket="documents",
        bucket_of={"photos.*": "photos", "*.scan_s3_key": "scans"},
        endpoint_url="http://127.0.0.1:9000/",
        endpoint_of={"photos": "https://photos.example.com"},
    ),
    UrlSettings(
        hosts=["files.example.com", "*.s3.amazonaws.com", "http://127.0.0.1:9000 private"],
        s3_hosts=["minio.example.com"],
        s3_buckets=["mirror-*", "documents"],
    ),
    GoogleSettings(credentials_file=Path("key.json")),
)
BARE = rules_of(S3Settings(), UrlSettings(), GoogleSettings())


def where(location, *, table="drawings", column="pdf_s3_key", rules=RULES, kind=FileKind.S3_KEY):
    """The source of a reference that a row holds."""
    text = location if kind is not FileKind.JSONB_S3_MAP else f'{{"1": "{location}"}}'
    (reference,) = references("drawings/1", [FileColumn(column, kind, "*")], {column: text})
    return resolve(reference, table, rules, NOW_S)


def skipped(location, **options):
    with pytest.raises(Skipped) as caught:
        where(location, **options)
    assert "s3cr3t" not in str(caught.value)
    return caught.value.reason


def test_key_lies_in_the_bucket_of_its_column():
    assert where("a/b.pdf") == S3Object("documents", "a/b.pdf")
    assert where("a/b.jpg", table="photos") == S3Object("photos", "a/b.jpg")
    assert where("a/b.tif", column="scan_s3_key") == S3Object("scans", "a/b.tif")
    assert where("a/b.tif", table="photos", column="scan_s3_key") == S3Object("photos", "a/b.tif")


@pytest.mark.parametrize(
    "key",
    [" a b+c&d=%25#?e\u0301.pdf ", "a//b", "../../etc/passwd", "/lead", "trail/", "a:b", "a%2Fb", "http:/x", "\\x\t"],
)
def test_key_stays_as_it_is(key):
    assert where(key) == S3Object("documents", key)


def test_keys_of_a_map_lie_in_the_bucket_of_their_column():
    assert where("a.pdf", kind=FileKind.JSONB_S3_MAP) == S3Object("documents", "a.pdf")


@pytest.mark.remedy("set s3.bucket or s3.bucket_of")
def test_a_key_without_a_bucket_is_skipped_until_one_is_set():
    assert skipped("a.pdf", rules=BARE) == "no_bucket"
    assert where("a.pdf") == S3Object("documents", "a.pdf")  # which is set there


@pytest.mark.parametrize("bucket", ["documents", "photos", "scans", "mirror-7"])
def test_a_row_may_name_buckets_of_the_settings(bucket):
    assert where(f"s3://{bucket}/a//b c%20.pdf") == S3Object(bucket, "a//b c%20.pdf")


def test_a_row_may_name_a_version():
    assert where("s3://documents/a.pdf?versionId=v7") == S3Object("documents", "a.pdf", "v7")


@pytest.mark.parametrize("location", ["s3://other/a.pdf", "s3://Documents/a.pdf"])
def test_a_row_may_not_name_other_buckets(location):
    assert skipped(location) == "bucket_not_allowed"


def test_no_settings_know_no_bucket():
    assert skipped("s3://documents/a.pdf", rules=BARE) == "bucket_not_allowed"


def test_link_to_an_allowed_host_is_followed():
    url = "https://files.example.com/a.pdf?token=s3cr3t"
    assert where(url) == HttpUrl(url, "files.example.com", None)
    assert where(url).origin == "https://files.example.com"
    assert where(url, kind=FileKind.JSONB_S3_MAP) == where(url)
    assert "s3cr3t" not in repr(where(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example.com/a.pdf?token=s3cr3t",
        "http://files.example.com/a.pdf",
        "https://files.example.com:444/a.pdf",
        "https://me:s3cr3t@files.example.com/a.pdf",
        "https://127.0.0.1/a.pdf",
        "https://[::1]/a.pdf",
        "https:///a.pdf",
    ],
)
def test_link_to_another_host_is_skipped(url):
    assert skipped(url) == "host_not_allowed"


def test_signed_link_is_followed_while_it_is_valid():
    url = f"https://mirror-1.s3.amazonaws.com/a%20b.pdf?{SIGNED_AT}&X-Amz-Expires=3660"
    assert where(url) == HttpUrl(url, "mirror-1.s3.amazonaws.com", S3Object("mirror-1", "a b.pdf"))


@pytest.mark.parametrize(("lifetime_s", "expired"), [(3541, False), (3540, False), (3539, True), (60, True)])
def test_a_link_that_expired_a_moment_ago_is_tried(lifetime_s, expired):
    url = f"https://mirror-1.s3.amazonaws.com/a.pdf?{SIGNED_AT}&X-Amz-Expires={lifetime_s}"
    assert isinstance(where(url), S3Object) is expired


@pytest.mark.parametrize(
    ("origin", "found"),
    [
        ("https://mirror-1.s3.eu-west-1.amazonaws.com/a%20b.pdf", S3Object("mirror-1", "a b.pdf")),
        ("https://s3.amazonaws.com/mirror-2/a.pdf", S3Object("mirror-2", "a.pdf")),
        ("https://minio.example.com/mirror-3/a.pdf", S3Object("mirror-3", "a.pdf")),
        ("http://127.0.0.1:9000/documents/a.pdf", S3Object("documents", "a.pdf")),
        ("https://photos.example.com/documents/a.pdf", S3Object("documents", "a.pdf")),
    ],
)
def test_expired_link_falls_back_to_s3(origin, found):
    assert where(f"{origin}?{SIGNED_AT}&X-Amz-Expires=60") == found


def test_a_version_goes_along():
    url = f"https://mirror-1.s3.amazonaws.com/a.pdf?versionId=v1&{SIGNED_AT}&X-Amz-Expires=60"
    assert where(url) == S3Object("mirror-1", "a.pdf", "v1")


@pytest.mark.parametrize("origin", ["https://other.s3.amazonaws.com/a.pdf", "https://files.example.com/a.pdf"])
def test_expired_link_without_fallback_is_skipped(origin):
    assert skipped(f"{origin}?{SIGNED_AT}&X-Amz-Expires=60") == "url_expired"


def test_link_into_a_bucket_of_ours_needs_neither_signature_nor_host():
    assert where("https://mirror-1.s3.amazonaws.com/a.pdf") == S3Object("mirror-1", "a.pdf")
    assert where("https://minio.example.com/mirror-1/a.pdf?x=y") == S3Object("mirror-1", "a.pdf")


def test_link_to_a_sheet_needs_credentials():
    url = "https://docs.google.com/spreadsheets/d/1aBcDeFgHiJ_k-L/edit#gid=42"
    assert where(url) == GoogleSheet("1aBcDeFgHiJ_k-L", "42")
    assert skipped(url, rules=BARE) == "no_credentials"


PARTS = ["http", "https", "s3", "://", ":", "/", "//", "?", "#", "&", "=", "@", "[", "]", "%", "%FF", ".", "*", " "]
PARTS += ["files.example.com", "docs.google.com", "mirror-1.s3.amazonaws.com", "127.0.0.1:9000", "spreadsheets/d/"]
PARTS += [
    "X-Amz-Date",
    "20240102T020405Z",
    "X-Amz-Expires",
    "Expires",
    "Signature",
    "se",
    "sig",
    "versionId",
    "9" * 5000,
]


@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=4), max_size=12).map("".join))
@example("https://files.example.com/?X-Amz-Date=20240102T020405Z&X-Amz-Expires=" + "9" * 5000)
@example("https://files.example.com/?Signature=&Expires=" + "9" * 5000)
@example("https://[::1/")
@example("https://a\u2100b/")
@example("https://files.example.com:\u0661/")
def test_whatever_a_row_says_has_a_source_or_is_skipped(location):
    reference = FileReference("pdf_url", FileKind.URL, "", "", "id", "pdf", location=location)
    with contextlib.suppress(Skipped):
        assert resolve(reference, "drawings", RULES, NOW_S).origin


@pytest.mark.parametrize(
    ("source", "origin"),
    [
        (S3Object("documents", "a"), "s3:documents"),
        (HttpUrl("http://host:8000/a?b", "host"), "http://host:8000"),
        (GoogleSheet("d"), "google"),
    ],
)
def test_origin_names_no_path(source, origin):
    assert source.origin == origin


def test_a_host_that_cannot_be_read_is_told_at_the_start():
    with pytest.raises(SettingsError):
        rules_of(S3Settings(), UrlSettings(hosts=["a b"]), GoogleSettings())
