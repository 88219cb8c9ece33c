"""
Edge: plain HTTP requests to Vespa over one kept connection, for commands that run and end.

No redirect is followed: whether an answer is Vespa's is for the caller to see (`cdc_runtime.vespa_answers`).

Keeps: V10.
"""

from __future__ import annotations

import gzip
import http.client
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cdc_runtime.no_answer import why
from schemas.errors import Neighbour, SettingsError, Unreachable


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whatever its status."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)  # `Content-Type`


class HttpClient:
    """Requests to one server; not for use by several threads."""

    def __init__(self, url: str, *, timeout_s: float = 75) -> None:
        """Connects at the first request; raises `SettingsError` for what is not an http(s) URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError("vespa.url: expected a URL like 'http://localhost:8080', got something else")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=timeout_s)
        self._base = parts.path.rstrip("/")
        self._address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def get(self, target: str) -> Answer:
        """Ask for a path with its query; raises `Unreachable`."""
        return self._request("GET", target, None)

    def post_json(self, target: str, body: bytes) -> Answer:
        """Send JSON to a path with its query; raises `Unreachable`."""
        return self._request("POST", target, body)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def _request(self, method: str, target: str, body: bytes | None) -> Answer:
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body else {})
        for last in (False, True):
            fresh = self._connection.sock is None
            try:
                self._connection.request(method, self._base + target, body, headers)
                answer = self._connection.getresponse()
                return Answer(
                    answer.status, _plain(answer), {name.title(): value for name, value in answer.headers.items()}
                )
            except (OSError, http.client.HTTPException) as exc:
                self._connection.close()
                # A kept connection that the server closed meanwhile says nothing about the server.
                if fresh or last:
                    raise Unreachable(
                        f"Vespa at {self._address} does not answer: {why(exc)}",
                        neighbour=Neighbour.VESPA,
                        remedy="check vespa.url and that the server runs",
                    ) from exc
        raise AssertionError("unreachable: the second attempt returns or raises")


def _plain(answer: http.client.HTTPResponse) -> bytes:
    """The body; a proxy may have compressed it, although nobody asked for that. What cannot be read is nobody's."""
    data = answer.read()
    if answer.headers.get("Content-Encoding", "").lower() != "gzip":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return b""
