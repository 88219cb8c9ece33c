"""
Where the bytes of a reference lie, decided from the settings and from what the row says.

Rule 1: the bucket of a key comes from the settings, never from the row; a row may name only buckets that they know.
Rule 2: a link is followed only to hosts that are allowed; an expired one is fetched from S3 with our own credentials
        and from our own endpoint, when its bucket is one of `urls.s3_buckets`, and not at all otherwise.
Rule 3: `origin` names a store or host for breakers and metrics; never a path, key or signature.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from file_fetcher.download.hosts import Hosts, WebAddress, host_entries, web_address
from file_fetcher.download.links import expires_at_s, google_sheet, is_signed, s3_object
from file_fetcher.failures import Skipped
from file_fetcher.settings import GoogleSettings, S3Settings, UrlSettings
from schemas.file_references import FileReference, s3_uri

# Between our clock and that of a store; a link that expired less long ago is tried.
_SKEW_S = 60
_LINK = re.compile(r"https?://.*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object, fetched with our own credentials."""

    bucket: str
    key: str
    version_id: str | None = None

    @property
    def origin(self) -> str:
        """The bucket, for breakers and metrics."""
        return f"s3:{self.bucket}"


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """A link to follow; `url` holds its signature. `fallback` is the same object for the day the link has expired."""

    url: str = field(repr=False)
    host: str
    fallback: S3Object | None = None

    @property
    def origin(self) -> str:
        """Scheme and host, for breakers and metrics."""
        return web_address(self.url).origin


@dataclass(frozen=True, slots=True)
class GoogleSheet:
    """A sheet of a Google spreadsheet; without `gid` its first."""

    document: str
    gid: str | None = None

    @property
    def origin(self) -> str:
        """The same for all sheets."""
        return "google"


Source = S3Object | HttpUrl | GoogleSheet


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say about where files may come from."""

    bucket: str
    bucket_of: tuple[tuple[str, str], ...]  # pattern of `table.column`, bucket
    hosts: Hosts
    s3_hosts: frozenset[str]
    fallback_buckets: tuple[str, ...]
    google: bool

    def bucket_for(self, table: str, column: str) -> str:
        """The bucket of a column's keys; empty where the settings name none."""
        named = (bucket for pattern, bucket in self.bucket_of if fnmatchcase(f"{table}.{column}", pattern))
        return next(named, self.bucket)

    def may_fall_back(self, bucket: str) -> bool:
        """Whether links into a bucket may be fetched with our own credentials."""
        return any(fnmatchcase(bucket, pattern) for pattern in self.fallback_buckets)

    def knows(self, bucket: str) -> bool:
        """Whether a row may name this bucket."""
        named = {self.bucket} | {name for _, name in self.bucket_of}
        return bucket in named or self.may_fall_back(bucket)


def rules_of(s3: S3Settings, urls: UrlSettings, google: GoogleSettings) -> Rules:
    """Read the rules out of the settings; raises `SettingsError` for an entry that cannot be read."""
    endpoints = filter(None, (s3.endpoint_url, *s3.endpoint_of.values()))
    return Rules(
        bucket=s3.bucket,
        bucket_of=tuple(s3.bucket_of.items()),
        hosts=Hosts(host_entries(urls.hosts), urls.any_public_host),
        s3_hosts=frozenset(urls.s3_hosts) | {urlsplit(endpoint).netloc for endpoint in endpoints},
        fallback_buckets=tuple(urls.s3_buckets),
        google=google.credentials_file is not None,
    )


def resolve(reference: FileReference, table: str, rules: Rules, now_s: float) -> Source:
    """
    Decide where a reference's bytes lie.

    `table` is the document table of the row, `now_s` seconds since the Unix epoch. Raises `Skipped`: no_bucket,
    bucket_not_allowed, host_not_allowed, url_expired, no_credentials.
    """
    location = reference.location
    if (uri := s3_uri(location)) is not None:
        if not rules.knows(uri.bucket):
            raise Skipped("bucket_not_allowed", f"expected a bucket of the settings, got {uri.bucket!r}")
        return S3Object(uri.bucket, uri.key, uri.version_id)
    if _LINK.fullmatch(location):
        return _link(location, rules, now_s)
    bucket = rules.bucket_for(table, reference.column)
    if not bucket:
        raise Skipped(
            "no_bucket",
            f"expected a bucket for {table}.{reference.column}, got none",
            remedy="set s3.bucket or s3.bucket_of",
        )
    return S3Object(bucket, location)


def _link(url: str, rules: Rules, now_s: float) -> Source:
    address = web_address(url)
    if (sheet := google_sheet(url, address)) is not None:
        if not rules.google:
            raise Skipped("no_credentials", "expected google.credentials_file for a link to Google Sheets, got none")
        return GoogleSheet(*sheet)
    fallback = _fallback(url, address, rules)
    expires_s = expires_at_s(url)
    expired = expires_s is not None and now_s > expires_s + _SKEW_S
    allowed = rules.hosts.entry(address) is not None
    if fallback is not None and (expired or not allowed or not is_signed(url)):
        return fallback
    if not allowed:
        raise Skipped("host_not_allowed", f"expected a host of urls.hosts, got {address.origin!r}")
    if expired:
        raise Skipped("url_expired", f"the link to {address.host!r} has expired")
    return HttpUrl(url, address.host, fallback)


def _fallback(url: str, address: WebAddress, rules: Rules) -> S3Object | None:
    found = s3_object(url, address, rules.s3_hosts)
    return S3Object(*found) if found and rules.may_fall_back(found[0]) else None
