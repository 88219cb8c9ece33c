"""Downloads from a real S3 server: keys, versions, archives, signed links."""

from __future__ import annotations

import hashlib

import pytest
import urllib3

from file_fetcher.download.sources import HttpUrl, S3Object
from file_fetcher.failures import Blocked, Later, Skipped
from file_fetcher.settings import UrlSettings
from tests.integration.file_fetcher.download.conftest import DATA, make_settings
from tests.waiting import eventually

KEYS = [
    "plain/a.pdf",
    "a b+c&d=%25#?e\u0301.pdf",
    "a//b.pdf",
    "../../etc/passwd",
    "/lead.pdf",
    "trail/",
    "k" * 1024,
]


@pytest.fixture
def store(s3, engine, fetching):
    """A downloader for the server."""
    keys = {"access_key_id": s3.access_key_id, "secret_access_key": s3.secret_access_key, "region": s3.region}
    urls = UrlSettings(hosts=[f"{s3.endpoint_url} private"])
    return fetching(make_settings(s3.endpoint_url, engine=engine, **keys).model_copy(update={"urls": urls}))


@pytest.mark.parametrize("key", KEYS)
def test_key_is_found_as_it_is(s3, s3_bucket, store, key):
    s3.client().put_object(Bucket=s3_bucket, Key=key, Body=key.encode(), ContentType="text/plain")
    got = store.of(S3Object(s3_bucket, key))
    assert store.target.read_bytes() == key.encode()
    assert (got.sha256, got.declared_type) == (hashlib.sha256(key.encode()).hexdigest(), "text/plain")


def test_another_key_is_not_found_in_its_place(s3, s3_bucket, store):
    client = s3.client()
    for key, other in {"/lead.pdf": "lead.pdf", "a//b.pdf": "a/b.pdf", "trail/": "trail", "a": "/a"}.items():
        client.put_object(Bucket=s3_bucket, Key=key, Body=b"x")
        with pytest.raises(Later) as caught:
            store.of(S3Object(s3_bucket, other))
        assert caught.value.reason == "not_found"


def test_a_large_object_arrives_exactly(s3, s3_bucket, store, engine):
    s3.client().put_object(Bucket=s3_bucket, Key="a.bin", Body=DATA)
    got = store.of(S3Object(s3_bucket, "a.bin"))
    assert (got.sha256, got.size_bytes, got.engine) == (hashlib.sha256(DATA).hexdigest(), 3_000_000, engine)


@pytest.mark.remedy("correct the name in s3.bucket or s3.bucket_of")
def test_a_bucket_that_is_not_there_is_no_files_fault(s3, s3_bucket, store):
    with pytest.raises(Blocked) as caught:
        store.of(S3Object("no-such-bucket-here", "a.pdf"))
    assert (caught.value.reason, caught.value.remedy) == (
        "no_such_bucket",
        "correct the name in s3.bucket or s3.bucket_of",
    )
    s3.client().put_object(Bucket=s3_bucket, Key="a.pdf", Body=DATA)
    assert store.of(S3Object(s3_bucket, "a.pdf")).size_bytes == len(DATA)


def test_an_empty_object_is_skipped(s3, s3_bucket, store):
    for key, reason in {"a.pdf": "empty", "folder/": "not_a_file"}.items():
        s3.client().put_object(Bucket=s3_bucket, Key=key, Body=b"")
        with pytest.raises(Skipped) as caught:
            store.of(S3Object(s3_bucket, key))
        assert caught.value.reason == reason


def test_an_older_version_is_fetched_by_name(s3, s3_bucket, store):
    client = s3.client()
    client.put_bucket_versioning(Bucket=s3_bucket, VersioningConfiguration={"Status": "Enabled"})
    first = client.put_object(Bucket=s3_bucket, Key="a.pdf", Body=b"first")["VersionId"]
    second = client.put_object(Bucket=s3_bucket, Key="a.pdf", Body=b"second")["VersionId"]
    assert store.of(S3Object(s3_bucket, "a.pdf", first)).version_id == first
    assert store.target.read_bytes() == b"first"
    assert store.of(S3Object(s3_bucket, "a.pdf")).version_id == second


def signed(s3, bucket, key, *, lifetime_s):
    names = {"Bucket": bucket, "Key": key}
    return s3.client().generate_presigned_url("get_object", Params=names, ExpiresIn=lifetime_s)


@pytest.mark.parametrize("key", ["plain/a.pdf", "a b+c&d=%25#?e\u0301.pdf"])
def test_signed_link_is_followed(s3, s3_bucket, store, key):
    s3.client().put_object(Bucket=s3_bucket, Key=key, Body=DATA)
    got = store.of(HttpUrl(signed(s3, s3_bucket, key, lifetime_s=60), "host"))
    assert (got.sha256, got.engine) == (hashlib.sha256(DATA).hexdigest(), "https")


def test_a_link_that_the_store_calls_expired_falls_back(s3, s3_bucket, store, engine):
    s3.client().put_object(Bucket=s3_bucket, Key="a.pdf", Body=DATA)
    url = signed(s3, s3_bucket, "a.pdf", lifetime_s=1)
    eventually(lambda: urllib3.request("GET", url).status == 403, what="the link expires")
    got = store.of(HttpUrl(url, "host", S3Object(s3_bucket, "a.pdf")))
    assert (got.sha256, got.engine) == (hashlib.sha256(DATA).hexdigest(), engine)
    with pytest.raises(Skipped) as caught:
        store.of(HttpUrl(url, "host"))
    assert caught.value.reason == "url_expired"


def test_probe_tells_what_the_bucket_answers(s3, s3_bucket, store):
    probe = store.downloader.probe(s3_bucket)
    assert (probe.reachable, probe.head, probe.list, probe.get) == (True, "ok", "ok", "NoSuchKey")
    assert store.downloader.probe("no-such-bucket-here").head == "404"
