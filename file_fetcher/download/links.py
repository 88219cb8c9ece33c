"""
What a link says by itself: when its signature expires, which object of S3 or which Google sheet it means.

Leaves to others: whether it may be followed, and with whose credentials.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from urllib.parse import parse_qsl, unquote, urlsplit

from file_fetcher.download.hosts import WebAddress

_AMAZON = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:-accelerate|-fips)?(?:\.dualstack)?(?:[.-][a-z]{2}(?:-[a-z]+)+-\d+)?\.amazonaws\.com(?:\.cn)?"
)
_SHEET = re.compile(r"/spreadsheets(?:/u/\d+)?/d/(?P<document>[A-Za-z0-9_-]{10,})(?:/.*)?")
_GID = re.compile(r"(?:^|[?&#])gid=(?P<gid>\d+)")
# Enough for a time in any year that matters; a longer number is none.
_SECONDS = re.compile(r"[0-9]{1,12}")
_SIGNATURES = ("X-Amz-Signature", "X-Goog-Signature", "Signature", "sig")
# (when it was signed, for how many seconds)
_LIFETIMES = (("X-Amz-Date", "X-Amz-Expires"), ("X-Goog-Date", "X-Goog-Expires"))


def is_signed(url: str) -> bool:
    """Whether the link carries a signature."""
    query = _query(url)
    return any(name in query for name in _SIGNATURES)


def expires_at_s(url: str) -> float | None:
    """When a signed link expires, in seconds since the Unix epoch; None where it does not say."""
    query = _query(url)
    for date, lifetime in _LIFETIMES:
        signed_s = _seconds(query.get(date, ""), "%Y%m%dT%H%M%SZ")
        if signed_s is not None and _SECONDS.fullmatch(query.get(lifetime, "")):
            return signed_s + int(query[lifetime])
    if "Signature" in query and _SECONDS.fullmatch(query.get("Expires", "")):
        return float(query["Expires"])
    if "sig" in query:
        for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d"):
            if (end_s := _seconds(query.get("se", ""), form)) is not None:
                return end_s
    return None


def s3_object(url: str, address: WebAddress, s3_hosts: Collection[str]) -> tuple[str, str, str | None] | None:
    """
    Bucket, key and version that a link to S3 means; None when it means none.

    Amazon's hosts are known (virtual-hosted, path style, dual stack, accelerated); those of `s3_hosts` (`host` or
    `host:port`) are path style. The key is percent-decoded once; `+` stays `+`.
    """
    path = address.target.partition("?")[0].removeprefix("/")
    match = _AMAZON.fullmatch(address.host)
    if match is not None and match["bucket"]:
        bucket, key = match["bucket"], path
    elif match is not None or {address.host, f"{address.host}:{address.port}"} & set(s3_hosts):
        bucket, _, key = path.partition("/")
    else:
        return None
    try:
        bucket, key = unquote(bucket, errors="strict"), unquote(key, errors="strict")
    except UnicodeDecodeError:
        return None
    return (bucket, key, _query(url).get("versionId")) if bucket and key else None


def google_sheet(url: str, address: WebAddress) -> tuple[str, str | None] | None:
    """Document and sheet (`gid`) of a link to Google Sheets; None when it is none."""
    if address.host != "docs.google.com":
        return None
    match = _SHEET.fullmatch(address.target.partition("?")[0])
    if match is None:
        return None
    parts = urlsplit(url)
    gid = _GID.search(parts.fragment) or _GID.search(parts.query)
    return match["document"], gid["gid"] if gid else None


def _query(url: str) -> Mapping[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def _seconds(text: str, form: str) -> float | None:
    try:
        return float(calendar.timegm(datetime.strptime(text, form).timetuple()))
    except ValueError:
        return None
