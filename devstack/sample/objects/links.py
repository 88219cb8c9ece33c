"""
URLs to objects: signed, expired, unsigned, of a bucket's own scheme; signed by AWS's Signature Version 4.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html says how. The same link, store and time
give the same text. Without a store the links point to hosts that do not exist.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from urllib.parse import quote, unquote, urlsplit

FOREIGN_HOST = "files.example.com"
PARTNER_BUCKET = "partner-files"
"""A bucket that is not ours: nothing but a valid link leads into it."""
EXPIRED_S = 3_600
VALID_S = 604_800  # a week, the most there is
_EXPIRED_FOR = timedelta(days=2)
_UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"


class Form(StrEnum):
    """How a link leads to its object, if it does."""

    SIGNED = "signed"
    EXPIRED = "expired"  # signed two days ago for an hour; the object is in our bucket
    PARTNER = "partner"  # likewise, in a bucket that is not ours
    FOREIGN = "foreign"  # unsigned, to a host that no one allowed
    S3 = "s3"  # s3://bucket/key


@dataclass(frozen=True, slots=True)
class Link:
    """A link to the object of that key."""

    key: str
    form: Form


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A running S3 server, a bucket in it, and when its links are signed (UTC)."""

    endpoint_url: str
    bucket: str
    signed_at: datetime
    access_key_id: str = "test"
    secret_access_key: str = field(default="test", repr=False)
    region: str = "us-east-1"

    @classmethod
    def parse(cls, url: str, signed_at: datetime) -> ObjectStore:
        """Read `http://[key:secret@]host:port/bucket`; raises ValueError."""
        parts = urlsplit(url)
        bucket = parts.path.strip("/")
        if parts.scheme not in ("http", "https") or not parts.hostname or not bucket or "/" in bucket:
            raise ValueError("expected a URL like http://host:port/bucket")
        place = parts.netloc.rpartition("@")[2]
        credentials = (unquote(parts.username), unquote(parts.password or "")) if parts.username else ()
        return cls(f"{parts.scheme}://{place}", bucket, signed_at, *credentials)


def text(link: Link, store: ObjectStore | None) -> str:
    """Return the link as a row holds it."""
    if store is None or link.form is Form.FOREIGN:
        return f"https://{FOREIGN_HOST}/{_encoded(link.key)}"
    if link.form is Form.S3:
        return f"s3://{store.bucket}/{link.key}"
    if link.form is Form.SIGNED:
        return signed(store, store.bucket, link.key, at=store.signed_at, valid_s=VALID_S)
    bucket = PARTNER_BUCKET if link.form is Form.PARTNER else store.bucket
    return signed(store, bucket, link.key, at=store.signed_at - _EXPIRED_FOR, valid_s=EXPIRED_S)


def signed(store: ObjectStore, bucket: str, key: str, *, at: datetime, valid_s: int) -> str:
    """Return a URL that gives whoever has it the object from `at` on for so many seconds."""
    path = f"/{bucket}/{_encoded(key)}"
    moment = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{store.region}/s3/aws4_request"
    query = "&".join(
        (
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            f"X-Amz-Credential={quote(f'{store.access_key_id}/{scope}', safe='')}",
            f"X-Amz-Date={moment}",
            f"X-Amz-Expires={valid_s}",
            "X-Amz-SignedHeaders=host",
        )
    )
    host = urlsplit(store.endpoint_url).netloc
    request = f"GET\n{path}\n{query}\nhost:{host}\n\nhost\n{_UNSIGNED_PAYLOAD}"
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(_signing_key(store.secret_access_key, scope), to_sign.encode(), "sha256").hexdigest()
    return f"{store.endpoint_url}{path}?{query}&X-Amz-Signature={signature}"


@cache
def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _encoded(key: str) -> str:
    return quote(key, safe="/-_.~")
