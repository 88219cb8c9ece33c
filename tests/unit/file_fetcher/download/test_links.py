"""What links say by themselves."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from file_fetcher.download.hosts import web_address
from file_fetcher.download.links import expires_at_s, google_sheet, is_signed, s3_object

AMZ = "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20240102T030405Z"


@pytest.mark.parametrize(
    ("url", "end_s"),
    [
        (AMZ + "&X-Amz-Expires=3600&X-Amz-Signature=s", 1704168245),
        (AMZ + "&X-Amz-Expires=604800&X-Amz-Signature=s", 1704769445),
        ("https://h/k?X-Goog-Date=20240102T030405Z&X-Goog-Expires=60&X-Goog-Signature=s", 1704164705),
        ("https://h/k?AWSAccessKeyId=a&Expires=1700000000&Signature=s", 1700000000),
        ("https://h/k?Expires=1700000000&Signature=s&Key-Pair-Id=k", 1700000000),
        ("https://h.blob.core.windows.net/k?se=2024-01-02T03%3A04%3A05Z&sig=s", 1704164645),
        ("https://h.blob.core.windows.net/k?se=2024-01-02T03%3A04Z&sig=s", 1704164640),
        ("https://h.blob.core.windows.net/k?se=2024-01-02&sig=s", 1704153600),
        (AMZ + "&X-Amz-Expires=soon&X-Amz-Signature=s", None),
        ("https://h/k?X-Amz-Date=never&X-Amz-Expires=60", None),
        ("https://h/k?Expires=1700000000", None),
        ("https://h/k?Expires=tomorrow&Signature=s", None),
        ("https://h/k?se=2024-01-02", None),
        ("https://h/k", None),
    ],
)
def test_expiry_is_read(url, end_s):
    assert expires_at_s(url) == end_s


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        (AMZ + "&X-Amz-Signature=s", True),
        ("https://h/k?X-Goog-Signature=s", True),
        ("https://h/k?Signature=s", True),
        ("https://h/k?sig=s", True),
        ("https://h/k?signal=s", False),
        ("https://h/k", False),
    ],
)
def test_signature_is_seen(url, signed):
    assert is_signed(url) is signed


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://bucket.s3.amazonaws.com/a/b.pdf", ("bucket", "a/b.pdf", None)),
        ("https://bucket.s3.eu-west-1.amazonaws.com/a?versionId=v1&x=y", ("bucket", "a", "v1")),
        ("https://bucket.s3-eu-west-1.amazonaws.com/a", ("bucket", "a", None)),
        ("https://my.dotted.bucket.s3.us-gov-west-1.amazonaws.com/a", ("my.dotted.bucket", "a", None)),
        ("https://bucket.s3.dualstack.eu-west-1.amazonaws.com/a", ("bucket", "a", None)),
        ("https://bucket.s3-accelerate.amazonaws.com/a", ("bucket", "a", None)),
        ("https://bucket.s3-accelerate.dualstack.amazonaws.com/a", ("bucket", "a", None)),
        ("https://bucket.s3.cn-north-1.amazonaws.com.cn/a", ("bucket", "a", None)),
        ("https://s3.amazonaws.com/bucket/a/b", ("bucket", "a/b", None)),
        ("https://s3.eu-west-1.amazonaws.com/bucket/a", ("bucket", "a", None)),
        ("https://s3-eu-west-1.amazonaws.com/bucket/a", ("bucket", "a", None)),
        ("https://s3.dualstack.eu-west-1.amazonaws.com/bucket/a", ("bucket", "a", None)),
        ("http://127.0.0.1:9000/bucket/a", ("bucket", "a", None)),
        ("https://minio.example.com/bucket/a", ("bucket", "a", None)),
        ("https://minio.example.com:8443/bucket/a", ("bucket", "a", None)),
        ("https://s3.amazonaws.com/bucket/a%20b+c%2525%2F.pdf", ("bucket", "a b+c%25/.pdf", None)),
        ("https://s3.amazonaws.com/bucket//a/../b", ("bucket", "/a/../b", None)),
        ("https://s3.amazonaws.com/bucket/%C3%A9.pdf", ("bucket", "é.pdf", None)),
        ("https://s3.amazonaws.com/bucket/%FF.pdf", None),
        ("https://s3.amazonaws.com/bucket", None),
        ("https://bucket.s3.amazonaws.com/", None),
        ("https://bucket.s3-website-eu-west-1.amazonaws.com/a", None),
        ("https://bucket.s3.amazonaws.com.evil.com/a", None),
        ("https://evil.com/bucket/a", None),
        ("http://127.0.0.1:9001/bucket/a", None),
    ],
)
def test_link_to_s3_means_an_object(url, found):
    assert s3_object(url, web_address(url), {"127.0.0.1:9000", "minio.example.com"}) == found


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.sampled_from(["", "/"]))
def test_every_key_survives_its_link(key, safe):
    path = quote(key, safe=safe)
    for url in (f"https://s3.amazonaws.com/bucket/{path}", f"https://bucket.s3.amazonaws.com/{path}?a=b#c"):
        assert s3_object(url, web_address(url), ()) == ("bucket", key, None)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://docs.google.com/spreadsheets/d/1aBcDeFgHiJ_k-L/edit#gid=42", ("1aBcDeFgHiJ_k-L", "42")),
        ("https://docs.google.com/spreadsheets/d/1aBcDeFgHiJ_k-L/edit?gid=7#gid=42", ("1aBcDeFgHiJ_k-L", "42")),
        ("https://docs.google.com/spreadsheets/d/1aBcDeFgHiJ_k-L/edit?usp=sharing&gid=7", ("1aBcDeFgHiJ_k-L", "7")),
        ("https://docs.google.com/spreadsheets/u/1/d/1aBcDeFgHiJ_k-L", ("1aBcDeFgHiJ_k-L", None)),
        ("https://docs.google.com/spreadsheets/d/e/2PACX-1vQabcdefgh/pubhtml", None),
        ("https://docs.google.com/document/d/1aBcDeFgHiJ_k-L/edit", None),
        ("https://evil.com/spreadsheets/d/1aBcDeFgHiJ_k-L/edit", None),
    ],
)
def test_link_to_a_google_sheet_is_seen(url, found):
    assert google_sheet(url, web_address(url)) == found
