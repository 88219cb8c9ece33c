"""Files behind links: what is fetched, and where nobody may be led."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import socket
import ssl
import traceback
from types import MappingProxyType

import pytest
import structlog

from cdc_runtime.logs import configure
from cdc_runtime.settings.models import LogSettings
from file_fetcher.download.sources import HttpUrl, S3Object
from file_fetcher.failures import Blocked, Failed, FetchProblem, Later, Skipped, Throttled
from file_fetcher.settings import UrlSettings
from tests.integration.file_fetcher.download.certificates import certificates
from tests.integration.file_fetcher.download.conftest import BUCKET, DATA, SHORT_S, make_settings
from tests.s3_faults import Fault, serving

SHA256 = hashlib.sha256(DATA).hexdigest()
SIGNED = "X-Amz-Signature=s3cr3t"
NOWHERE = "http://127.0.0.1:1"


def link(url, fallback=None):
    return HttpUrl(url, "host", fallback)


@pytest.fixture
def follow(server, fetching):
    """A downloader that may follow links to the server, whose address is private."""

    def make(*hosts, any_public_host=False, endpoint=NOWHERE, timeouts=MappingProxyType({}), **options):
        urls = UrlSettings(hosts=list(hosts) or [f"{server.url} private"], any_public_host=any_public_host)
        return fetching(make_settings(endpoint, **timeouts).model_copy(update={"urls": urls}), **options)

    return make


def names(**addresses):
    """A name server of the test's own; each name has the addresses that are given for it."""

    def resolve(host, port):
        found = addresses[host.replace(".", "_")]
        kinds = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in found]
        return [(kind, socket.SOCK_STREAM, 6, "", (address, port)) for kind, address in zip(kinds, found, strict=True)]

    return resolve


def refused(fetching, url, reason="host_not_allowed", kind=Skipped):
    with pytest.raises(FetchProblem) as caught:
        fetching.of(link(url))
    assert isinstance(caught.value, kind)
    assert caught.value.reason == reason
    assert not fetching.target.exists()
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))
    return caught.value


def test_file_behind_a_link_arrives_exactly(server, follow):
    server.put(BUCKET, "a b//../+.pdf", DATA, content_type="application/pdf")
    got = follow().of(link(f"{server.url}/{BUCKET}/a%20b//../+.pdf?{SIGNED}"))
    assert (got.sha256, got.engine, got.declared_type) == (SHA256, "https", "application/pdf")
    (request,) = server.requests
    assert (request.path, request.query) == (f"/{BUCKET}/a%20b//../+.pdf", SIGNED)


def test_nothing_of_ours_goes_along(server, follow, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", NOWHERE)
    monkeypatch.setenv("http_proxy", NOWHERE)
    server.put(BUCKET, "a", DATA)
    fetch = follow()
    fetch.of(link(f"{server.url}/{BUCKET}/a"))
    fetch.of(link(f"{server.url}/{BUCKET}/a"))
    sent = {"host", "accept", "accept-encoding", "user-agent"}
    assert [request.headers.keys() for request in server.requests] == [sent, sent]


@pytest.mark.parametrize("break_off", [{"cut_after": 1_300_000}, {"stall_after": 1_300_000}], ids=["cut", "stall"])
def test_a_broken_body_goes_on_where_it_stopped(server, follow, break_off):
    server.put(BUCKET, "a", DATA)
    server.fail(Fault(**break_off))
    fetch = follow(timeouts={"read_timeout_s": SHORT_S})
    assert fetch.of(link(f"{server.url}/{BUCKET}/a")).sha256 == SHA256
    assert int(server.requests[-1].headers["range"].removeprefix("bytes=").removesuffix("-")) in range(1, 1_300_001)
    assert server.requests[-1].headers["if-match"] == f'"{hashlib.md5(DATA).hexdigest()}"'


def test_a_server_that_ignores_ranges_gives_the_file_once(server, follow):
    server.put(BUCKET, "a", DATA)
    server.fail(Fault(cut_after=1_300_000), Fault(times=None, kind="ranged", ignores_range=True))
    assert follow().of(link(f"{server.url}/{BUCKET}/a")).sha256 == SHA256


@pytest.mark.parametrize("etag", ["", 'W/"1"'])
def test_without_a_strong_entity_tag_a_broken_body_is_read_anew(server, follow, etag):
    server.put(BUCKET, "a", DATA)
    server.fail(Fault(cut_after=1_300_000, headers={"etag": etag}))
    assert follow().of(link(f"{server.url}/{BUCKET}/a")).sha256 == SHA256
    assert "range" not in server.requests[-1].headers


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (404, Later, "not_found"),
        (410, Failed, "not_found"),
        (403, Later, "access_denied"),
        (400, Failed, "bad_answer"),
        (500, Later, "network"),
        (503, Throttled, "throttled"),
    ],
)
def test_answer_means_what_it_says(server, follow, status, kind, reason):
    server.fail(Fault(times=None, status=status, body=b"s3cr3t"))
    refused(follow(), f"{server.url}/a?{SIGNED}", reason, kind)


def test_an_expired_link_is_skipped(server, follow):
    server.fail(Fault(times=None, status=403, code="AccessDenied", message="Request has expired"))
    refused(follow(), f"{server.url}/a?{SIGNED}", "url_expired")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(times=None, status=403, code="AccessDenied", message="Request has expired"),
        Fault(times=None, status=400, code="ExpiredToken"),
        Fault(times=None, status=403, code="AccessDenied"),
    ],
)
def test_an_expired_link_falls_back_to_our_own_store(server, follow, fault):
    with serving() as ours:
        ours.put(BUCKET, "a.pdf", DATA)
        server.fail(fault)
        got = follow(endpoint=ours.url).of(link(f"{server.url}/{BUCKET}/a.pdf?{SIGNED}", S3Object(BUCKET, "a.pdf")))
        assert (got.sha256, got.engine) == (SHA256, "obstore")
        assert "s3cr3t" not in ours.requests[0].query
        assert "authorization" not in server.requests[0].headers


def test_a_large_file_is_not_read(server, fetching):
    urls = UrlSettings(hosts=[f"{server.url} private"])
    fetch = fetching(make_settings(NOWHERE, max_bytes=100).model_copy(update={"urls": urls}))
    server.put(BUCKET, "a", DATA)
    refused(fetch, f"{server.url}/{BUCKET}/a", "too_large")


def test_a_redirect_to_an_allowed_host_is_followed(server, follow):
    server.put(BUCKET, "a", DATA)
    server.fail(
        Fault(status=302, headers={"Location": "/moved"}),
        Fault(status=307, headers={"Location": f"{server.url}/{BUCKET}/a?x=1"}),
    )
    assert follow().of(link(f"{server.url}/b")).sha256 == SHA256
    assert [request.path for request in server.requests] == ["/b", "/moved", f"/{BUCKET}/a"]


def test_a_fourth_redirect_is_refused(server, follow):
    server.fail(Fault(times=None, status=302, headers={"Location": "/again"}))
    refused(follow(), f"{server.url}/a")
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/meta-data", "http://other.example/", "file:///etc/passwd", "//[::1]:1/"]
)
def test_a_redirect_to_another_host_is_refused(server, follow, target):
    server.fail(Fault(status=302, headers={"Location": target}))
    refused(follow(), f"{server.url}/a")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0x7f000001",
        "2130706433",
        "127.1",
        "0",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "10.0.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.0.192",
        "100.100.100.200",
    ],
)
def test_any_public_host_means_public_addresses(follow, host):
    refused(follow(any_public_host=True), f"https://{host}/a")


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["fe80::1"], ["::ffff:169.254.169.254"], []],
    ids=["private", "mixed", "link-local", "mapped", "none"],
)
def test_a_name_with_any_address_inside_is_refused(follow, addresses):
    fetch = follow("files.test", resolve=names(files_test=addresses))
    refused(fetch, "https://files.test/a")


def test_private_means_no_metadata_service(follow):
    fetch = follow("http://files.test private", resolve=names(files_test=["169.254.169.254"]))
    refused(fetch, "http://files.test/a")


def test_a_name_is_judged_by_the_addresses_that_are_used(server, follow):
    """A name server that gives a harmless address first and another one then leads nowhere."""
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    server.put(BUCKET, "a", DATA)
    server.fail(Fault(cut_after=10))
    fetch = follow(
        f"http://files.test:{server.port} private",
        resolve=lambda host, port: names(files_test=next(answers))("files.test", port),
    )
    refused(fetch, f"http://files.test:{server.port}/{BUCKET}/a")
    assert len(server.requests) == 1


def test_a_host_without_address_is_for_later(follow):
    def resolve(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    assert type(refused(follow("files.test", resolve=resolve), "https://files.test/a", "network", Blocked)) is Blocked
    refused(follow("*.test", resolve=resolve), "https://files.test/a", "network", Later)


def test_a_name_server_that_is_silent_costs_the_connect_timeout(server, follow):
    fetch = follow(
        "files.test",
        timeouts={"connect_timeout_s": SHORT_S},
        resolve=lambda host, port: server.closing.wait(60) and None,
    )
    refused(fetch, "https://files.test/a", "network", Blocked)


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".test", "xn--a", "a_b", "a b"])
def test_a_name_that_is_none_is_for_later_or_skipped(follow, host):
    with pytest.raises((Later, Skipped)):
        follow(any_public_host=True).of(link(f"https://{host}/a"))


@pytest.mark.parametrize("target", ["http://[::1", "https://host:port/", "\u00ff", "?", ""])
def test_a_redirect_to_what_is_no_link_ends(server, follow, target):
    server.fail(Fault(times=None, status=302, headers={"Location": target}))
    with pytest.raises((Failed, Skipped)):
        follow().of(link(f"{server.url}/a"))


def test_a_host_that_does_not_answer_blocks_its_place(follow):
    refused(follow("http://127.0.0.1:1 private"), "http://127.0.0.1:1/a", "network", Blocked)


@pytest.fixture
def secure(tmp_path, monkeypatch):
    """A server for `https://files.test` whose certificate this process trusts."""
    made = certificates(tmp_path, "files.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    with serving(made.server) as running:
        running.put(BUCKET, "a", DATA)
        yield running


def test_https_checks_the_certificate_of_the_name(secure, follow):
    here = names(files_test=["127.0.0.1"], other_test=["127.0.0.1"])
    fetch = follow(f"*.test:{secure.port} private", resolve=here)
    assert fetch.of(link(f"https://files.test:{secure.port}/{BUCKET}/a")).sha256 == SHA256
    assert secure.requests[0].headers["host"] == f"files.test:{secure.port}"
    refused(fetch, f"https://other.test:{secure.port}/{BUCKET}/a", "network", Later)


def test_https_refuses_a_certificate_that_nobody_signed(secure, follow, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    assert ssl.create_default_context().verify_mode is ssl.CERT_REQUIRED
    fetch = follow(f"files.test:{secure.port} private", resolve=names(files_test=["127.0.0.1"]))
    refused(fetch, f"https://files.test:{secure.port}/{BUCKET}/a", "network", Blocked)


def test_https_does_not_redirect_to_http(secure, server, follow):
    server.put(BUCKET, "a", DATA)
    secure.fail(Fault(status=302, headers={"Location": f"http://files.test:{server.port}/{BUCKET}/a"}))
    allowed = [f"files.test:{secure.port} private", f"http://files.test:{server.port} private"]
    fetch = follow(*allowed, resolve=names(files_test=["127.0.0.1"]))
    refused(fetch, f"https://files.test:{secure.port}/a")
    assert server.requests == []


@pytest.mark.parametrize(
    "fault",
    [Fault(), Fault(headers={"broken header": "x"}), Fault(status=500), Fault(cut_after=5)],
    ids=["fine", "broken-headers", "error", "cut"],
)
def test_a_signature_is_never_logged(server, follow, fault):
    """Not by us, and not by the libraries, at whatever level."""
    server.put(BUCKET, "a", DATA)
    server.fail(fault)
    written = io.StringIO()
    root = logging.getLogger()
    level = root.level
    configure(LogSettings(level="DEBUG", format="json"), "file-fetcher", written)
    try:
        with contextlib.suppress(FetchProblem):
            follow(timeouts={"read_timeout_s": SHORT_S}).of(link(f"{server.url}/{BUCKET}/a?{SIGNED}"))
        assert server.requests[0].query == SIGNED
        assert "s3cr3t" not in written.getvalue()
    finally:
        root.removeHandler(root.handlers[-1])
        root.setLevel(level)
        structlog.reset_defaults()
