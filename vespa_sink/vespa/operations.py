"""
What is sent to /document/v1: every write carries the condition that keeps an older version from winning.

Rules:
1. A put replaces the whole document (rule V5), creates it when missing, and only over an older version.
2. A delete is a put of nothing but `deleted`, `version` and `expire_at` (rule V3), on the same condition.
3. A remove happens only on an older version: after a floor (rule V4), or after a delete that Vespa ignored.
4. The condition is null-guarded, and names type and field: a bare field name is no error, and is not evaluated.

Leaves to others: what the answer means (`answers`), when to send (`write_order`), sending (`client`).

Keeps: V3, V4, V5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus

import orjson

from schemas.errors import RecordError
from vespa_sink.documents.identifiers import DocumentId
from vespa_sink.documents.text import bounded

MEMORY_S = 7 * 24 * 3600  # how long a delete is remembered: as long as tombstones stay in the topics
_ESCAPED_BYTES = 6  # a control character in JSON: the worst a byte of text can become


class Action(StrEnum):
    """What an operation does, as metrics name it."""

    PUT = "put"
    DELETE = "delete"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Operation:
    """One request: `target` is path and query, encoded; `body` JSON, or None."""

    action: Action
    document: DocumentId
    version: int
    method: str
    target: str
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a request may be, and how long Vespa may take for it."""

    max_document_bytes: int = 10 * 1024 * 1024
    timeout_ms: int = 10_000


def conditional_put(document: DocumentId, version: int, fields: Mapping[str, Any], limits: Limits) -> Operation:
    """Put the whole document over any older version. Raises `RecordError` when it is too large for Vespa."""
    body = _fitting(dict(fields), limits.max_document_bytes)
    target = _target(document, f"{_older_or_unversioned(document.type)}{version}", limits, create=True)
    return Operation(Action.PUT, document, version, "POST", target, body)


def versioned_delete(document: DocumentId, version: int, now_s: int, limits: Limits) -> Operation:
    """
    Put the memory of a deleted row over any older version; Vespa's expiry removes it after `MEMORY_S`.

    `now_s` is the clock at the time of writing: a memory that is written already expired is ignored by Vespa.
    """
    body = orjson.dumps({"fields": {"deleted": True, "version": version, "expire_at": now_s + MEMORY_S}})
    target = _target(document, f"{_older_or_unversioned(document.type)}{version}", limits, create=True)
    return Operation(Action.DELETE, document, version, "POST", target, body)


def conditional_remove(document: DocumentId, below_version: int, limits: Limits) -> Operation:
    """Remove the document if its version is below the given one; a missing one answers 412 as well."""
    target = _target(document, f"{_older(document.type)}{below_version}", limits, create=False)
    return Operation(Action.REMOVE, document, below_version, "DELETE", target)


def remove_forgotten(document: DocumentId, version: int, limits: Limits) -> Operation:
    """What follows a delete that Vespa ignored (rule V3): the older document goes, unversioned ones too."""
    target = _target(document, f"{_older_or_unversioned(document.type)}{version}", limits, create=False)
    return Operation(Action.REMOVE, document, version, "DELETE", target)


def probe(document: DocumentId, fields: Mapping[str, Any], limits: Limits) -> Operation:
    """
    A put that is parsed like any other and never written: 412 says that type and all fields exist.

    (`dryRun` will not do: Vespa answers it without looking at the body.)
    """
    target = _target(document, quote_plus(never(document.type)), limits, create=False)
    return Operation(Action.PUT, document, 0, "POST", target, orjson.dumps({"fields": fields}))


def never(document_type: str) -> str:
    """A condition that holds for no document: no version is below the least number."""
    return f"{document_type}.version < {-(2**63)}"


@lru_cache
def _older_or_unversioned(document_type: str) -> str:
    """The condition up to the version, encoded: quoting it for each document costs more than all else here."""
    field = f"{document_type}.version"
    return quote_plus(f"{field} == null or {field} < ")


@lru_cache
def _older(document_type: str) -> str:
    return quote_plus(f"{document_type}.version < ")


def _target(document: DocumentId, condition: str, limits: Limits, *, create: bool) -> str:
    """Path and query; `condition` is encoded."""
    creating = "&create=true" if create else ""
    return f"{document.path}?condition={condition}&timeout={limits.timeout_ms}ms{creating}"


def _fitting(fields: dict[str, Any], max_bytes: int) -> bytes:
    """The body; where it is too large, `content_text` gives way (and `truncated` says so), the columns never do."""
    body = orjson.dumps({"fields": fields})
    if len(body) <= max_bytes:
        return body
    text = fields.pop("content_text", "")
    bare = orjson.dumps({"fields": fields})
    room = max_bytes - len(bare) - len(',"content_text":""')
    if room < 0:
        raise RecordError(f"expected a document of at most {max_bytes} bytes, got {len(bare)} without its text")
    if "truncated" in fields:
        fields["truncated"] = True
    fields["content_text"] = bounded(text, room // _ESCAPED_BYTES)
    return orjson.dumps({"fields": fields})
