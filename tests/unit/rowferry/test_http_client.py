"""Requests over one kept connection, to a server of this test's own."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rowferry.http_client import Answer, HttpClient
from schemas.errors import SettingsError, Unreachable


class Answering(BaseHTTPRequestHandler):
    """Tells what it was asked; `/last` ends the connection without saying so, `/never` without an answer."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.endswith("/never"):
            self.close_connection = True
            return
        told = f"{self.command} {self.path} {self.headers.get('Content-Type')} {body.decode()}".encode()
        self.send_response({"missing": 404, "moved": 302}.get(self.path.rpartition("/")[2], 200))
        if self.path.endswith("/moved"):
            self.send_header("location", "/a")
        if "/gzip" in self.path:
            told = b"no gzip" if self.path.endswith("/broken") else gzip.compress(told)
            self.send_header("content-encoding", "gzip")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)
        self.close_connection = self.path.endswith("/last")

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def client(address: str) -> Iterator[HttpClient]:
    client = HttpClient(f"{address}/base/")
    yield client
    client.close()


def test_path_follows_the_base_and_every_status_is_an_answer(client: HttpClient) -> None:
    assert client.get("/a?b=c") == Answer(200, b"GET /base/a?b=c None ")
    assert client.get("/missing").status == 404


@pytest.mark.rule("V10")
def test_v10_no_redirect_is_followed(client: HttpClient) -> None:
    answer = client.get("/moved")
    assert (answer.status, answer.headers["Location"]) == (302, "/a")


def test_body_that_a_proxy_has_compressed_is_read(client: HttpClient) -> None:
    assert client.get("/gzip").body == b"GET /base/gzip None "
    assert client.get("/gzip/broken").body == b""


def test_body_is_sent_as_json(client: HttpClient) -> None:
    assert client.post_json("/a", b"{}").body == b"POST /base/a application/json {}"


def test_connection_that_the_server_has_ended_is_opened_again(client: HttpClient) -> None:
    assert client.get("/last").status == 200
    assert client.get("/a").status == 200


def test_server_that_never_answers_is_unreachable(client: HttpClient) -> None:
    with pytest.raises(Unreachable, match=r"Vespa at http://127\.0\.0\.1:\d+ does not answer: "):
        client.get("/never")


def test_port_that_nobody_listens_on_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="Connection refused"):
        HttpClient("http://user:secret@127.0.0.1:1").get("/")


def test_password_in_the_address_is_not_told() -> None:
    with pytest.raises(Unreachable) as raised:
        HttpClient("http://user:secret@127.0.0.1:1").get("/")

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("url", ["ftp://host", "host:8080", "http://"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"vespa\.url: expected a URL like"):
        HttpClient(url)
