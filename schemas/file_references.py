"""
References to files in rows: which columns hold them, what a value refers to, and the id each file gets.

The sink writes a record's references from here, the fetcher fetches them: both compute the same ids. A file's id
follows from table, row key, column and, in a map, the entry; never from the object's key, which may change.
Leaves to others: where the row comes from, fetching, and what became of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote, unquote

from schemas.keys import EMPTY_PART
from schemas.tables import FileColumn


class FileKind(StrEnum):
    """How a reference is written in its column."""

    S3_KEY = "s3_key"  # the key of an object, without its bucket
    URL = "url"  # http(s) or s3, possibly signed
    JSONB_S3_MAP = "jsonb_s3_map"  # a JSON object of entry -> key


@dataclass(frozen=True, slots=True)
class FileReference:
    """
    One reference that a row holds.

    `key` is fit for documents and logs: a URL in it has neither query nor user information. `location` is the
    value as the row holds it, signature included: for fetching only.
    """

    column: str
    kind: FileKind
    key: str
    file_name: str
    file_id: str
    relationship_type: str
    entry: str | None = None
    location: str = field(default="", repr=False)


_TEXT_LIKE = re.compile(r"(?:text|(?:[^.]+\.)?citext|name|bpchar|character varying|character)(?:\(\d+\))?")
_RULES = (
    (re.compile(r"(?:.+_)?s3_key"), ("text",), FileColumn("", FileKind.S3_KEY, "*_s3_key")),
    (re.compile(r"(?:.+_)?url"), ("text",), FileColumn("", FileKind.URL, "*_url")),
    (re.compile(r".+_s3_keys"), ("json", "jsonb"), FileColumn("", FileKind.JSONB_S3_MAP, "*_s3_keys")),
    (re.compile(r".+_s3_key_map"), ("json", "jsonb"), FileColumn("", FileKind.JSONB_S3_MAP, "*_s3_key_map")),
)
_ROLE = re.compile(r"(?P<role>.+?)_(?:s3_key|s3_keys|s3_key_map|url)")
_USER = re.compile(r"://[^/?#@\s]*@")
_SIGNATURE = re.compile(r"\?(?=.*(?:signature|credential|token|sig)=).*", re.IGNORECASE | re.DOTALL)
_URL = re.compile(r"(?P<scheme>https?|s3)://(?:[^/?#@]*@)?(?P<rest>[^?#]+)(?:[?#].*)?", re.IGNORECASE | re.DOTALL)
# Nothing is special in it but the version: keys have question marks, hashes and percent signs of their own.
_S3_URI = re.compile(
    r"s3://(?:[^/?#@]*@)?(?P<bucket>[^/?#]+)/(?P<key>.+?)(?:\?versionId=(?P<version>[^&?#]+))?",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class S3Uri:
    """An object as `s3://bucket/key` names it."""

    bucket: str
    key: str
    version_id: str | None = None


def s3_uri(location: str) -> S3Uri | None:
    """The object that a location names, `s3://bucket/key[?versionId=v]`; None where it is nothing of the kind."""
    match = _S3_URI.fullmatch(location)
    return None if match is None else S3Uri(match["bucket"], match["key"], match["version"])


def is_url(location: str) -> bool:
    """Whether a location says where it is itself, as http(s) or s3."""
    return _URL.fullmatch(location) is not None


def is_text_like(pg_type: str) -> bool:
    """Whether a `format_type` text names a type for free text."""
    return _TEXT_LIKE.fullmatch(pg_type) is not None


def file_column(name: str, pg_type: str) -> FileColumn | None:
    """How a column holds references to files, judged by its name and `format_type`; None when it holds none."""
    family = "text" if is_text_like(pg_type) else pg_type
    for pattern, families, rule in _RULES:
        if family in families and pattern.fullmatch(name):
            return FileColumn(name, rule.kind, rule.pattern)
    return None


def file_id(doc_id: str, column: str, entry: str | None = None) -> str:
    """The id of a file: `<doc_id>/<column>[/<entry>]`, column and entry percent-encoded like parts of a row key."""
    parts = (column,) if entry is None else (column, entry)
    return "/".join((doc_id, *(quote(part, safe="") or EMPTY_PART for part in parts)))


def relationship_type(column: str) -> str:
    """What the file is to its record: `thumbnail` for `thumbnail_url`, `file` for a bare `url` or `s3_key`."""
    match = _ROLE.fullmatch(column)
    return match["role"] if match else "file"


def without_query(location: str) -> str:
    """
    A location without query, fragment and user information, where it is a URL; unchanged where it is a key.

    Of `s3://` only the version is left out: its key may have question marks and hashes. What only looks like a URL
    (another scheme, a space before it) is a key; its secrets are left out all the same.
    """
    if (uri := s3_uri(location)) is not None:
        return _SIGNATURE.sub("", f"s3://{uri.bucket}/{uri.key}")
    match = _URL.fullmatch(location)
    if match:
        return f"{match['scheme'].lower()}://{match['rest']}"
    return _USER.sub("://", _SIGNATURE.sub("", location)) if "?" in location or "://" in location else location


def file_name(location: str) -> str:
    """The last segment of a key's or URL's path (percent-decoded in http(s)); empty where the path ends with `/`."""
    if (uri := s3_uri(location)) is not None:
        return _SIGNATURE.sub("", uri.key).rpartition("/")[2]
    match = _URL.fullmatch(location)
    if match is None:
        return location.rpartition("/")[2]
    path = match["rest"].partition("/")[2]
    return unquote(path.rpartition("/")[2])


def references(doc_id: str, columns: Iterable[FileColumn], row: Mapping[str, str]) -> tuple[FileReference, ...]:
    """
    All references that a row holds, in the order of its file columns and of a map's entries.

    `row` maps column names to PostgreSQL's text; NULLs are absent. Values that refer to nothing (empty, a `url`
    that is none, JSON that is no object of texts) give no reference.
    """
    found: list[FileReference] = []
    for column in columns:
        value = row.get(column.column)
        if value:
            found.extend(_of_column(doc_id, column, value))
    return tuple(found)


def _of_column(doc_id: str, column: FileColumn, value: str) -> Iterator[FileReference]:
    if column.kind == FileKind.JSONB_S3_MAP:
        for entry, location in _entries(value):
            yield _reference(doc_id, column, location, entry)
    elif column.kind != FileKind.URL or is_url(value):
        yield _reference(doc_id, column, value, None)


def _entries(value: str) -> Iterator[tuple[str, str]]:
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return
    if isinstance(parsed, dict):
        yield from (
            (entry, key)
            for entry, key in parsed.items()
            if isinstance(key, str) and key and _has_name(entry) and _has_name(key)
        )


def _has_name(text: str) -> bool:
    """Whether ids and keys can be made of it: `json` (not `jsonb`) takes escapes that are no characters, and NUL."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def _reference(doc_id: str, column: FileColumn, location: str, entry: str | None) -> FileReference:
    kind = FileKind(column.kind)
    if kind is FileKind.S3_KEY and is_url(location):
        kind = FileKind.URL
    return FileReference(
        column=column.column,
        kind=kind,
        key=without_query(location),
        file_name=file_name(location),
        file_id=file_id(doc_id, column.column, entry),
        relationship_type=relationship_type(column.column),
        entry=entry,
        location=location,
    )
