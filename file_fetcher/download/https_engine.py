"""
Edge: files behind links, over guarded HTTPS.

Rule 1: each request, the redirected ones too, goes to a host that is allowed, over connections that are guarded.
Rule 2: nothing of ours goes along: no credentials, no cookies, no proxy.
Rule 3: never from https to http.
Leaves to others: resuming and counting (`transfer`), what a status means (`answers`), the fallback to S3.
"""

from __future__ import annotations

import contextlib
import logging
import ssl
import threading
from collections.abc import Iterator
from urllib.parse import urljoin

from urllib3 import BaseHTTPResponse, Timeout
from urllib3 import exceptions as http

from file_fetcher.download.answers import Interrupted, http_problem, unreachable
from file_fetcher.download.engines import CHUNK_BYTES, Body, ResumePoint
from file_fetcher.download.guarded_connections import Guard, GuardedHttpPool, GuardedHttpsPool
from file_fetcher.download.hosts import HostEntry, Hosts, WebAddress, web_address
from file_fetcher.download.links import is_signed
from file_fetcher.failures import FetchProblem, Skipped

ENGINE = "https"
_REDIRECTS = 3
_MOVED = {301, 302, 303, 307, 308}
_ERROR_BYTES = 4096  # of an answer that is no file, to see why
_POOLS = 256  # hosts with kept connections
_UNREACHABLE = (http.NewConnectionError, http.ConnectTimeoutError, http.SSLError)


class HttpsEngine:
    """May be used by several threads."""

    def __init__(
        self,
        hosts: Hosts,
        guard: Guard,
        *,
        connect_timeout_s: float,
        read_timeout_s: float,
        connections: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        # It warns of headers that it cannot read, and says the whole link, signature included.
        logging.getLogger("urllib3.connection").setLevel(logging.ERROR)
        self._hosts = hosts
        self._guard = guard
        self._timeout = Timeout(connect=connect_timeout_s, read=read_timeout_s)
        self._connections = connections
        self._tls = tls or ssl.create_default_context()
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, str, int, bool], GuardedHttpPool | GuardedHttpsPool] = {}

    @contextlib.contextmanager
    def open(self, url: str, held: ResumePoint) -> Iterator[Body]:
        """Ask for the file behind a link from `held.offset` on; raises problems of `file_fetcher.failures`."""
        answer, address = self._follow(url, _headers(held))
        try:
            if answer.status not in (200, 206):
                with _translated(address, named=True):
                    beginning = answer.read(_ERROR_BYTES)
                raise http_problem(answer.status, beginning, address.origin, signed=is_signed(url))
            yield _body(answer, _chunks(answer, address), held)
        finally:
            # A connection with bytes left in it must not go back to the pool.
            answer.close()

    def close(self) -> None:
        """Close all connections that are not in use."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()
        self._guard.close()

    def _follow(self, url: str, headers: dict[str, str]) -> tuple[BaseHTTPResponse, WebAddress]:
        address = web_address(url)
        for _ in range(_REDIRECTS + 1):
            answer = self._request(address, headers)
            if answer.status not in _MOVED or not (location := answer.headers.get("Location")):
                return answer, address
            answer.close()
            url = _joined(url, location, address)
            target = web_address(url)
            if address.scheme == "https" and target.scheme == "http":
                raise Skipped("host_not_allowed", f"{address.origin!r} redirects from https to http")
            address = target
        raise Skipped("host_not_allowed", f"{address.origin!r} redirects more than {_REDIRECTS} times")

    def _request(self, address: WebAddress, headers: dict[str, str]) -> BaseHTTPResponse:
        entry = self._hosts.entry(address)
        if entry is None:
            raise Skipped("host_not_allowed", f"expected a host of urls.hosts, got {address.origin!r}")
        with _translated(address, named=entry.named):
            return self._pool(address, entry).urlopen(
                "GET",
                address.target,
                headers=headers,
                timeout=self._timeout,
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )

    def _pool(self, address: WebAddress, entry: HostEntry) -> GuardedHttpPool | GuardedHttpsPool:
        name = (address.scheme, address.host, address.port, entry.private)
        with self._lock:
            pool = self._pools.pop(name, None)
            if pool is None:
                pool = self._new_pool(address, entry)
            self._pools[name] = pool
            if len(self._pools) > _POOLS:
                self._pools.pop(next(iter(self._pools))).close()
            return pool

    def _new_pool(self, address: WebAddress, entry: HostEntry) -> GuardedHttpPool | GuardedHttpsPool:
        size = self._connections
        if address.scheme == "http":
            return GuardedHttpPool(self._guard, address.host, address.port, private=entry.private, maxsize=size)
        return GuardedHttpsPool(
            self._guard, address.host, address.port, private=entry.private, maxsize=size, ssl_context=self._tls
        )


def _joined(url: str, location: str, address: WebAddress) -> str:
    try:
        return urljoin(url, location)
    except ValueError as exc:
        raise Skipped("host_not_allowed", f"{address.origin!r} redirects to what is no link") from exc


def _headers(held: ResumePoint) -> dict[str, str]:
    headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "rowferry"}
    if held.offset and held.etag:
        headers |= {"Range": f"bytes={held.offset}-", "If-Match": held.etag}
    return headers


def _body(answer: BaseHTTPResponse, chunks: Iterator[bytes], held: ResumePoint) -> Body:
    start = held.offset if answer.status == 206 else 0
    length = answer.headers.get("Content-Length", "")
    return Body(
        chunks=chunks,
        start=start,
        size_bytes=start + int(length) if length.isdecimal() else None,
        etag=answer.headers.get("ETag"),
        version_id=answer.headers.get("x-amz-version-id"),
        declared_type=answer.headers.get("Content-Type"),
        engine=ENGINE,
    )


def _chunks(answer: BaseHTTPResponse, address: WebAddress) -> Iterator[bytes]:
    while True:
        with _translated(address, named=True):
            chunk = answer.read(CHUNK_BYTES)
        if not chunk:
            return
        yield chunk


@contextlib.contextmanager
def _translated(address: WebAddress, *, named: bool) -> Iterator[None]:
    try:
        yield
    except (http.HTTPError, OSError) as exc:
        raise _problem(exc, address, named=named) from exc


def _problem(exc: Exception, address: WebAddress, *, named: bool) -> FetchProblem:
    if isinstance(exc, http.MaxRetryError) and exc.reason is not None:
        exc = exc.reason
    if isinstance(exc, _UNREACHABLE):
        return unreachable(address.origin, type(exc).__name__, named=named)
    return Interrupted(f"expected a file from {address.origin!r}, got {type(exc).__name__}")
