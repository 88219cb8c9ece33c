"""The sample's objects on a real S3 server, laid down before its start or uploaded, and the links to them."""

from __future__ import annotations

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import urllib3

from devstack.sample.__main__ import main as sample_command
from devstack.sample.load import load
from devstack.sample.objects import cached, links
from devstack.sample.objects.catalogue import FAULTY, ODD_KEYS, objects
from devstack.sample.objects.contents import Content
from devstack.sample.objects.expected import Expectations
from devstack.sample.objects.links import Form, Link, ObjectStore
from devstack.sample.rows import Size
from devstack.sample.workload import Workload, run
from tests.databases import Database
from tests.servers import S3Address

SOME_KEYS = (*ODD_KEYS, *FAULTY, *list(objects())[::40])


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def made(key: str) -> str:
    return cached._made()[objects()[key]].sha256


def test_every_key_is_there_and_nothing_else(s3: S3Address, sample_objects: ObjectStore) -> None:
    pages = s3.client().get_paginator("list_objects_v2").paginate(Bucket=sample_objects.bucket)
    assert {entry["Key"] for page in pages for entry in page["Contents"]} == set(objects())


def test_objects_hold_what_was_made(s3: S3Address, sample_objects: ObjectStore) -> None:
    client = s3.client()

    def found(key: str) -> str:
        return digest(client.get_object(Bucket=sample_objects.bucket, Key=key)["Body"].read())

    with ThreadPoolExecutor(4) as pool:
        assert dict(zip(SOME_KEYS, pool.map(found, SOME_KEYS), strict=True)) == {key: made(key) for key in SOME_KEYS}


def test_signed_links_lead_to_their_objects(sample_objects: ObjectStore) -> None:
    http = urllib3.PoolManager()
    for key in SOME_KEYS:
        # urllib3 resolves segments of dots before it asks, as browsers do; the sample has no links to such keys.
        if ".." in key or "/./" in key:
            continue
        answer = http.request("GET", links.text(Link(key, Form.SIGNED), sample_objects))
        assert (key, answer.status, digest(answer.data)) == (key, 200, made(key))


@pytest.mark.parametrize(
    ("form", "words"),
    [(Form.EXPIRED, b"Request has expired"), (Form.PARTNER, b"Request has expired")],
    ids=["our bucket", "another"],
)
def test_links_of_the_day_before_yesterday_are_refused(sample_objects: ObjectStore, form: Form, words: bytes) -> None:
    answer = urllib3.PoolManager().request("GET", links.text(Link("odd/b.pdf", form), sample_objects))
    assert answer.status == 403
    assert words in answer.data


def test_link_of_another_secret_is_refused(sample_objects: ObjectStore) -> None:
    forged = replace(sample_objects, secret_access_key="guessed")
    answer = urllib3.PoolManager().request("GET", links.text(Link("odd/b.pdf", Form.SIGNED), forged))
    assert answer.status == 403
    assert b"SignatureDoesNotMatch" in answer.data


def test_link_is_good_for_a_week(sample_objects: ObjectStore) -> None:
    http = urllib3.PoolManager()
    for days, status in ((6, 200), (8, 403)):
        earlier = replace(sample_objects, signed_at=sample_objects.signed_at - timedelta(days=days))
        assert http.request("GET", links.text(Link("odd/b.pdf", Form.SIGNED), earlier)).status == status


def test_objects_can_be_uploaded_to_any_server(s3: S3Address, s3_bucket: str) -> None:
    client = s3.client()
    cached.upload(client, s3_bucket, SOME_KEYS)
    for key in (*ODD_KEYS, *FAULTY):
        answer = client.get_object(Bucket=s3_bucket, Key=key)
        assert (key, digest(answer["Body"].read())) == (key, made(key))
    assert client.head_object(Bucket=s3_bucket, Key="odd/b.pdf")["ContentType"] == "application/pdf"


def test_upload_command_tells_a_refusal_in_one_line(
    s3: S3Address, s3_bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = s3.endpoint_url.replace("http://", "http://nobody:x@")
    assert sample_command(["upload", "--objects", f"{refused}/{s3_bucket}"]) == 70
    assert capsys.readouterr().err == (
        f"error: expected bucket {s3_bucket!r} to take the objects, got ClientError; "
        "give an endpoint with credentials that may make buckets and write there\n"
    )


def test_loaded_links_lead_to_the_store(database: Database, sample_objects: ObjectStore) -> None:
    load(database.dsn, Size(factor=0.1), sample_objects)
    rows = database.execute("SELECT image_url FROM photos WHERE image_url LIKE 'http%%'", ())
    expectations = cached.expectations(sample_objects)
    ends = Counter(expectations.expected(url).reason or "fetched" for (url,) in rows)
    assert {"fetched", "host_not_allowed", "url_expired", "no_credentials"} <= ends.keys()
    assert ends["fetched"] > ends.total() / 2


def test_workload_changes_and_removes_references(database: Database, sample_objects: ObjectStore) -> None:
    query = """
        SELECT 'photos', id::text, file_s3_key FROM photos UNION ALL
        SELECT 'documents', id::text, s3_key FROM documents UNION ALL
        SELECT 'inspection_items', id::text, signature_s3_key FROM inspection_items
    """
    size = Size(factor=0.1)
    load(database.dsn, size, sample_objects)
    before = {(table, number): key for table, number, key in database.execute(query)}
    report = run(database.dsn, Workload(size, rate_per_s=400, seconds=3, store=sample_objects))
    assert report.transactions["file_change"] > 10
    after = {(table, number): key for table, number, key in database.execute(query)}
    kept = before.keys() & after.keys()
    assert before.keys() - after.keys(), "rows with their references are deleted"
    assert after.keys() - before.keys(), "rows with references are inserted"
    assert [row for row in kept if before[row] and not after[row]], "references are removed"
    assert [row for row in kept if after[row] and before[row] != after[row]], "references change"
    assert database.execute("SELECT count(*) > 0 FROM rfis WHERE attachment_s3_keys ? '1'") == [(True,)]


def test_made_contents_are_known_by_their_bytes() -> None:
    expectations: Expectations = cached.expectations(None)
    digests = {expectations.expected(key).sha256 for key, content in objects().items() if content.kind == "pdf"}
    assert len(digests) == 485
    assert digest(b"") == cached._made()[Content("empty", 1)].sha256
