"""
The connection to Vespa: /document/v1 and /search/ over a pool of HTTP/1.1 connections.

Every outcome of a write is an `Answer`; a connection that breaks is one too. No redirect is followed: it is an answer
that is not Vespa's. Leaves to others: what an answer means, how many requests may be in flight, and when to try again.

Keeps: V10.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import orjson
from yarl import URL

from cdc_runtime.no_answer import why
from cdc_runtime.vespa_answers import REMEDY, Body, answers_read, answers_search, described, explains, json_object
from schemas.errors import Neighbour, TransientError, Unreachable
from vespa_sink.vespa.answers import NO_ANSWER, Answer, answer_of
from vespa_sink.vespa.operations import Operation

_MARGIN_S = 5.0  # the server's own time-out answers first
_DOCUMENTS = "application/json"
_HINTS = {404: "; let vespa.query_url name a container with <search/>", 400: "; compare with vespa-sink check"}


class SearchRefused(TransientError):
    """Vespa answered that it cannot run this query: a document type or a field of it is not there."""


class VespaClient:
    """Sends operations and searches. Made inside the running loop; `close` frees the connections."""

    def __init__(self, url: str, *, query_url: str, connections: int, timeout_s: float) -> None:
        self.url = url.rstrip("/")
        self._query_url = (query_url or url).rstrip("/")
        self._timeout_s = timeout_s
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections + 2, keepalive_timeout=25, enable_cleanup_closed=False),
            timeout=aiohttp.ClientTimeout(total=timeout_s + _MARGIN_S, connect=timeout_s),
            headers={"Content-Type": _DOCUMENTS, "Accept": _DOCUMENTS, "User-Agent": "rowferry-vespa-sink"},
            skip_auto_headers=("Accept-Encoding",),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    @property
    def longest_request_s(self) -> float:
        """After this time a request has certainly ended, on both sides."""
        return self._timeout_s + _MARGIN_S

    async def send(self, operation: Operation) -> Answer:
        """Carry an operation out once; never raises for what the network or the server does."""
        url = URL(self.url + operation.target, encoded=True)
        try:
            async with self._session.request(
                operation.method, url, data=operation.body, allow_redirects=False
            ) as response:
                return answer_of(response.status, response.headers, await response.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as exc:
            return Answer(NO_ANSWER, message=why(exc))

    async def search(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run a query; raises `TransientError` unless Vespa answers it, `SearchRefused` when it cannot."""
        return await self._json("POST", f"{self._query_url}/search/", orjson.dumps(body), answers_search)

    async def get(self, path: str) -> Mapping[str, Any]:
        """Read a document (its path with parameters); a missing one has no `fields`. Raises `TransientError`."""
        return await self._json("GET", self.url + path, None, answers_read)

    async def _json(
        self, method: str, url: str, data: bytes | None, answers: Callable[[int, Body], bool]
    ) -> Mapping[str, Any]:
        what = f"{method} {url.partition('?')[0]}"
        try:
            async with self._session.request(
                method, URL(url, encoded=True), data=data, allow_redirects=False
            ) as response:
                body = json_object(await response.read())
                status, content_type = response.status, response.headers.get("Content-Type")
        except (aiohttp.ClientError, OSError, TimeoutError) as exc:
            raise Unreachable(expected=f"Vespa to answer {what}", found=why(exc), neighbour=Neighbour.VESPA) from exc
        if answers(status, body):
            return body
        own = explains(body) or isinstance(body.get("root"), dict)
        found = f"status {status}" if own else f"an answer that is not Vespa's ({described(status, content_type)})"
        kind = SearchRefused if own and status == 400 else TransientError
        raise kind(
            expected=f"Vespa to answer {what}",
            found=found + _HINTS.get(status, ""),
            neighbour=Neighbour.VESPA,
            remedy=None if own else REMEDY,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()
