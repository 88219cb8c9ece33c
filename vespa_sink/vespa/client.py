"""
The connection to Vespa: /document/v1 and /search/ over a pool of HTTP/1.1 connections.

Every outcome of a write is an `Answer`; a connection that breaks is one too. Leaves to others: what an answer
means, how many requests may be in flight, and when to try again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson
from yarl import URL

from schemas.errors import Neighbour, TransientError, Unreachable
from vespa_sink.vespa.answers import NO_ANSWER, Answer, answer_of
from vespa_sink.vespa.operations import Operation

_MARGIN_S = 5.0  # the server's own time-out answers first
_MESSAGE_BYTES = 4096  # as much of an error's text as is looked at
_DOCUMENTS = "application/json"
_HINTS = {404: "; let vespa.query_url name a container with <search/>", 400: "; compare with vespa-sink check"}


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
            async with self._session.request(operation.method, url, data=operation.body) as response:
                body = await response.read()
                status = response.status
                if status == 200:
                    return answer_of(status, response.headers)
                return answer_of(status, response.headers, body[:_MESSAGE_BYTES].decode("utf-8", "replace"))
        except (aiohttp.ClientError, OSError, TimeoutError) as exc:
            return Answer(NO_ANSWER, message=type(exc).__name__)

    async def search(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run a query; raises `TransientError` unless Vespa answers it."""
        return await self._json("POST", f"{self._query_url}/search/", orjson.dumps(body))

    async def get(self, path: str) -> Mapping[str, Any]:
        """Read a document (its path with parameters); a missing one has no `fields`. Raises `TransientError`."""
        return await self._json("GET", self.url + path, None, missing=True)

    async def _json(self, method: str, url: str, body: bytes | None, *, missing: bool = False) -> Mapping[str, Any]:
        what = f"{method} {url.partition('?')[0]}"
        try:
            async with self._session.request(method, URL(url, encoded=True), data=body) as response:
                data = await response.read()
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError) as exc:
            raise Unreachable(
                expected=f"Vespa to answer {what}", found=type(exc).__name__, neighbour=Neighbour.VESPA
            ) from exc
        if status != 200 and not (missing and status == 404):
            raise TransientError(
                expected=f"status 200 for {what}",
                found=f"{status}{_HINTS.get(status, '')}",
                neighbour=Neighbour.VESPA,
            )
        try:
            answer = orjson.loads(data)
        except orjson.JSONDecodeError as exc:
            raise TransientError(expected=f"JSON for {what}", found="other bytes", neighbour=Neighbour.VESPA) from exc
        return answer if isinstance(answer, dict) else {}

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()
