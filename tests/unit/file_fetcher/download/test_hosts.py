"""Which hosts links may lead to."""

from __future__ import annotations

import pytest

from file_fetcher.download.hosts import HostEntry, Hosts, WebAddress, host_entries, web_address
from file_fetcher.failures import Skipped
from schemas.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("files.example.com", HostEntry("https", "files.example.com", 443, private=False)),
        ("Files.Example.COM", HostEntry("https", "files.example.com", 443, private=False)),
        ("https://files.example.com/", HostEntry("https", "files.example.com", 443, private=False)),
        ("files.example.com:8443", HostEntry("https", "files.example.com", 8443, private=False)),
        ("*.example.com", HostEntry("https", "*.example.com", 443, private=False)),
        ("http://host:8000", HostEntry("http", "host", 8000, private=False)),
        ("http://127.0.0.1:9000 private", HostEntry("http", "127.0.0.1", 9000, private=True)),
        ("[::1]:9000  private", HostEntry("https", "::1", 9000, private=True)),
    ],
)
def test_entry_is_read(text, entry):
    assert host_entries([text]) == (entry,)


@pytest.mark.parametrize(
    "text", ["", "a b", "ftp://host", "host/path", "user@host", "host:port", "*", "a.*.com", "*.*"]
)
def test_an_entry_that_cannot_be_read_is_refused(text):
    with pytest.raises(SettingsError, match=r"urls\.hosts"):
        host_entries([text])


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://Files.Example.com/a%20b?x=1#y", WebAddress("https", "files.example.com", 443, "/a%20b?x=1")),
        ("HTTP://host", WebAddress("http", "host", 80, "/")),
        ("https://host.:8443/a/../b//c", WebAddress("https", "host", 8443, "/a/../b//c")),
        ("https://[2001:db8::1]/x", WebAddress("https", "2001:db8::1", 443, "/x")),
        ("https://bücher.example/x", WebAddress("https", "xn--bcher-kva.example", 443, "/x")),
    ],
)
def test_link_is_taken_apart(url, address):
    assert web_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "https://user:word@files.example.com/a",
        "https://user@files.example.com/a",
        "https:///a",
        "https://host:99999/a",
        "https://[::1/a",
        "https://" + "ä" * 80 + "/a",
        "ftp://host/a",
    ],
)
def test_a_link_of_which_no_request_can_be_made_is_skipped(url):
    with pytest.raises(Skipped) as caught:
        web_address(url)
    assert caught.value.reason == "host_not_allowed"
    assert "word" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://files.example.com/a", True),
        ("https://FILES.example.com./a", True),
        ("https://a.vendor.com/a", True),
        ("https://a.b.vendor.com/a", True),
        ("http://plain.example.com:8000/a", True),
        ("http://files.example.com/a", False),
        ("https://files.example.com:8443/a", False),
        ("https://files.example.com.evil.com/a", False),
        ("https://evilfiles.example.com/a", False),
        ("https://vendor.com/a", False),
        ("https://evilvendor.com/a", False),
        ("http://a.vendor.com/a", False),
        ("https://plain.example.com:8000/a", False),
        ("http://plain.example.com/a", False),
        ("https://127.0.0.1/a", False),
    ],
)
def test_only_hosts_of_the_list_are_allowed(url, allowed):
    hosts = Hosts(host_entries(["files.example.com", "*.vendor.com", "http://plain.example.com:8000"]))
    assert (hosts.entry(web_address(url)) is not None) is allowed


@pytest.mark.parametrize(
    ("url", "allowed"),
    [("https://any.example/a", True), ("http://any.example/a", False), ("https://any.example:22/a", False)],
)
def test_every_public_host_means_https_on_its_port(url, allowed):
    assert (Hosts(any_public=True).entry(web_address(url)) is not None) is allowed


def test_an_entry_that_names_the_host_counts_before_a_wider_one():
    hosts = Hosts(host_entries(["*.example.com", "files.example.com private"]), any_public=True)
    assert hosts.entry(web_address("https://files.example.com/a")) == hosts.entries[1]
    assert hosts.entry(web_address("https://other.example.com/a")) == hosts.entries[0]


def test_a_signature_is_not_shown():
    assert "secret" not in repr(web_address("https://host/a?X-Amz-Signature=secret"))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://host/a?b=c", "https://host"),
        ("http://host:8000/a", "http://host:8000"),
        ("https://[::1]:9/a", "https://[::1]:9"),
    ],
)
def test_origin_is_scheme_and_host(url, origin):
    assert web_address(url).origin == origin
