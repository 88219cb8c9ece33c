"""
Whether an answer is Vespa's own (pure): status and type may be anybody's, the shape of the body is not.

A proxy, a log-in page or a cache in front of Vespa answers too: with a redirect, a page, a 404 or a 412 of its own.
Every answer of /document/v1 names its path (`pathId`), whatever its status; beside it stands the document (`id`), the
page of a visit (`documents`) or what was wrong (`message`). /search/ answers with a `root`.

Keeps: V10.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

Body = Mapping[str, Any]
REMEDY = (
    "let vespa.url lead to Vespa, to a container with <document-api/>: what stands before it must not redirect, "
    "ask for a log-in, change paths or answer by itself"
)
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,60}")


def json_object(data: bytes) -> Body:
    """The JSON object of a body; an empty one where it holds anything else."""
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def answers_write(status: int, body: Body) -> bool:
    """Whether /document/v1 says what became of a write: done, with the document; or not, with the reason."""
    return _names(body, "pathId", "id" if 200 <= status < 300 else "message")


def answers_read(status: int, body: Body) -> bool:
    """Whether /document/v1 shows a document (200), or says that it has none (404)."""
    return status in (200, 404) and _names(body, "pathId", "id")


def answers_visit(status: int, body: Body) -> bool:
    """Whether /document/v1 gives a page of documents."""
    return status == 200 and _names(body, "pathId") and isinstance(body.get("documents"), list)


def answers_search(status: int, body: Body) -> bool:
    """Whether /search/ gives a result."""
    return status == 200 and isinstance(body.get("root"), dict)


def explains(body: Body) -> bool:
    """Whether /document/v1 says why it does not do what it was asked for."""
    return _names(body, "pathId", "message")


def described(status: int, content_type: str | None) -> str:
    """An answer in words that hold nothing of its body."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if not media_type:
        return f"status {status}, no content type"
    return f"status {status}, {media_type if _MEDIA_TYPE.fullmatch(media_type) else 'a strange content type'}"


def _names(body: Body, *names: str) -> bool:
    return all(isinstance(body.get(name), str) and body[name] for name in names)
