from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from devstack.sample.objects import links
from devstack.sample.objects.links import Form, Link, ObjectStore
from devstack.sample.rows import Sample, Size

STORE = ObjectStore(
    "http://127.0.0.1:9000", "files", datetime(2026, 1, 5, 8, 30, tzinfo=UTC), "AKID", "secret", "eu-west-1"
)
KEY = "a b+c&d=%25#?é/x.pdf"
ENCODED = "a%20b%2Bc%26d%3D%2525%23%3F%C3%A9/x.pdf"


@pytest.mark.parametrize(
    ("form", "bucket", "date", "seconds"),
    [
        (Form.SIGNED, "files", "20260105T083000Z", "604800"),
        (Form.EXPIRED, "files", "20260103T083000Z", "3600"),
        (Form.PARTNER, "partner-files", "20260103T083000Z", "3600"),
    ],
)
def test_signed_link_says_where_when_and_for_how_long(form: Form, bucket: str, date: str, seconds: str) -> None:
    parts = urlsplit(links.text(Link(KEY, form), STORE))
    assert (parts.scheme, parts.netloc, parts.path) == ("http", "127.0.0.1:9000", f"/{bucket}/{ENCODED}")
    query = {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=True).items()}
    assert len(query.pop("X-Amz-Signature")) == 64
    assert query == {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"AKID/{date[:8]}/eu-west-1/s3/aws4_request",
        "X-Amz-Date": date,
        "X-Amz-Expires": seconds,
        "X-Amz-SignedHeaders": "host",
    }


def test_signature_depends_on_secret_key_and_time() -> None:
    other = ObjectStore(STORE.endpoint_url, "files", STORE.signed_at, "AKID", "other", "eu-west-1")
    signed = {
        links.text(Link(KEY, Form.SIGNED), STORE),
        links.text(Link("other", Form.SIGNED), STORE),
        links.text(Link(KEY, Form.SIGNED), other),
        links.text(Link(KEY, Form.EXPIRED), STORE),
    }
    assert len({url.rpartition("=")[2] for url in signed}) == 4
    assert links.text(Link(KEY, Form.SIGNED), STORE) in signed


def test_other_links_are_not_signed() -> None:
    assert links.text(Link(KEY, Form.FOREIGN), STORE) == f"https://files.example.com/{ENCODED}"
    assert links.text(Link("a b/é.pdf", Form.S3), STORE) == "s3://files/a b/é.pdf"


@pytest.mark.parametrize("form", Form)
def test_without_a_store_links_lead_nowhere(form: Form) -> None:
    assert links.text(Link(KEY, form), None) == f"https://files.example.com/{ENCODED}"


def test_store_does_not_show_its_secret() -> None:
    assert "secret=" not in repr(STORE)
    assert "'secret'" not in repr(STORE)


def test_rows_differ_by_the_store_in_their_links_alone() -> None:
    plain, stored = Sample(Size(factor=0.1)), Sample(Size(factor=0.1), STORE)
    table = plain.table("drawing_revisions")
    differing = {
        column.name
        for one, other in zip(plain.rows(table.name), stored.rows(table.name), strict=True)
        for column, first, second in zip(table.stored_columns, one, other, strict=True)
        if first != second
    }
    assert differing == {"pdf_url", "thumbnail_url"}


STORES = {
    "plain": ("http://127.0.0.1:9000/files", ("http://127.0.0.1:9000", "files", "test", "test")),
    "credentials": ("https://AK:a%2Fb@s3.example.com/x/", ("https://s3.example.com", "x", "AK", "a/b")),
}


@pytest.mark.parametrize(("url", "parts"), STORES.values(), ids=STORES)
def test_store_is_named_by_a_url(url: str, parts: tuple[str, ...]) -> None:
    store = ObjectStore.parse(url, STORE.signed_at)
    assert (store.endpoint_url, store.bucket, store.access_key_id, store.secret_access_key) == parts


@pytest.mark.parametrize("url", ["files", "http://127.0.0.1:9000", "http://127.0.0.1:9000/a/b", "ftp://x/files"])
def test_url_without_host_or_bucket_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a URL like http://host:port/bucket$"):
        ObjectStore.parse(url, STORE.signed_at)
