"""
An S3 and HTTP server whose answers can be spoiled on purpose, for tests of downloads.

It knows path-style GET and HEAD of objects with Range and If-Match, says of a bucket that it is there, and knows
nothing of signatures. Each request takes the first fault that is waiting for its kind; without one it is answered as S3
would.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Stored:
    """One object."""

    data: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.data).hexdigest()}"'


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer; `times` answers in a row (None: all). `kind`: which requests it meets."""

    times: int | None = 1
    kind: str = "any"  # any | whole | ranged
    status: int = 0  # instead of the object, with `code` as S3's XML or `body` as it is
    code: str = ""
    message: str = ""
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None  # the connection closes after so many bytes of the body
    reset_after: int | None = None  # it is reset
    stall_after: int | None = None  # nothing more comes until the server is closed
    becomes: bytes | None = None  # the object is replaced before this answer's end
    ignores_range: bool = False
    says_length: int | None = None


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


class FaultyServer:
    """Holds objects by (bucket, key), the faults to come and the requests that came. Use `serving`."""

    def __init__(self, port: int, scheme: str) -> None:
        self.port = port
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.requests: list[Request] = []
        self.bodies: list[bytes] = []  # of those that were sent with POST
        self.closing = threading.Event()
        self.region: str | None = None  # others are sent away
        self.names_region = True  # to those
        self._objects: dict[tuple[str, str], Stored] = {}
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def put(self, bucket: str, key: str, data: bytes, **headers: str) -> str:
        """Store an object; its headers go with each answer (`content_type` -> `content-type`). Gives its SHA-256."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._objects[bucket, key] = Stored(data, named)
        return hashlib.sha256(data).hexdigest()

    def fail(self, *faults: Fault) -> None:
        """Spoil answers to come, in this order."""
        self._faults.extend(faults)

    def take_fault(self, request: Request) -> Fault:
        """The fault for a request, or one that spoils nothing."""
        kind = "ranged" if "range" in request.headers else "whole"
        with self._lock:
            self.requests.append(request)
            for place, fault in enumerate(self._faults):
                if fault.kind in ("any", kind):
                    left = None if fault.times is None else fault.times - 1
                    self._faults[place : place + 1] = [] if left == 0 else [replace(fault, times=left)]
                    return fault
        return Fault()

    def find(self, path: str) -> tuple[str, str, Stored | None]:
        """Bucket, key and object of a path; the key is decoded once."""
        bucket, _, key = path.removeprefix("/").partition("/")
        return bucket, unquote(key), self._objects.get((bucket, unquote(key)))

    def wait_for_end(self) -> None:
        """Wait until the server is closed."""
        self.closing.wait(60)

    def has_bucket(self, bucket: str) -> bool:
        """Whether anything was stored in it."""
        return any(name == bucket for name, _ in self._objects)


def checksum(algorithm: str, data: bytes) -> str:
    """A checksum as S3 writes it."""
    digest = struct.pack(">I", zlib.crc32(data)) if algorithm == "crc32" else hashlib.new(algorithm, data).digest()
    return base64.b64encode(digest).decode()


@contextmanager
def serving(tls: SSLContext | None = None) -> Iterator[FaultyServer]:
    """Run a server on a free port of the loopback address until the end of the block."""
    httpd = _Server(("127.0.0.1", 0), _Requests)
    if tls is not None:
        httpd.socket = tls.wrap_socket(httpd.socket, server_side=True, do_handshake_on_connect=False)
    httpd.faulty = FaultyServer(httpd.server_address[1], "https" if tls else "http")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield httpd.faulty
    finally:
        httpd.faulty.closing.set()
        httpd.shutdown()
        thread.join()
        httpd.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    faulty: FaultyServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news."""


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.server.faulty.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer()

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        fault = self.server.faulty.take_fault(Request(self.command, parts.path, parts.query, headers))
        bucket, key, stored = self.server.faulty.find(parts.path)
        if fault.status:
            self._send(fault.status, fault.headers, error_body(fault), fault)
        elif (region := self.server.faulty.region) and f"/{region}/" not in headers["authorization"]:
            moved = Fault(code="PermanentRedirect")
            named = {"x-amz-bucket-region": region} if self.server.faulty.names_region else {}
            self._send(301, named, error_body(moved), fault)
        elif not key and self.server.faulty.has_bucket(bucket):
            self._send(
                200, {"x-amz-bucket-region": region or "us-east-1"}, b"<ListBucketResult></ListBucketResult>", fault
            )
        elif stored is None:
            code = "NoSuchKey" if self.server.faulty.has_bucket(bucket) else "NoSuchBucket"
            self._send(404, {}, error_body(Fault(code=code, message="it is not there")), fault)
        elif (wanted := headers.get("if-match")) is not None and wanted != stored.etag:
            self._send(412, {}, error_body(Fault(code="PreconditionFailed")), fault)
        else:
            self._object(stored, headers.get("range"), fault)
        if fault.becomes is not None:
            self.server.faulty.put(bucket, key, fault.becomes, **dict(stored.headers if stored else {}))

    def _object(self, stored: Stored, wanted: str | None, fault: Fault) -> None:
        headers = {"etag": stored.etag, "last-modified": formatdate(0, usegmt=True), "accept-ranges": "bytes"}
        headers |= {"content-type": "application/octet-stream"} | dict(stored.headers) | dict(fault.headers)
        start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted and not fault.ignores_range else 0
        if start:
            headers["content-range"] = f"bytes {start}-{len(stored.data) - 1}/{len(stored.data)}"
            headers = {name: value for name, value in headers.items() if not name.startswith("x-amz-checksum")}
        self._send(206 if start else 200, headers, stored.data[start:], fault)

    def _send(self, status: int, headers: Mapping[str, str], body: bytes, fault: Fault) -> None:
        self.send_response_only(status)
        for name, value in ({"date": formatdate(usegmt=True)} | dict(headers)).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if fault.says_length is None else fault.says_length))
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(body, fault)

    def _send_body(self, body: bytes, fault: Fault) -> None:
        stops: list[tuple[int | None, Callable[[], None]]] = [
            (fault.cut_after, lambda: None),
            (fault.reset_after, self._reset),
            (fault.stall_after, self.server.faulty.wait_for_end),
        ]
        for size, stop in stops:
            if size is not None:
                self.wfile.write(body[:size])
                self.wfile.flush()
                stop()
                self.close_connection = True
                return
        self.wfile.write(body)
        self.close_connection = self.close_connection or fault.says_length is not None

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def error_body(fault: Fault) -> bytes:
    """What stands in the body of an answer that is no object."""
    if fault.body is not None:
        return fault.body
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{fault.code}</Code><Message>{fault.message}</Message></Error>"
    ).encode()
