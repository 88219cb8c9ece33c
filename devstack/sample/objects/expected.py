"""
What must become of a reference in the sample: the other side of the comparison, made from what was put in.

It takes the settings of `fetcher_settings` for granted: which bucket, which hosts, which limit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from devstack.sample.objects import contents
from devstack.sample.objects.catalogue import MAX_BYTES, objects
from devstack.sample.objects.contents import Content, SheetRow
from devstack.sample.objects.links import FOREIGN_HOST, PARTNER_BUCKET, ObjectStore

GOOGLE_HOST = "docs.google.com"

_WORD = re.compile(r"\w+")
_UNSUPPORTED = frozenset({"docx", "dwg", "zip", "html"})
_UNREADABLE = frozenset({"corrupt", "encrypted"})


@dataclass(frozen=True, slots=True)
class Made:
    """The bytes of a content, in numbers."""

    sha256: str
    md5: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Expected:
    """
    How a reference must end: `status` and `reason` as in a file's result.

    `text`: what was written into the file; None where it holds no text or none that can be read (`readable`).
    `rows`: those of its sheets, without headers, the bad ones among them; none for anything but a sheet.
    """

    status: str
    reason: str = ""
    sha256: str = ""
    size_bytes: int = 0
    text: str | None = None
    rows: tuple[SheetRow, ...] = ()
    pages: int | None = None
    readable: bool = True

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the text, in its order."""
        return words_of(self.text or "")

    @property
    def accepted(self) -> tuple[SheetRow, ...]:
        """The rows that must be taken."""
        return tuple(row for row in self.rows if not row.bad)

    @property
    def rejected(self) -> tuple[SheetRow, ...]:
        """The rows that must be rejected."""
        return tuple(row for row in self.rows if row.bad)

    def agrees_with(self, found: str, *, truncated: bool = False) -> bool:
        """
        Tell whether `found` is the text that was put in, word for word.

        A truncated one may end early, in the middle of a word. Of sheets only that the words of all accepted rows are
        there is asked: their parser may add names of sheets.
        """
        if self.rows:
            return {word for row in self.accepted for cell in row.cells for word in words_of(cell)} <= {
                *words_of(found)
            }
        if truncated:
            found_words = words_of(found)[:-1]
            return bool(found_words) and found_words == self.words[: len(found_words)]
        return words_of(found) == self.words


class Expectations:
    """What to expect of the references of a sample that was loaded with that store."""

    def __init__(self, store: ObjectStore | None, made: Mapping[Content, Made]) -> None:
        self._store = store
        self._made = made
        self._known: dict[Content, Expected] = {}

    def expected(self, location: str) -> Expected:
        """Return what must become of a reference, given as the row holds it: a key, or a URL with its query."""
        parts = urlsplit(location)
        if parts.scheme in ("http", "https"):
            return self._of_url(location)
        if parts.scheme == "s3" and self._store is not None:
            return self._of_key(location.removeprefix(f"s3://{self._store.bucket}/"))
        return self._of_key(location)

    def _of_url(self, url: str) -> Expected:
        parts = urlsplit(url)
        if parts.hostname == GOOGLE_HOST:
            return Expected("skipped", "no_credentials")
        if parts.hostname == FOREIGN_HOST:
            return Expected("skipped", "host_not_allowed")
        # Not parts.path: keys begin with slashes, too.
        bucket, _, key = url.partition("?")[0].split("/", 3)[3].partition("/")
        if bucket == PARTNER_BUCKET:
            return Expected("skipped", "url_expired")
        return self._of_key(unquote(key))

    def _of_key(self, key: str) -> Expected:
        content = objects().get(key)
        if content is None:
            return Expected("failed", "not_found")
        if content.kind == "empty":
            return Expected("skipped", "not_a_file" if key.endswith("/") else "empty")
        if content.kind == "large":
            return Expected("skipped", "too_large")
        if content.kind in _UNSUPPORTED:
            return Expected("skipped", "unsupported_type")
        # Many references are to the same content.
        if (known := self._known.get(content)) is None:
            known = self._known[content] = self._fetched(content)
        return known

    def _fetched(self, content: Content) -> Expected:
        kind, made = content.kind, self._made[content]
        text: str | None = None
        rows: tuple[SheetRow, ...] = ()
        pages: int | None = None
        if kind == "long":
            text = contents.long_text(content)
        elif kind in contents.SHEETS:
            rows = tuple(row for sheet in contents.sheets(content) for row in sheet.rows)
            text = "\n".join(" ".join(row.cells) for row in rows if not row.bad)
        elif kind not in contents.IMAGES and kind not in _UNREADABLE:
            lines = contents.pages(content)
            text, pages = "\n".join(line for page in lines for line in page), len(lines) if kind == "pdf" else None
        readable = kind not in _UNREADABLE
        return Expected("fetched", "", made.sha256, made.size_bytes, text, rows, pages, readable)


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text; parsers differ in what they put between them."""
    return tuple(_WORD.findall(text))


def fetcher_settings(store: ObjectStore) -> dict[str, str]:
    """Return what file-fetcher must be told (its environment) so that the references end as expected here."""
    host = f"{store.endpoint_url} private"
    return {
        "ROWFERRY_S3__BUCKET": store.bucket,
        "ROWFERRY_S3__ENDPOINT_URL": store.endpoint_url,
        "ROWFERRY_S3__REGION": store.region,
        "ROWFERRY_S3__ACCESS_KEY_ID": store.access_key_id,
        "ROWFERRY_S3__SECRET_ACCESS_KEY": store.secret_access_key,
        "ROWFERRY_URLS__HOSTS": json.dumps([host]),
        "ROWFERRY_URLS__S3_HOSTS": json.dumps([urlsplit(store.endpoint_url).netloc]),
        "ROWFERRY_URLS__S3_BUCKETS": json.dumps([store.bucket]),
        "ROWFERRY_LIMITS__MAX_BYTES": str(MAX_BYTES),
    }
