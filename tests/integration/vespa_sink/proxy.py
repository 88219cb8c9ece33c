"""A proxy before Vespa that may answer by itself: what stands before an index is not always its own."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the proxy; a length that is not the body's cuts it off."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


LOG_IN = Reply(302, headers={"Location": "/login"})
PAGE = Reply(200, b"<html>please log in</html>", {"Content-Type": "text/html"})


class Proxy(ThreadingHTTPServer):
    """`front` and `reads` give the proxy's own reply (by method and path, by the body), or None: Vespa is asked."""

    daemon_threads = True

    def __init__(self, url: str, search_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.documents, self.search = (urlsplit(each).netloc for each in (url, search_url))
        self.front: Callable[[str, str], Reply | None] = lambda method, path: None
        self.reads: Callable[[bytes], Reply | None] = lambda body: None
        self.seen: list[tuple[str, str]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def log_in(self) -> None:
        """The session runs out: every request is sent to a page that answers 200 to anything."""
        self.front = lambda method, path: PAGE if path.startswith("/login") else LOG_IN

    def let_through(self) -> None:
        self.front = lambda method, path: None

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Requests(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        self.server.seen.append((self.command, self.path))
        own = self.server.front(self.command, self.path) or self.server.reads(body or b"")
        reply = own or self._asked(body)
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)
        if "Content-Length" in reply.headers:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = _do  # noqa: N815 - names of the standard library

    def _asked(self, body: bytes | None) -> Reply:
        host = self.server.search if self.path.startswith("/search/") else self.server.documents
        connection = http.client.HTTPConnection(host, timeout=_TIMEOUT_S)
        try:
            headers = {"Content-Type": "application/json"}
            if packed := self.headers.get("Content-Encoding"):
                headers["Content-Encoding"] = packed
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            kept = {
                name: value
                for name, value in answer.getheaders()
                if name.lower() == "content-type" or name.lower().startswith("x-vespa")
            }
            return Reply(answer.status, answer.read(), kept)
        finally:
            connection.close()

    def log_message(self, *_: object) -> None:
        """Nothing: tests look at `seen`."""
